"""A text as it is spoken: how long it takes, which character is heard when, and the audio of any stretch of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zlib import crc32

from mock_services.core.speech import load_recordings
from mock_services.elevenlabs.formats import Format, offset_of

CHARACTERS_A_CHUNK = 40


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a text that is sent at once: characters `first` to `last`, spoken from `start_s` to `end_s`."""

    first: int
    last: int
    start_s: float
    end_s: float


class Speech:
    """A text in a voice's tempo: `characters_per_second` all the way, or as long as the lab's recording of it."""

    def __init__(self, text: str, characters_per_second: float, speed: float = 1.0) -> None:
        self.text = text
        recorded = next(
            (line.duration_ms / 1000 for line in load_recordings("agent") if line.text == text.strip()), None
        )
        self.duration_s = (recorded or len(text) / characters_per_second) / speed
        self._offset_s = offset_of(text, crc32(text.encode("utf-8", "replace")))

    def time_of(self, character: int) -> float:
        """Give when a character begins, in seconds."""
        return self.duration_s * (character / len(self.text)) if self.text else 0.0

    def chunks(self) -> Iterator[Chunk]:
        """Give the stretches in which the text is sent."""
        for first in range(0, len(self.text), CHARACTERS_A_CHUNK):
            last = min(first + CHARACTERS_A_CHUNK, len(self.text))
            yield Chunk(first, last, self.time_of(first), self.time_of(last))

    def audio(self, form: Format, chunk: Chunk) -> bytes:
        """Give the audio of one stretch; the first has the file's header before it where the format has one."""
        audio = form.audio(self._offset_s, chunk.start_s, chunk.end_s)
        return audio if chunk.first else form.head(self.duration_s) + audio

    @property
    def whole(self) -> Chunk:
        """The whole text as one stretch."""
        return Chunk(0, len(self.text), 0.0, self.duration_s)

    def alignment(self, chunk: Chunk) -> dict[str, Any]:
        """Give when each of a stretch's characters is heard, in seconds from the beginning of the text."""
        times = [round(self.time_of(character), 3) for character in range(chunk.first, chunk.last + 1)]
        return {
            "characters": list(self.text[chunk.first : chunk.last]),
            "character_start_times_seconds": times[:-1],
            "character_end_times_seconds": times[1:],
        }

    def alignment_ms(self, chunk: Chunk) -> dict[str, Any]:
        """Give the same as the socket does: in milliseconds from the beginning of the stretch."""
        times = [
            round((self.time_of(character) - chunk.start_s) * 1000) for character in range(chunk.first, chunk.last + 1)
        ]
        return {
            "chars": list(self.text[chunk.first : chunk.last]),
            "charStartTimesMs": times[:-1],
            "charDurationsMs": [end - start for start, end in pairwise(times)],
        }
