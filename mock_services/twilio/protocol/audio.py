"""Telephone audio on its way to the wire: payloads made once for all calls, and where voice stands in what comes in."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mock_services.core.speech import FRAME_BYTES, FRAME_MS, LOUD, SAMPLE_RATE, comfort_noise, load_recordings

FRAME_SECONDS = FRAME_MS / 1000
NOISE_MS = 2000  # a second or two of noise, looped from a different place by each call, does not repeat audibly


@dataclass(frozen=True, slots=True)
class Line:
    """A spoken line as the payloads of its 20 ms frames: base64, ready for the wire, shared by all calls."""

    id: str
    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """What callers are made of: the lines they can speak, and the line noise that they send while they listen."""

    lines: tuple[Line, ...]
    noise: tuple[bytes, ...]

    def line(self, line_id: str) -> Line:
        """Give the line called `line_id`; raise `KeyError` if there is none."""
        for line in self.lines:
            if line.id == line_id:
                return line
        raise KeyError(line_id)


def load_voice(random: Random) -> Voice:
    """Encode the caller's recordings, and noise drawn from `random`, once for the whole process."""
    lines = tuple(Line(recording.id, payloads(recording.ulaw)) for recording in load_recordings("caller"))
    return Voice(lines, payloads(comfort_noise(random, NOISE_MS)))


def payloads(ulaw: bytes) -> tuple[bytes, ...]:
    """Cut μ-law audio into frames of 20 ms, each as base64; a last frame that is not whole is left out."""
    whole = len(ulaw) // FRAME_BYTES * FRAME_BYTES
    return tuple(
        binascii.b2a_base64(ulaw[start : start + FRAME_BYTES], newline=False) for start in range(0, whole, FRAME_BYTES)
    )


def voiced_span(ulaw: bytes) -> tuple[float, float] | None:
    """Give where voice begins and ends in `ulaw`, in seconds from its start, or None where there is none.

    Voice is judged frame by frame as `core.speech.is_voiced` does: a quarter of the samples are loud. Passes in C over
    the bytes make it cheap enough for every frame of a thousand calls.
    """
    loud = ulaw.translate(LOUD)
    size = len(loud)
    if size <= FRAME_BYTES:
        return (0.0, size / SAMPLE_RATE) if loud.count(1) * 4 > size else None
    voiced: Sequence[int] = [
        start
        for start in range(0, size, FRAME_BYTES)
        if loud.count(1, start, start + FRAME_BYTES) * 4 > min(FRAME_BYTES, size - start)
    ]
    if not voiced:
        return None
    return voiced[0] / SAMPLE_RATE, min(voiced[-1] + FRAME_BYTES, size) / SAMPLE_RATE
