"""Shows a run as it goes on: a live table on a terminal, a line in the log every few seconds elsewhere, or nothing.

It has a greenlet of its own, which reads what the run has merged and writes nothing there: a terminal that goes away
changes nothing of the run and its verdict. Anything else that ends it is a fault of the lab's, and a reason.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import gevent.event

from metrics.faults import Faults
from metrics.progress import Snapshot, line, snapshot_of
from metrics.run import Run
from metrics.verdict import Plan

logger = logging.getLogger(__name__)

AUTO, TABLE, LINES, OFF = "auto", "table", "lines", "off"
"""How a run is shown: `auto` is a table where standard output is a terminal, and lines elsewhere."""
LINE_EVERY_S = 5
JUDGE_EVERY_S = 5
"""Judging takes percentiles from long histograms: often enough for a reader, too seldom to be felt."""


def pause(elapsed_s: float, every_s: float) -> float:
    """How long to the next picture: half a second after every so many seconds, when those have been merged."""
    since_first = elapsed_s - 0.5
    return every_s - since_first if since_first < 0 else every_s - since_first % every_s


class Shown(Protocol):
    """What a snapshot is given to."""

    def show(self, snapshot: Snapshot) -> None:
        """Show it."""

    def close(self) -> None:
        """Take away what must not stay."""


class Lines:
    """A line in the log for each snapshot."""

    def show(self, snapshot: Snapshot) -> None:
        """Log it."""
        logger.info("%s", line(snapshot))

    def close(self) -> None:
        """Leave them there."""


class Display:
    """The display of the runs of one process."""

    def __init__(self, mode: str, clock: Callable[[], float], faults: Faults) -> None:
        """Take one of the modes, the clock of runs, and where to say that it failed."""
        self._clock = clock
        self._faults = faults
        self._mode = mode if mode != AUTO else TABLE if sys.stdout.isatty() else LINES
        self._ended = gevent.event.Event()
        self._greenlet: gevent.Greenlet | None = None

    def take_over(self, options: Any) -> None:
        """Have Locust leave out its own table, which it would print again and again, where there is to be a live one.

        Its summary at the end stays.
        """
        if self._mode == TABLE:
            options.only_summary = True

    def begin(self, run: Run, plan: Plan, users: Callable[[], int]) -> None:
        """Show a run that begins, with the users that there are each time."""
        if self._mode == OFF:
            return
        self._ended.clear()
        self._greenlet = gevent.spawn(self._follow, run, plan, users)

    def end(self) -> None:
        """The run has ended: take the table away."""
        self._ended.set()
        if self._greenlet is not None:
            self._greenlet.join()
            self._greenlet = None

    def _follow(self, run: Run, plan: Plan, users: Callable[[], int]) -> None:
        with self._faults.named("showing the run"):
            self._show(self._open(), run, plan, users)

    def _show(self, shown: Shown, run: Run, plan: Plan, users: Callable[[], int]) -> None:
        every_s = 1 if self._mode == TABLE else LINE_EVERY_S
        results = run.results_so_far(plan)
        judged_at = time.monotonic()
        try:
            while not self._ended.wait(pause(self._clock() - run.started, every_s)):
                if time.monotonic() - judged_at >= JUDGE_EVERY_S - 0.5:
                    results, judged_at = run.results_so_far(plan), time.monotonic()
                shown.show(snapshot_of(run, users(), plan.planned_s, self._clock(), results))
        except OSError as error:
            logger.warning("The run is no longer shown, since the terminal is gone: %s", error)
        finally:
            shown.close()

    def _open(self) -> Shown:
        if self._mode == LINES:
            return Lines()
        from metrics.live_table import LiveTable  # noqa: PLC0415 - rich is imported only where a table is drawn

        return LiveTable(sys.stdout)
