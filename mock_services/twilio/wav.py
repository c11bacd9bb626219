"""Audio files: what a recording is served as."""

from __future__ import annotations

import io
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
