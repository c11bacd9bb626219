"""One live transcription as a state machine without input, output or a clock of its own.

`receive_audio` and `receive_text` take what the client sends; `due` says when something is to be sent next, and `poll`
gives what is due by then. Times are seconds on any monotonic clock. After Deepgram's `/v1/listen` over a WebSocket
(https://developers.deepgram.com/reference/speech-to-text/listen-streaming).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import Any, Final

import orjson

from mock_services.core.conversation import Close, Output
from mock_services.deepgram.listen.audio import AudioFormat
from mock_services.deepgram.listen.messages import Scribe
from mock_services.deepgram.listen.options import ListenOptions
from mock_services.deepgram.listen.transcriber import Event, Rules, Segment, Transcriber
from mock_services.deepgram.listen.wav import UnreadableAudio, read_header
from mock_services.deepgram.protocol import NEVER
from mock_services.deepgram.tally import ListenTally
from mock_services.deepgram.timing import ListenTiming

INTERIMS_WAITING: Final = 1_000
"""Messages that may wait to be sent; beyond that interim results are left out: later ones say the same and more."""
MESSAGES_WAITING: Final = 20_000
"""Messages beyond which a client that reads none of them is closed."""
SHOWN: Final = 1_000  # characters of a message that is not understood
KEYTERM_MODELS: Final = "nova-3"


class ListenSession:
    """A stream of one client's audio, and what is said in it."""

    def __init__(
        self,
        request_id: str,
        options: ListenOptions,
        timing: ListenTiming,
        random: Random,
        tally: ListenTally,
        now: float,
    ) -> None:
        self._scribe = Scribe(request_id, options)
        self._options = options
        self._timing = timing
        self._random = random
        self._tally = tally
        self._heard_from_client_at = now
        self._waiting: deque[tuple[float, Output]] = deque()  # none overtakes another, however they are due
        self._ended = False
        self._digest = hashlib.sha256()
        self._received = 0
        self._rest = b""
        self._channels: list[Transcriber] = []
        self._format: AudioFormat | None = None
        audio = options.raw_format()
        if audio is not None:
            self._begin(audio)

    @property
    def audio_s(self) -> float:
        """How much audio came, in seconds."""
        return self._received / self._format.bytes_per_s if self._format is not None else 0.0

    @property
    def due(self) -> float:
        """When `poll` next has something to give, if nothing arrives before."""
        first = self._waiting[0][0] if self._waiting else NEVER
        return first if self._ended else min(first, self._heard_from_client_at + self._timing.idle_timeout_ms / 1000)

    def receive_audio(self, audio: bytes, now: float) -> None:
        """Take a binary message of any length. An empty one ends the stream."""
        self._heard_from_client_at = now
        if self._ended:
            return
        if not audio:
            self._close_stream(now)
            return
        self._tally.audio_messages += 1
        self._digest.update(audio)
        if self._format is None:
            try:
                header = read_header(audio)
            except UnreadableAudio:
                self._fail(1008, "DATA-0000", "The payload cannot be decoded as audio.", now)
                return
            self._begin(header.format)
            audio = audio[header.start :]
        self._received += len(audio)
        self._hear(audio, now)

    def receive_text(self, text: str, now: float) -> None:
        """Take a text message. One that is none of the known is reported and changes nothing."""
        self._heard_from_client_at = now
        if self._ended:
            return
        message = _object(text)
        match message.get("type"):
            case "KeepAlive":
                pass
            case "Finalize":
                self._tell_all((each.flush(from_finalize=True) for each in self._channels), now)
            case "CloseStream":
                self._close_stream(now)
            case "Configure":
                self._configure(message, now)
            case _:
                self._tally.errors["SchemaError"] += 1
                description = "Could not deserialize last text message: it is none that is known."
                self._say(
                    {"type": "Error", "variant": "SchemaError", "description": description, "message": text[:SHOWN]},
                    now,
                )

    def poll(self, now: float) -> list[Output]:
        """Give what is to be sent by `now`, in order. After a `Close` there is nothing more."""
        if not self._ended and now >= self._heard_from_client_at + self._timing.idle_timeout_ms / 1000:
            reason = "Deepgram did not receive audio data or a text message within the timeout window."
            self._fail(1011, "NET-0001", reason, now)
        outputs: list[Output] = []
        while self._waiting and self._waiting[0][0] <= now:
            outputs.append(self._waiting.popleft()[1])
        return outputs

    def _begin(self, audio: AudioFormat) -> None:
        self._format = audio
        options = self._options
        rules = Rules(
            onset_ms=self._timing.onset_ms,
            pause_ms=self._timing.pause_ms,
            endpointing_ms=options.endpointing,
            utterance_end_ms=options.utterance_end_ms,
            interim=options.interim_results,
        )
        heard = audio.channels if options.multichannel else 1
        self._channels = [Transcriber(audio, rules, self._random) for _ in range(heard)]

    def _hear(self, payload: bytes, now: float) -> None:
        assert self._format is not None
        audio = self._rest + payload if self._rest else payload
        size = self._format.frame_bytes
        whole = len(audio) - len(audio) % size
        self._rest = audio[whole:]
        for start in range(0, whole, size):
            samples = self._format.split(audio[start : start + size])
            for channel, transcriber in enumerate(self._channels):
                for event in transcriber.hear(samples[channel]):
                    self._tell(event, channel, now)

    def _tell(self, event: Event, channel: int, now: float) -> None:
        if isinstance(event, Segment):
            if event.is_final:
                self._tally.finals += 1
            elif len(self._waiting) >= INTERIMS_WAITING:
                self._tally.interims_left_out += 1
                return
            else:
                self._tally.interims += 1
        message = self._scribe.event(event, channel, len(self._channels))
        if message is not None:
            self._send(message, now)

    def _tell_all(self, events: Iterable[Event], now: float) -> None:
        for channel, event in enumerate(events):
            self._tell(event, channel, now)

    def _configure(self, message: dict[str, Any], now: float) -> None:
        keyterms = message.get("keyterms")
        about: dict[str, Any] = {"request_id": self._scribe.request_id}
        if keyterms is not None and not self._options.model.startswith(KEYTERM_MODELS):
            code = "CONFIGURE_KEYTERMS_NOT_SUPPORTED"
            description = f"Model {self._options.model} takes no keyterms while it listens."
            self._say({"type": "ConfigureFailure", **about, "code": code, "description": description}, now)
        else:
            replaced = {} if keyterms is None else {"keyterms": keyterms}
            self._say({"type": "ConfigureSuccess", **about, **replaced}, now)

    def _close_stream(self, now: float) -> None:
        if self._format is not None:
            self._tell_all((each.flush(from_finalize=False) for each in self._channels), now)
        channels = self._format.channels if self._format is not None else self._options.channels
        metadata = self._scribe.metadata(self._digest.hexdigest(), self.audio_s, channels)
        self._say({"type": "Metadata", **metadata}, now)
        self._end(Close(1000, ""), now)

    def _fail(self, code: int, name: str, description: str, now: float) -> None:
        self._tally.errors[name] += 1
        self._end(Close(code, f"{name}: {description}"), now)

    def _end(self, close: Close, now: float) -> None:
        if not self._ended:
            self._waiting.append((now, close))
            self._ended = True

    def _say(self, message: dict[str, Any], now: float) -> None:
        self._send(orjson.dumps(message).decode(), now)

    def _send(self, message: str, now: float) -> None:
        if len(self._waiting) >= MESSAGES_WAITING and not self._ended:
            self._fail(1011, "NET-0000", "The client does not take what it is sent.", now)
        if not self._ended:
            due = now + self._timing.draw_s(self._timing.result_ms, self._random)
            self._waiting.append((due, message))


def _object(text: str) -> dict[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}
