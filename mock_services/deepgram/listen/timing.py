"""How long transcription takes, and what silence means to it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from mock_services.deepgram.timing import draw_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenTiming:
    """The delays of `/v1/listen`, in milliseconds; `spread` as in `Timing`."""

    result_ms: float = 250.0
    """From a piece of audio to the result that it brings about."""
    file_ms: float = 300.0
    """From the last byte of a file to the answer."""
    onset_ms: int = 60
    """How much voice without a gap begins an utterance; counted in audio received."""
    pause_ms: int = 300
    """How much silence ends speech at least, whatever `endpointing` asks: shorter gaps are within words."""
    spread: float = 0.0
    idle_timeout_ms: float = 10_000.0
    """How long a client may send nothing at all."""

    def draw_s(self, median_ms: float, random: Random) -> float:
        """Draw one delay around `median_ms`, in seconds."""
        return draw_s(median_ms, self.spread, random)
