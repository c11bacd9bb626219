"""The Media Streams protocol of one bidirectional call, as Twilio speaks it.

Times are seconds on any steady clock and are passed in. Messages out are ready to be sent as text frames.
"""

from __future__ import annotations

import binascii
from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Any

import orjson

from mock_services.core.speech import FRAME_MS, SAMPLE_RATE
from mock_services.twilio.protocol.audio import voiced_span
from mock_services.twilio.protocol.tape import Recorder

FIRST_TIMESTAMP_MS = 5
MARKS_PENDING = 1000
MARK_NAME_LENGTH = 1024


class StreamState(Enum):
    """How far a stream has come."""

    NEW = "new"
    CONNECTED = "connected"
    STARTED = "started"
    STOPPED = "stopped"


class StreamStateError(RuntimeError):
    """A message was asked for that the stream cannot send in its state."""

    def __init__(self, message: str, state: StreamState, expected: StreamState) -> None:
        super().__init__(f"{message} needs a stream that is {expected.value}, and this one is {state.value}")


class MediaStream:
    """One stream: numbers what goes out, models the play-out of what comes in, and echoes marks when they are due.

    Twilio plays what it receives at 8000 bytes a second in order of arrival, however fast it arrives. A mark comes back
    when all that was buffered before it has been played; `clear` empties the buffer, which makes every mark due.
    Source: Twilio's Media Streams reference (WebSocket messages from and to Twilio).
    """

    __slots__ = (
        "_account_sid",
        "_call_sid",
        "_chunk",
        "_marks",
        "_media",
        "_parameters",
        "_sequence",
        "_timestamp",
        "audio_received",
        "cleared_at",
        "messages_received",
        "plays_until",
        "state",
        "stream_sid",
        "tape",
        "voiced_until",
        "warning",
        "warnings",
    )

    def __init__(
        self,
        account_sid: str,
        call_sid: str,
        stream_sid: str,
        parameters: Mapping[str, str],
        tape: Recorder | None = None,
    ) -> None:
        self.stream_sid = stream_sid
        self.tape = tape  # is given what is played to the caller
        self.state = StreamState.NEW
        self.messages_received = 0
        self.audio_received = 0  # bytes of μ-law
        self.warnings = 0
        self.warning = ""  # the newest, in a sentence
        self.plays_until = 0.0  # when all that came in will have been played
        self.cleared_at = 0.0  # when the last `clear` came
        self.voiced_until = 0.0  # when the last voice in it will have been heard
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._parameters = dict(parameters)
        self._sequence = 0
        self._chunk = 0
        self._timestamp = FIRST_TIMESTAMP_MS - FRAME_MS
        self._marks: deque[tuple[float, str]] = deque()
        # Formatted once a frame and call: everything that does not change is in place already.
        self._media = (
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d",'
            b'"payload":"%b"},"streamSid":"' + stream_sid.encode().replace(b"%", b"%%") + b'"}'
        )

    def connected(self) -> bytes:
        """Open the protocol: the first message, without a sequence number."""
        self._advance("connected", StreamState.NEW, StreamState.CONNECTED)
        return orjson.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self) -> bytes:
        """Describe the stream: sequence number 1."""
        self._advance("start", StreamState.CONNECTED, StreamState.STARTED)
        start = {
            "accountSid": self._account_sid,
            "streamSid": self.stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": SAMPLE_RATE, "channels": 1},
            "customParameters": self._parameters,
        }
        return self._numbered("start", {"start": start})

    def media(self, payload: bytes) -> bytes:
        """Send 20 ms of the caller's audio, given as base64."""
        if self.state is not StreamState.STARTED:
            raise StreamStateError("media", self.state, StreamState.STARTED)
        self._sequence = sequence = self._sequence + 1
        self._chunk = chunk = self._chunk + 1
        self._timestamp = timestamp = self._timestamp + FRAME_MS
        return self._media % (sequence, chunk, timestamp, payload)

    def skip(self, frames: int = 1) -> None:
        """Leave out frames whose time has passed: the timestamp moves on, chunk and sequence number do not."""
        if self.state is not StreamState.STARTED:
            raise StreamStateError("skip", self.state, StreamState.STARTED)
        self._timestamp += frames * FRAME_MS

    def dtmf(self, digit: str) -> bytes:
        """Tell of a key that the caller pressed."""
        self._require("dtmf", StreamState.STARTED)
        return self._numbered("dtmf", {"dtmf": {"track": "inbound_track", "digit": digit}})

    def stop(self) -> bytes:
        """End the stream: the last message."""
        self._advance("stop", StreamState.STARTED, StreamState.STOPPED)
        return self._numbered("stop", {"stop": {"accountSid": self._account_sid, "callSid": self._call_sid}})

    def receive(self, message: bytes, now: float) -> float | None:
        """Take one text message that arrived at `now`; for audio with voice in it, give when that voice will be heard.

        Voice is heard after what was buffered before it. What Twilio ignores (unknown events, other streams, bad JSON
        or base64) is counted in `warnings`.
        """
        self.messages_received += 1
        try:
            content = orjson.loads(message)
            event = content["event"]
            if content["streamSid"] != self.stream_sid:
                self.warn("a message names another stream")
            elif event == "media":
                return self._play(binascii.a2b_base64(content["media"]["payload"], strict_mode=True), now)
            elif event == "mark":
                self._mark(content["mark"]["name"], now)
            elif event == "clear":
                self._clear(now)
            else:
                self.warn(f"a message has the unknown event {str(event)[:50]!r}")
        except (ValueError, KeyError, TypeError) as unreadable:  # orjson's and binascii's errors are ValueErrors
            self.warn(f"a message cannot be read: {type(unreadable).__name__}: {str(unreadable)[:200]}")
        return None

    def due_marks(self, now: float) -> list[bytes]:
        """Give the mark messages that are due by `now`, in the order in which the marks came."""
        due: list[bytes] = []
        while self._marks and self._marks[0][0] <= now:
            due.append(self._numbered("mark", {"mark": {"name": self._marks.popleft()[1]}}))
        return due

    @property
    def marks_pending(self) -> int:
        """How many marks wait for the audio before them to be played."""
        return len(self._marks)

    def warn(self, sentence: str) -> None:
        """Count something that the peer did against the protocol and that Twilio ignores."""
        self.warnings += 1
        self.warning = sentence

    def _play(self, audio: bytes, now: float) -> float | None:
        self.audio_received += len(audio)
        begins = self.plays_until if self.plays_until > now else now
        self.plays_until = begins + len(audio) / SAMPLE_RATE
        if self.tape is not None:
            self.tape.agent(audio, begins)
        span = voiced_span(audio)
        if span is None:
            return None
        self.voiced_until = begins + span[1]
        return begins + span[0]

    def _mark(self, name: Any, now: float) -> None:
        if not isinstance(name, str) or len(name) > MARK_NAME_LENGTH:
            self.warn(f"a mark's name is not text of at most {MARK_NAME_LENGTH} characters")
        elif len(self._marks) >= MARKS_PENDING:
            self.warn(f"more than {MARKS_PENDING} marks are pending")
        else:
            self._marks.append((max(self.plays_until, now), name))

    def _clear(self, now: float) -> None:
        self.cleared_at = now
        self.plays_until = min(self.plays_until, now)
        self.voiced_until = min(self.voiced_until, now)
        self._marks = deque((now, name) for _, name in self._marks)
        if self.tape is not None:
            self.tape.cut(now)

    def _numbered(self, event: str, content: dict[str, Any]) -> bytes:
        self._sequence += 1
        return orjson.dumps(
            {"event": event, "sequenceNumber": str(self._sequence), **content, "streamSid": self.stream_sid}
        )

    def _advance(self, message: str, expected: StreamState, reached: StreamState) -> None:
        self._require(message, expected)
        self.state = reached

    def _require(self, message: str, expected: StreamState) -> None:
        if self.state is not expected:
            raise StreamStateError(message, self.state, expected)
