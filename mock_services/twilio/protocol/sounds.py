"""What is played to a caller, as audio that is cut from where it is asked for: words, files, keys and tones.

There is no synthetic voice in the lab. Words that are one of its recorded lines are that line; any others are recorded
speech, from a place that follows from the text, which takes as long and says something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final
from zlib import crc32

from mock_services.core.speech import SAMPLE_RATE, SILENCE, encode, load_recordings
from mock_services.twilio.protocol.wave_file import WaveFile

KEY_SECONDS: Final = 0.1
KEY_GAP_SECONDS: Final = 0.1
WAITS: Final = {"w": 0.5, "W": 1.0}
BETWEEN_LINES: Final = SAMPLE_RATE // 4  # samples of silence
BEEP_HERTZ: Final = 1000
TONE_LEVEL: Final = 5000  # peak of a tone: about -16 dBFS, and two of them at once make a key
ROWS: Final = {"123": 697, "456": 770, "789": 852, "*0#": 941}  # ITU-T Q.23
COLUMNS: Final = {"147*": 1209, "2580": 1336, "369#": 1477}

Take = Callable[[int, int], bytes]
"""Gives the samples from one place to another, as μ-law."""


@dataclass(frozen=True, slots=True)
class Sound:
    """`samples` of audio, played `loop` times over. Nothing to `take` is silence."""

    samples: int
    loop: int = 1
    take: Take | None = None

    @property
    def seconds(self) -> float:
        """How long it is in all."""
        return self.samples * self.loop / SAMPLE_RATE

    def ulaw(self, begin: int, end: int) -> bytes:
        """Give the samples from `begin` to `end`, which lie in it."""
        if self.take is None or not self.samples:
            return bytes([SILENCE]) * (end - begin)
        pieces = bytearray()
        while begin < end:
            place = begin % self.samples
            until = min(place + end - begin, self.samples)
            pieces += self.take(place, until)
            begin += until - place
        return bytes(pieces)


def silence(seconds: float) -> Sound:
    """Say nothing for `seconds`."""
    return Sound(round(seconds * SAMPLE_RATE))


def words(text: str, loop: int, rate: float) -> Sound:
    """Speak `text` at `rate` characters a second, `loop` times."""
    spoken, line_begins = _speech()
    line = next((each.ulaw for each in load_recordings("agent") if each.text == text), None)

    first = line_begins[crc32(text.encode()) % len(line_begins)]

    def take(begin: int, end: int) -> bytes:
        if line is not None:
            return line[begin:end].ljust(end - begin, bytes([SILENCE]))
        place = (first + begin) % len(spoken)
        heard = spoken[place : place + end - begin]
        while len(heard) < end - begin:
            heard += spoken[: end - begin - len(heard)]
        return heard

    return Sound(round(len(text) * SAMPLE_RATE / rate), loop, take)


def file(played: WaveFile, loop: int) -> Sound:
    """Play a file, `loop` times."""
    return Sound(round(played.seconds * SAMPLE_RATE), loop, played.ulaw)


def keys(digits: str) -> Sound:
    """Play `digits` as the tones of a telephone's keys."""
    audio = b"".join(_key(key) for key in digits)
    return Sound(len(audio), 1, lambda begin, end: audio[begin:end])


def beep(seconds: float) -> Sound:
    """Beep for `seconds`."""
    samples = round(seconds * SAMPLE_RATE)
    return Sound(samples, 1, lambda begin, end: _tones((BEEP_HERTZ,), end)[begin:])


def keys_seconds(digits: str) -> float:
    """Give how many seconds keys take to be played."""
    return sum(WAITS.get(key, KEY_SECONDS + KEY_GAP_SECONDS) for key in digits)


@cache
def _speech() -> tuple[bytes, tuple[int, ...]]:
    """Give all that the lab's agents can say, one line after the other, and where each begins."""
    spoken, begins = bytearray(), []
    for line in load_recordings("agent"):
        begins.append(len(spoken))
        spoken += line.ulaw + bytes([SILENCE]) * BETWEEN_LINES
    return bytes(spoken), tuple(begins)


@cache
def _key(key: str) -> bytes:
    if key in WAITS:
        return bytes([SILENCE]) * round(WAITS[key] * SAMPLE_RATE)
    hertz = tuple(tones[held] for tones in (ROWS, COLUMNS) for held in tones if key in held)
    return _tones(hertz, round(KEY_SECONDS * SAMPLE_RATE)) + bytes([SILENCE]) * round(KEY_GAP_SECONDS * SAMPLE_RATE)


@cache
def _tones(hertz: tuple[int, ...], samples: int) -> bytes:
    turn = 2 * math.pi / SAMPLE_RATE
    return encode(
        round(sum(TONE_LEVEL * math.sin(turn * tone * sample) for tone in hertz)) for sample in range(samples)
    )
