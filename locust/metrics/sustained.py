"""What decides over a run by its worst ten seconds, however long it goes on: a core used up, a process held up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

SAMPLES = 10
"""Over how many samples in a row (one a second) an average is taken: a busy moment is no saturation."""
FEWEST = 3


class Sustained:
    """A percentage that is sampled once a second. It keeps the newest samples and the highest average."""

    def __init__(self, samples: Iterable[float] = ()) -> None:
        self._newest: deque[float] = deque(maxlen=SAMPLES)
        self._highest = 0.0
        for sample in samples:
            self.add(sample)

    def add(self, percent: float, seconds: float = 1) -> None:
        """Take in a second's percentage, or that of several seconds that were not looked at one by one."""
        for _ in range(min(max(1, round(seconds)), SAMPLES)):
            self._newest.append(percent)
            if len(self._newest) == SAMPLES:
                self._highest = max(self._highest, sum(self._newest) / SAMPLES)

    @property
    def latest(self) -> float | None:
        """That of the last second; None before the first."""
        return self._newest[-1] if self._newest else None

    @property
    def worst(self) -> float:
        """The highest average over ten samples in a row, or over all when they are fewer; 0 below three."""
        if len(self._newest) == SAMPLES:
            return self._highest
        return sum(self._newest) / len(self._newest) if len(self._newest) >= FEWEST else 0.0

    @property
    def worst_of_ten(self) -> float:
        """The highest average over ten samples in a row; 0 when they are fewer."""
        return self._highest


@dataclass(frozen=True)
class Worst:
    """The worst ten seconds of a process, each figure's own."""

    cpu: float = 0.0
    held_up: float = 0.0
    throttled: float = 0.0


@dataclass
class Bearing:
    """How a process of the lab bore a run; each a percentage a second."""

    cpu: Sustained = field(default_factory=Sustained)
    """Its use of one core."""
    held_up: Sustained = field(default_factory=Sustained)
    """The part of the time in which its loop ran late (`metrics.process.HELD_UP_MS`)."""
    throttled: Sustained = field(default_factory=Sustained)
    """The periods in which its container's CPU limit stopped it."""

    @property
    def worst(self) -> Worst:
        """Each at its worst. A moment's standstill is no bearing: it takes ten seconds to be held up."""
        return Worst(self.cpu.worst, self.held_up.worst_of_ten, self.throttled.worst_of_ten)
