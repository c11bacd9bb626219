"""Audio files: what a recording is served as, WAV or MP3. Either takes a while to make: ask in a thread."""

from __future__ import annotations

import io
import wave
from array import array
from collections.abc import Iterator
from typing import Final

import lameenc

from mock_services.core.speech import SAMPLE_RATE
from mock_services.twilio.protocol.tape import SAMPLE_BYTES, Tape

KBITS_PER_CHANNEL: Final = 32
QUALITY: Final = 5  # LAME's own default for speed against care: three minutes take an eighth of a second


def wav(tape: Tape, channels: int) -> bytes:
    """Give a 16-bit WAV file: two channels are the caller's and the other side's, one is both of them mixed."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(SAMPLE_RATE)
        for block in _blocks(tape, channels):
            file.writeframes(block)
    return content.getvalue()


def mp3(tape: Tape, channels: int) -> bytes:
    """Give an MP3 file of the same channels, encoded by LAME, which does not hold Python up while it works."""
    encoder = lameenc.Encoder()
    encoder.silence()  # it would print what it does
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_channels(channels)
    encoder.set_bit_rate(KBITS_PER_CHANNEL * channels)
    encoder.set_quality(QUALITY)
    content = bytearray()
    for block in _blocks(tape, channels):
        content += encoder.encode(block)
    content += encoder.flush()
    return bytes(content)


def _blocks(tape: Tape, channels: int) -> Iterator[bytes]:
    for block in tape.blocks():
        yield block if channels == 2 else _mixed(block)


def _mixed(stereo: bytes) -> bytes:
    samples = array("h", stereo)
    both = zip(samples[::2], samples[1::2], strict=True)
    return array("h", (min(max(a + b, -0x8000), 0x7FFF) for a, b in both)).tobytes()
