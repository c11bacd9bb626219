"""Audio files: what a recording is served as, and how long a file that `<Play>` names is."""

from __future__ import annotations

import io
import struct
import wave
from array import array

from mock_services.core.speech import SAMPLE_RATE
from mock_services.twilio.protocol.tape import Tape

MP3_FRAME_SECONDS = 1152 / 44_100
# A frame of MPEG-1 Layer III (ISO/IEC 11172-3), mono, 32 kbit/s at 44.1 kHz, whose side information is all zero: every
# decoder makes silence of it.
_SILENT_MP3_FRAME = bytes([0xFF, 0xFB, 0x10, 0xC4]) + bytes(100)


def write(tape: Tape, channels: int) -> bytes:
    """Give a 16-bit WAV file: two channels are the caller's and the other side's, one is both of them mixed."""
    content = io.BytesIO()
    tape.write_wav(content)
    if channels == 2:
        return content.getvalue()
    content.seek(0)
    with wave.open(content) as both:
        samples = array("h", both.readframes(both.getnframes()))
    mixed = array("h", (min(max(a + b, -0x8000), 0x7FFF) for a, b in zip(samples[::2], samples[1::2], strict=True)))
    mono = io.BytesIO()
    with wave.open(mono, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(mixed.tobytes())
    return mono.getvalue()


def silent_mp3(seconds: float) -> bytes:
    """Give an MP3 of that length: there is no encoder in the lab, so it is silent."""
    return _SILENT_MP3_FRAME * max(1, round(seconds / MP3_FRAME_SECONDS))


def seconds(content: bytes) -> float | None:
    """Give how long a WAV file plays by what its header says, or None for what is not one."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    at, rate = 12, 0
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"fmt " and at + 12 <= len(content):
            (rate,) = struct.unpack_from("<I", content, at + 8)  # bytes a second
        elif name == b"data" and rate:
            return float(min(length, len(content) - at)) / rate
        at += int(length) + length % 2
    return None
