"""The time of a run: seconds since the epoch that pass as real ones do, whatever is done to the machine's clock.

A wall clock that is set forward by hours (by NTP, or after a suspend) would have a run wait for hours of seconds that
never were, and give it a duration that it did not have.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """The wall clock as it was when it was last looked at (`set`), and from there on a clock that nobody sets."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self.set()

    def set(self) -> None:
        """Take the wall clock's time anew, before a run begins."""
        self._ahead = self._wall() - self._steady()

    def __call__(self) -> float:
        """The seconds since the epoch."""
        return self._steady() + self._ahead
