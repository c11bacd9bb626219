"""Speech to stream: short recordings of a caller, in the encodings that the platform's sockets take.

The recordings are 8 kHz mono mu-law without a header, made for this project with a speech synthesiser (flite).
"""

from __future__ import annotations

import functools
import sys
from array import array
from pathlib import Path

RECORDINGS = ("hello", "hours", "transfer")
FOLDER = Path(__file__).with_name("recordings")

FRAME_MS = 20
ULAW_FRAME = 160
"""Bytes of 20 ms at 8 kHz, one a sample."""
PCM_FRAME = 640
"""Bytes of 20 ms at 16 kHz, two a sample."""
ULAW_SILENCE = 0xFF
LOUD = 300
"""Linear level above which a sample is sound; comfort noise stays below it."""
LOUD_SHARE = 0.25
"""So much of a frame's samples are loud where somebody speaks."""


def _linear(code: int) -> int:
    """The 16-bit sample of one mu-law code (ITU-T G.711)."""
    inverted = ~code & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + 132 << (inverted >> 4 & 7)) - 132
    return -magnitude if inverted & 0x80 else magnitude


LINEAR = tuple(_linear(code) for code in range(256))
IS_LOUD = bytes(abs(value) > LOUD for value in LINEAR)


def is_audible(ulaw: bytes) -> bool:
    """Whether any 20 ms of mu-law audio hold sound."""
    loud = ulaw.translate(IS_LOUD)
    return any(
        loud.count(1, start, start + ULAW_FRAME) > LOUD_SHARE * ULAW_FRAME for start in range(0, len(loud), ULAW_FRAME)
    )


@functools.cache
def ulaw_frames(recording: str) -> tuple[bytes, ...]:
    """A recording as frames of 20 ms; it ends with its last frame of speech."""
    ulaw = (FOLDER / f"{recording}.ulaw").read_bytes()
    frames = [ulaw[start : start + ULAW_FRAME] for start in range(0, len(ulaw), ULAW_FRAME)]
    while frames and not is_audible(frames[-1]):
        frames.pop()
    if frames:
        frames[-1] = frames[-1].ljust(ULAW_FRAME, bytes([ULAW_SILENCE]))
    return tuple(frames)


@functools.cache
def pcm(recording: str) -> bytes:
    """A recording as linear16, 16 kHz, little-endian: each sample and the mean of it and the next."""
    samples = [LINEAR[code] for code in b"".join(ulaw_frames(recording))]
    doubled = array("h")
    for now, after in zip(samples, [*samples[1:], 0], strict=True):
        doubled.extend((now, (now + after) // 2))
    if sys.byteorder == "big":
        doubled.byteswap()
    return doubled.tobytes()
