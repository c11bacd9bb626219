"""The platform's end of a Twilio media stream, without any I/O: what a message means, and which audio is dropped."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Any

import orjson

WINDOW_S = 1.0


class StreamBroken(Exception):
    """The message ends the stream's handling: it is not JSON, or its `start` lacks what a call needs."""


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """A `start` message: which call this is, by the parameters that the TwiML gave."""

    stream_sid: str
    call_sid: str
    org_phone: str
    caller: str
    called: str


class StreamStopped:
    """A `stop` message: the call is over."""


Event = StreamStarted | StreamStopped | bytes | None


class MediaStream:
    """Reads one stream's messages. Audio beyond the limits is dropped and counted, and nobody is told."""

    def __init__(self, *, packets_per_s: int, payload_chars: int, audio_bytes: int) -> None:
        self._packets_per_s = packets_per_s
        self._payload_chars = payload_chars
        self._audio_bytes = audio_bytes
        self._window_start = float("-inf")
        self._packets = 0
        self.dropped = 0

    def receive(self, text: str, now: float) -> Event:
        """Read one text frame that came at `now` (monotonic seconds): μ-law audio, a start, a stop, or None.

        Raise `StreamBroken` where the platform's handler would end.
        """
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as unreadable:
            raise StreamBroken(f"a message is not JSON: {unreadable}") from None
        if not isinstance(message, dict):
            raise StreamBroken(f"a message is a JSON {type(message).__name__}, not an object")
        event = message.get("event")
        if event == "media":
            return self._audio(message, now)
        if event == "start":
            return _started(message)
        return StreamStopped() if event == "stop" else None

    def _audio(self, message: dict[str, Any], now: float) -> bytes | None:
        if now - self._window_start >= WINDOW_S:
            self._window_start, self._packets = now, 0
        self._packets += 1
        audio = None
        if self._packets <= self._packets_per_s:
            audio = self._decode(message.get("media"))
        if audio is None:
            self.dropped += 1
        return audio

    def _decode(self, media: Any) -> bytes | None:
        payload = media.get("payload") if isinstance(media, dict) else None
        if not isinstance(payload, str) or len(payload) > self._payload_chars:
            return None
        try:
            audio = binascii.a2b_base64(payload)
        except ValueError:  # binascii.Error, or characters beyond ASCII
            return None
        return audio if len(audio) <= self._audio_bytes else None


class Playback:
    """Writes the messages that play audio to the caller of one stream, and `clear`, which drops what is yet to play."""

    def __init__(self, stream_sid: str) -> None:
        quoted = orjson.dumps(stream_sid).decode()
        self.clear = f'{{"event":"clear","streamSid":{quoted}}}'
        self._before = f'{{"event":"media","streamSid":{quoted},"media":{{"payload":"'

    def message(self, audio: bytes) -> str:
        """Write a message with μ-law audio of any length."""
        return self._before + binascii.b2a_base64(audio, newline=False).decode("ascii") + '"}}'


def _started(message: dict[str, Any]) -> StreamStarted:
    start = message.get("start")
    parameters = start.get("customParameters") if isinstance(start, dict) else None
    if not isinstance(start, dict) or not isinstance(parameters, dict):
        raise StreamBroken("`start` has no customParameters")
    values = [start.get("streamSid"), *(parameters.get(name) for name in ("call_sid", "org_phone", "from", "to"))]
    texts = [value for value in values if isinstance(value, str) and value]
    if len(texts) != len(values):
        raise StreamBroken("`start` lacks streamSid or one of the parameters call_sid, org_phone, from, to")
    return StreamStarted(*texts)
