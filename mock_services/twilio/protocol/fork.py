"""The Media Streams protocol of a stream that only takes a copy of the call's audio (`<Start><Stream>`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_services.core.speech import FRAME_MS, SAMPLE_RATE
from mock_services.twilio.protocol.media import FIRST_TIMESTAMP_MS, MediaStream, StreamState, StreamStateError

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
