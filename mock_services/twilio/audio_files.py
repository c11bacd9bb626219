"""Audio files: what a recording is served as, WAV or MP3, made in a process of its own.

    python -m mock_services.twilio.audio_files mp3 2 < μ-law of the caller, and as much of the other side > file

A thread would hold Python's lock while it mixes, and live calls would lose frames to it: this process yields to them.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import wave
from array import array
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

import lameenc

from mock_services.core.speech import SAMPLE_RATE
from mock_services.twilio.protocol.tape import SAMPLE_BYTES, Tape, Track, interleaved

ROOT: Final = Path(__file__).resolve().parents[2]
KBITS_PER_CHANNEL: Final = 32
QUALITY: Final = 5  # LAME's own default for speed against care: three minutes take an eighth of a second
NICENESS: Final = 10
MAKING_SECONDS: Final = 60.0


class Kind(StrEnum):
    """What a file is."""

    WAV = "wav"
    MP3 = "mp3"


def make_apart(kind: Kind, tape: Tape, channels: int) -> bytes:
    """Make a file in another process, which takes a while: ask in a thread.

    Raises `subprocess.SubprocessError` where that fails, or takes longer than a minute.
    """
    sides = tape.ulaw(Track.CALLER) + tape.ulaw(Track.AGENT)
    command = [sys.executable, "-m", "mock_services.twilio.audio_files", kind, str(channels)]
    made = subprocess.run(  # noqa: S603 - this very module
        command, input=sides, capture_output=True, cwd=ROOT, timeout=MAKING_SECONDS, check=True
    )
    return made.stdout


def make(kind: Kind, caller: bytes, other: bytes, channels: int) -> bytes:
    """Make a file of two sides of one length: two channels are the sides, one is both of them mixed."""
    blocks = interleaved((caller, other), len(caller))
    if channels == 1:
        blocks = map(_mixed, blocks)
    return _wav(blocks, channels) if kind is Kind.WAV else _mp3(blocks, channels)


def _wav(blocks: Iterator[bytes], channels: int) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(SAMPLE_RATE)
        for block in blocks:
            file.writeframes(block)
    return content.getvalue()


def _mp3(blocks: Iterator[bytes], channels: int) -> bytes:
    encoder = lameenc.Encoder()
    encoder.silence()  # it would print what it does
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_channels(channels)
    encoder.set_bit_rate(KBITS_PER_CHANNEL * channels)
    encoder.set_quality(QUALITY)
    return b"".join([*(bytes(encoder.encode(block)) for block in blocks), bytes(encoder.flush())])


def _mixed(stereo: bytes) -> bytes:
    samples = array("h", stereo)
    both = zip(samples[::2], samples[1::2], strict=True)
    return array("h", (min(max(a + b, -0x8000), 0x7FFF) for a, b in both)).tobytes()


def main() -> None:
    """Make the file that the command line asks for."""
    os.nice(NICENESS)
    kind, channels = Kind(sys.argv[1]), int(sys.argv[2])
    sides = sys.stdin.buffer.read()
    middle = len(sides) // 2
    sys.stdout.buffer.write(make(kind, sides[:middle], sides[middle:], channels))


if __name__ == "__main__":
    main()
