"""Targets with a window: every so many seconds of a run in a row, and the highest that a target's measure got in any.

A window of 10 s is measured over all requests that ended in 10 whole seconds together, for every second that can end
one. For a measure with an upper limit the highest window is the worst, and it is missed as soon as one is over it. For
one that is to be reached it is the best, and it is met as soon as one got there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from metrics.merge import KEEP_S, Second
from metrics.recorder import Cell
from metrics.targets import LATENCY, RATE, USERS, Target, Targets

AT_LEAST = 20
"""A window with fewer requests of the group proves nothing (unless it is a rate or users that are to be reached)."""


@dataclass(frozen=True)
class Window:
    """A target's measure over one window of the run."""

    value: float
    requests: int
    begins: int
    """The second in which it begins, as the run's seconds are counted."""


class Watch:
    """One target over a run's windows."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.whole = False
        """A whole window has passed."""
        self._seconds: dict[int, tuple[Cell, int]] = {}
        self._windows: dict[int, Window] = {}
        """Those that a late second may still change."""
        self._settled: Window | None = None
        """The highest of those that are older."""

    def add(self, second: int, cell: Cell, users: int) -> None:
        """Take in (or, when it comes once more, replace) the group's requests of a second, and the users then."""
        self._seconds[second] = cell, users
        newest = max(self._seconds)
        for end in range(second, min(newest, second + self.target.window_s - 1) + 1):
            self._measure(end)
        for old in [at for at in self._seconds if at <= newest - self.target.window_s - KEEP_S]:
            del self._seconds[old]
        for old in [end for end in self._windows if end < newest - KEEP_S]:
            self._settled = _highest(self._windows.pop(old), self._settled)

    def _measure(self, end: int) -> None:
        begins = end - self.target.window_s + 1
        window = [self._seconds[at] for at in range(begins, end + 1) if at in self._seconds]
        if len(window) < self.target.window_s:
            return
        self.whole = True
        merged = self._merged(cell for cell, _ in window)
        value: float | None
        if self.target.kind == USERS:
            value = min(users for _, users in window)
        elif self.target.kind != RATE and merged.requests < AT_LEAST:
            value = None
        else:
            value = self.target.value(merged, self.target.window_s, sum(users for _, users in window))
        if value is not None:
            self._windows[end] = Window(value, merged.requests, begins)

    def _merged(self, cells: Iterable[Cell]) -> Cell:
        """What the target measures of these cells: the latencies of two minutes are a lot to add up every second."""
        merged = Cell()
        for cell in cells:
            merged.add_counts(cell)
            if self.target.kind == LATENCY:
                merged.latency.merge(self.target.latencies(cell))
        return merged

    @property
    def highest(self) -> Window | None:
        """The window with the highest value, the first of them; None when there is none that can be judged."""
        return _highest(*self._windows.values(), self._settled)


def _highest(*windows: Window | None) -> Window | None:
    known = (window for window in windows if window is not None)
    return max(known, key=lambda window: (window.value, -window.begins), default=None)


class Windows:
    """All targets of a run that have a window."""

    def __init__(self, targets: Targets, started: int) -> None:
        """Take the targets and the second in which the run started."""
        self._targets = targets
        self._started = started
        self.clear()

    def clear(self) -> None:
        """Start anew, as the run's sums do for `--reset-stats`."""
        self._watches = {t.name: Watch(t) for t in self._targets.targets if t.window_s}

    def add(self, second: Second, users: int) -> None:
        """Take in a second of the run that has become whole, or whole once more."""
        cells: dict[str, Cell] = {}
        for watch in self._watches.values():
            group = watch.target.group
            if group not in cells:
                cells[group] = self._targets.cell_of(group, second.endpoints)
            watch.add(second.time - self._started, cells[group], users)

    def of(self, target: Target) -> Watch:
        """How a target with a window has fared so far."""
        return self._watches[target.name]

    def broken(self) -> Iterator[tuple[Target, Window]]:
        """The targets that are to stop the run and were missed, each with the window."""
        for watch in self._watches.values():
            window = watch.highest
            if watch.target.stop and window is not None and not watch.target.met(window.value):
                yield watch.target, window
