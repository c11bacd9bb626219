"""Sends frames of audio at the pace of their own time, on an absolute schedule: lateness never adds up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent

LATE_S = 0.02


@dataclass
class Pace:
    """How well a schedule was kept."""

    frames_sent: int = 0
    frames_late: int = 0
    """Those that left more than 20 ms after their time."""
    most_late_ms: float = 0.0
    due: float = 0.0
    """When the last frame was to leave (monotonic seconds)."""


class Schedule:
    """One stream's schedule: a frame every `period_s`, from its first one on."""

    def __init__(
        self,
        period_s: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Take the period, and for tests a clock."""
        self.pace = Pace()
        self._period_s = period_s
        self._now = now
        self._sleep = sleep
        self._start: float | None = None

    def send(
        self,
        frames: Iterable[bytes],
        give: Callable[[bytes], bool],
        until: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Give each frame at its time, until there is none, or `until` is true; False when one was not taken."""
        for frame in frames:
            if until():
                return True
            if self._start is None:
                self._start = self._now()
            pace = self.pace
            pace.due = self._start + pace.frames_sent * self._period_s
            early_s = pace.due - self._now()
            if early_s > 0:
                self._sleep(early_s)
            late_s = max(0.0, self._now() - pace.due)
            pace.frames_sent += 1
            pace.frames_late += late_s > LATE_S
            pace.most_late_ms = max(pace.most_late_ms, late_s * 1000)
            if not give(frame):
                return False
        return True
