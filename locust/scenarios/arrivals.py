"""An open model in one process: hands each start of the schedule to a user that is free, and counts those it cannot.

The users are a pool. Each asks for its next start; the schedule goes on whether or not anyone asks.
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


class Arrivals:
    """One process's part of the schedule."""

    def __init__(self, count: Callable[[bool], None]) -> None:
        """Take what counts a start, with whether it was dropped."""
        self._count = count
        self._free: defaultdict[str, deque[AsyncResult]] = defaultdict(deque)
        self._ticking: gevent.Greenlet | None = None

    def next_start(self, user_class: str) -> float:
        """Wait for a start that falls to this class; give when it was due, in seconds since the epoch."""
        asked = AsyncResult()
        waiting = self._free[user_class]
        waiting.append(asked)
        try:
            due: float = asked.get()
        finally:
            if asked in waiting:
                waiting.remove(asked)
        return due

    def begin(self, schedule: Iterable[Start], own: Mapping[str, Share]) -> None:
        """Begin the schedule as soon as this process's users are free; `own` is what falls to them."""
        if self._ticking is None:
            self._ticking = gevent.spawn(self._run, schedule, own)

    def stop(self, **_rest: Any) -> None:
        """End the schedule: users that are being stopped drop nothing."""
        if self._ticking is not None:
            self._ticking.kill(block=False)

    def _run(self, schedule: Iterable[Start], own: Mapping[str, Share]) -> None:
        self._wait_for_users(own)
        began, due_from = time.monotonic(), time.time()
        for start in schedule:
            share = own.get(start.user_class)
            if share is None or not share.takes(start.serial):
                continue
            delay = began + start.offset_s - time.monotonic()
            gevent.sleep(max(0.0, delay))
            free = self._free[start.user_class]
            self._count(not free)
            if free:
                free.popleft().set(due_from + start.offset_s)

    def _wait_for_users(self, own: Mapping[str, Share]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while any(len(self._free[name]) < share.count for name, share in own.items()):
            if time.monotonic() > deadline:
                logger.warning("The schedule begins although some users have no account after %d s.", READY_WITHIN_S)
                return
            gevent.sleep(0.05)


def keep_intended(context: dict[str, Any] | None = None, start_time: float | None = None, **_rest: Any) -> None:
    """Turn how late a task began into when its request was due: a listener of Locust's request event.

    Had the task begun in time, each of its requests would have left earlier by as much.
    """
    if context and start_time is not None and "late_s" in context:
        context["intended_start"] = start_time - context.pop("late_s")
