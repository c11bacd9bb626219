"""What somebody says in one utterance, word by word in audio time.

A recording of the lab is said in its own words, spread over its length by their letters. Any other speech gets the
words of phrases, one after the other at an even pace; which comes first is drawn from the session's seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

from mock_services.core.speech import Recording
from mock_services.deepgram.voice import UNRECOGNISED

WORD_MS: Final = 400
"""The pace of speech that is not recognised."""
LINES_KEPT: Final = 64


class Word(NamedTuple):
    """A word as it was said, with its punctuation. Times in milliseconds of audio."""

    text: str
    start_ms: int
    end_ms: int

    @property
    def confidence(self) -> float:
        """Give how sure the recogniser is: the same for the same word at the same time."""
        return 0.9 + crc32(f"{self.text} {self.start_ms}".encode()) % 99_000 / 1e6


@cache
def _spread(recording: Recording) -> tuple[Word, ...]:
    """The words of a recording, from 0 on: longer words take longer."""
    words = recording.text.split()
    letters = sum(len(word) for word in words)
    said, at = [], 0
    for word in words:
        end = at + len(word)
        said.append(Word(word, at * recording.duration_ms // letters, end * recording.duration_ms // letters))
        at = end
    return tuple(said)


@dataclass(slots=True)
class _Line:
    recording: Recording
    start_ms: int


class Utterance:
    """One stretch of speech from `start_ms` on. `voiced_until_ms` is where its last voice ended so far."""

    def __init__(self, start_ms: int, random: Random) -> None:
        self.start_ms = start_ms
        self.voiced_until_ms = start_ms
        first = random.randrange(len(UNRECOGNISED))
        self._invention = " ".join((*UNRECOGNISED[first:], *UNRECOGNISED[:first])).split()
        self._lines: list[_Line] = []

    def voice(self, start_ms: int, end_ms: int, line: Recording | None) -> None:
        """Take in voice, of the recording that it was recognised as."""
        self.voiced_until_ms = end_ms
        if line is None:
            return
        newest = self._lines[-1] if self._lines else None
        repeated = newest is not None and start_ms >= newest.start_ms + newest.recording.duration_ms
        if newest is None or newest.recording is not line or repeated:
            self._lines.append(_Line(line, start_ms))
            del self._lines[:-LINES_KEPT]

    def words(self, from_ms: int, until_ms: int) -> list[Word]:
        """Give the words that began in a stretch of time; one that reaches beyond what was voiced is cut off there."""
        end = min(until_ms, self.voiced_until_ms)
        return [
            Word(word.text, word.start_ms, min(word.end_ms, end))
            for word in self._said(from_ms, end)
            if from_ms <= word.start_ms < end
        ]

    def begun_before(self, ms: int) -> int | None:
        """Give when the word began that is being said at a moment; None between two words."""
        for word in self._said(ms - 1, ms):
            if word.start_ms < ms < word.end_ms:
                return word.start_ms
        return None

    def _said(self, from_ms: int, until_ms: int) -> Iterator[Word]:
        """Give at least the words that touch a stretch of time, in order."""
        if self._lines:
            yield from self._recognised()
            return
        first = max(0, (from_ms - self.start_ms) // WORD_MS)
        for index in range(first, max(0, -(-(until_ms - self.start_ms) // WORD_MS))):
            start = self.start_ms + index * WORD_MS
            yield Word(self._invention[index % len(self._invention)], start, start + WORD_MS)

    def _recognised(self) -> Iterator[Word]:
        for index, line in enumerate(self._lines):
            following = self._lines[index + 1].start_ms if index + 1 < len(self._lines) else None
            for text, start, stop in _spread(line.recording):
                begun = line.start_ms + start
                if following is None or begun < following:
                    yield Word(text, begun, line.start_ms + stop)
