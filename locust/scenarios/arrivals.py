"""An open model in one process: hands each start of the schedule to a user that is free, and counts those it cannot.

The users are a pool. Each asks for its next start; the schedule goes on whether or not anyone asks. A start that finds
nobody free waits for a user, so that what a slow target does to those who come after shows in their latency.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gevent
from gevent.event import AsyncResult

from utils.schedule import Share, Start

logger = logging.getLogger(__name__)

READY_WITHIN_S = 60.0
"""How long the schedule waits for the process's users to have their accounts."""
WAITS_S = 10.0
"""How long a start waits for a user; then it is dropped."""
LOOK_AHEAD_S = 0.5
"""Whose a start is, is decided this long before it is due at most: shares may be dealt anew until then."""
BREATH = 1000
"""After so many starts of others in a row the process's other greenlets have their turn."""
CUT_OFF_S = 1.0
"""A start that has waited for less when the schedule ends was not dropped: the end of the run cut it off."""


class Arrivals:
    """One process's part of the schedule."""

    def __init__(self, count: Callable[[bool], None], waits_s: float = WAITS_S) -> None:
        """Take what counts a start, with whether it was dropped, and how long one waits for a user."""
        self._count = count
        self._waits_s = waits_s
        self._free: defaultdict[str, deque[AsyncResult]] = defaultdict(deque)
        self._waiting: defaultdict[str, deque[float]] = defaultdict(deque)
        """By class, when the starts were due that nobody has begun yet (monotonic seconds)."""
        self._deals: list[tuple[float, Mapping[str, Share]]] = []
        """What falls to this process's users, and from which second of the schedule on."""
        self._ticking: gevent.Greenlet | None = None

    def next_start(self, user_class: str) -> float:
        """Wait for a start that falls to this class; give how many seconds ago it was due."""
        waiting = self._waiting[user_class]
        self._drop(waiting, self._waits_s)
        if waiting:
            self._count(False)
            return time.monotonic() - waiting.popleft()
        asked = AsyncResult()
        free = self._free[user_class]
        free.append(asked)
        try:
            due: float = asked.get()
        finally:
            if asked in free:
                free.remove(asked)
        return max(0.0, time.monotonic() - due)

    def begin(
        self, schedule: Iterable[Start], own: Mapping[str, Share], *, elapsed_s: float = 0.0, from_s: float = 0.0
    ) -> None:
        """Begin the schedule as soon as this process's users are free; `own` is what falls to them.

        Called once more, something else falls to them, from second `from_s` of the schedule on. A process that comes
        while the schedule goes on joins it at its second `elapsed_s`.
        """
        self._deals.append((from_s, own))
        if self._ticking is None:
            self._ticking = gevent.spawn(self._run, schedule, own, elapsed_s)

    def stop(self, **_rest: Any) -> None:
        """End the schedule: users that are being stopped drop nothing, and what has waited for long is dropped."""
        if self._ticking is not None:
            self._ticking.kill(block=False)
        for waiting in self._waiting.values():
            self._drop(waiting, CUT_OFF_S)
            waiting.clear()

    def _run(self, schedule: Iterable[Start], own: Mapping[str, Share], elapsed_s: float) -> None:
        came = time.monotonic() - elapsed_s
        self._wait_for_users(own)
        began = came if elapsed_s else time.monotonic()
        for number, start in enumerate(schedule):
            due = began + start.offset_s
            ahead_s = due - time.monotonic() - LOOK_AHEAD_S
            if ahead_s > 0 or number % BREATH == 0:
                gevent.sleep(max(0.0, ahead_s))
            if not self._takes(start):
                continue
            gevent.sleep(max(0.0, due - time.monotonic()))
            free, waiting = self._free[start.user_class], self._waiting[start.user_class]
            if free:
                self._count(False)
                free.popleft().set(due)
            else:
                waiting.append(due)
                self._drop(waiting, self._waits_s)

    def _takes(self, start: Start) -> bool:
        """Whether a start falls to this process, by the last deal that it comes after."""
        for from_s, own in reversed(self._deals):
            if start.offset_s >= from_s:
                share = own.get(start.user_class)
                return share is not None and share.takes(start.serial)
        return False

    def _drop(self, waiting: deque[float], after_s: float) -> None:
        """Drop the starts that have waited for longer than this."""
        while waiting and time.monotonic() - waiting[0] > after_s:
            waiting.popleft()
            self._count(True)

    def _wait_for_users(self, own: Mapping[str, Share]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while any(len(self._free[name]) < share.count for name, share in own.items()):
            if time.monotonic() > deadline:
                logger.warning("The schedule begins although some users have no account after %d s.", READY_WITHIN_S)
                return
            gevent.sleep(0.05)
