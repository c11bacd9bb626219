"""The Media Streams protocol of a stream that only takes a copy of the call's audio (`<Start><Stream>`)."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final

from mock_services.core.speech import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, SILENCE
from mock_services.twilio.protocol.media import FIRST_TIMESTAMP_MS, MediaStream, StreamState, StreamStateError

MOST_WAITING: Final = 120 * SAMPLE_RATE  # bytes: two minutes
TRACKS = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}


class ForkStream(MediaStream):
    """One such stream: sequence numbers run over all messages, chunks over those of each track.

    What the server sends is ignored and counted as a warning, since nothing can be played on it.
    """

    __slots__ = ("_chunks", "_frames", "tracks")

    def __init__(
        self, account_sid: str, call_sid: str, stream_sid: str, parameters: Mapping[str, str], track: str
    ) -> None:
        super().__init__(account_sid, call_sid, stream_sid, parameters)
        self.tracks = TRACKS[track]
        self._chunks = dict.fromkeys(self.tracks, 0)
        self._frames = 0

    def start(self) -> bytes:
        """Describe the stream, with its tracks: sequence number 1."""
        self._advance("start", StreamState.CONNECTED, StreamState.STARTED)
        start: dict[str, Any] = {
            "accountSid": self._account_sid,
            "streamSid": self.stream_sid,
            "callSid": self._call_sid,
            "tracks": list(self.tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": SAMPLE_RATE, "channels": 1},
            "customParameters": self._parameters,
        }
        return self._numbered("start", {"start": start})

    def frame(self, payloads: Mapping[str, bytes]) -> list[bytes]:
        """Send 20 ms of each track, given as base64: messages with one timestamp."""
        if self.state is not StreamState.STARTED:
            raise StreamStateError("media", self.state, StreamState.STARTED)
        timestamp = FIRST_TIMESTAMP_MS + self._frames * FRAME_MS
        self._frames += 1
        messages = []
        for track in self.tracks:
            self._chunks[track] += 1
            media = {
                "track": track,
                "chunk": str(self._chunks[track]),
                "timestamp": str(timestamp),
                "payload": payloads[track].decode("ascii"),
            }
            messages.append(self._numbered("media", {"media": media}))
        return messages

    def skip(self, frames: int = 1) -> None:
        """Leave out frames whose time has passed."""
        self._frames += frames

    def receive(self, message: bytes, now: float) -> float | None:
        """Ignore what the server sends."""
        self.messages_received += 1
        self.warn("the server sent a message on a stream that takes audio only one way")
        return None


class Heard:
    """What is heard on one track, from when it comes until it is sent on in frames of 20 ms. Times are seconds."""

    __slots__ = ("_begins", "_waiting")

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._begins = 0.0  # when the first of what waits is heard

    def add(self, ulaw: bytes, at: float) -> None:
        """Take audio that is heard from `at` on, or after what waits already; what is too much to wait is left out."""
        if not self._waiting:
            self._begins = at
        self._waiting += ulaw[: MOST_WAITING - len(self._waiting)]

    def clear(self) -> None:
        """Drop what has not been sent: nobody hears it."""
        self._waiting.clear()

    def next(self, now: float) -> bytes | None:
        """Give the next frame as base64, filled up with silence, or None while nothing is heard."""
        if not self._waiting or self._begins > now:
            return None
        frame = bytes(self._waiting[:FRAME_BYTES]).ljust(FRAME_BYTES, bytes([SILENCE]))
        del self._waiting[:FRAME_BYTES]
        return binascii.b2a_base64(frame, newline=False)
