"""How much of a core a process uses: now, and in the busiest ten seconds of a run, which may last for hours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

SAMPLES = 10
"""Over how many samples in a row (one a second) an average is taken: a busy moment is no saturation."""
FEWEST = 3


class CoreUse:
    """One process's use of a core in percent, a sample a second. It keeps the newest and the highest average."""

    def __init__(self, samples: Iterable[float] = ()) -> None:
        self._newest: deque[float] = deque(maxlen=SAMPLES)
        self._highest = 0.0
        for sample in samples:
            self.add(sample)

    def add(self, percent: float) -> None:
        """Take in a second's use."""
        self._newest.append(percent)
        if len(self._newest) == SAMPLES:
            self._highest = max(self._highest, sum(self._newest) / SAMPLES)

    @property
    def latest(self) -> float | None:
        """The use of the last second; None before the first."""
        return self._newest[-1] if self._newest else None

    @property
    def busiest(self) -> float:
        """The highest average over ten samples in a row, or over all when they are fewer; 0 below three."""
        if len(self._newest) == SAMPLES:
            return self._highest
        return sum(self._newest) / len(self._newest) if len(self._newest) >= FEWEST else 0.0
