"""Adds up what the workers send: every second of the run, and the run so far, by endpoint, by area and overall.

Workers bin a request by the second in which it ended, so a second is whole once every worker has reported a later
time. `Merge.closed` hands such seconds over; a report that comes after that re-opens its second, which is then handed
over again with its fuller values (a point with the same tags and time replaces the older one).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.areas import AREAS, area_of
from metrics.recorder import MAX_ENDPOINTS, OVERFLOW, Cell, Endpoint
from metrics.sustained import Bearing

GRACE_S = 3.0
"""A second is handed over after this, even if a worker has not reported: it may be lost."""
KEEP_S = 30
"""How long a second's histograms wait for late reports; what is later still counts in the oldest kept second.

Of a longer time in which nobody looked, only the seconds that have requests are handed over."""
CLOCK_TOLERANCE_S = 2.0
"""A worker whose clock differs by more than this has its seconds shifted to the master's."""


@dataclass
class Worker:
    """What is known about one worker (or, in a run without workers, about the one process)."""

    number: int
    """Counted from 1, as they come."""
    seen: float
    """The master's time of its last report."""
    clock: float
    """Its own time in that report, corrected."""
    bearing: Bearing = field(default_factory=Bearing)
    """How it bears the run; a sample a report."""
    ahead: float = -math.inf
    """How far its clock was ahead of the master's when a report came; the most, so the least that reports were late."""
    process: Mapping[str, Any] | None = None
    """What `metrics.process.OwnProcess.take` gave there last."""
    final: bool = False
    """Its last report of this run has come."""

    @property
    def clock_offset(self) -> float:
        """What its times are shifted by: `ahead`, where that is no mere lateness of reports."""
        return self.ahead if CLOCK_TOLERANCE_S < abs(self.ahead) < math.inf else 0.0


@dataclass
class Second:
    """One second of the run: cells by endpoint, by area and overall."""

    time: int
    endpoints: dict[Endpoint, Cell]
    areas: dict[str, Cell]
    overall: Cell


class Merge:
    """The merged statistics of one run."""

    def __init__(
        self,
        started: float,
        max_endpoints: int = MAX_ENDPOINTS,
        groups_of: Callable[[Endpoint], Sequence[str]] = lambda endpoint: (),
    ) -> None:
        self.started = started
        self._name_groups = groups_of
        self._groups_of: dict[Endpoint, Sequence[str]] = {}
        self._max_endpoints = max_endpoints
        self.workers: dict[str, Worker] = {}
        self.overflow = 0
        """Requests whose endpoint there was no room for; and those whose scenario there was none for:"""
        self.scenario_overflow = 0
        self.late = 0
        """Requests that were reported too late for their own second, or for one before the run."""
        self.scenarios: dict[str, list[int]] = {}
        self.starts = 0
        self.starts_dropped = 0
        """How many starts an open model planned, and how many of them nobody was free to take."""
        self.unanswered = 0
        self.longest_unanswered_s = 0.0
        """What had no answer yet when its user's time was up, and how long the longest had waited."""
        self.outcome_span: dict[str, tuple[int, int]] = {}
        """The first and last second in which each outcome was seen."""
        self.reset()
        self._seconds: dict[int, dict[Endpoint, Cell]] = {}
        self._dirty: set[int] = set()
        self._handed_over = int(started) - 1

    def reset(self) -> None:
        """Start the sums of the run anew, as `locust --reset-stats` asks once all users are there."""
        self.endpoints: dict[Endpoint, Cell] = {}
        self.areas: dict[str, Cell] = {area: Cell.total() for area in AREAS}
        self.overall = Cell.total()
        self.groups: dict[str, Cell] = {}
        """The sums of the groups that the targets name."""

    def add(self, worker_id: str, delta: Mapping[str, Any], now: float) -> None:
        """Add what `Recorder.take` gave on worker `worker_id`, received at `now` by the master's clock."""
        worker = self.workers.get(worker_id)
        if worker is None:
            worker = self.workers[worker_id] = Worker(number=len(self.workers) + 1, seen=now, clock=now)
        # A report that is late looks like a clock that is slow: the one that came quickest tells the clocks apart.
        worker.ahead = max(worker.ahead, delta["now"] - now)
        worker.seen = now
        worker.clock = delta["now"] - worker.clock_offset
        if delta.get("cpu") is not None:
            worker.bearing.cpu.add(delta["cpu"])
        worker.process = delta.get("process")
        if worker.process is not None and worker.process["held_up"] is not None:
            worker.bearing.held_up.add(worker.process["held_up"])
            worker.bearing.throttled.add(worker.process["throttled"])
        worker.final = worker.final or bool(delta.get("final"))
        self.overflow += delta["overflow"]
        self.scenario_overflow += delta.get("scenario_overflow", 0)
        planned, dropped = delta.get("starts", (0, 0))
        self.starts += planned
        self.starts_dropped += dropped
        unanswered, longest_s = delta.get("unanswered", (0, 0.0))
        self.unanswered += unanswered
        self.longest_unanswered_s = max(self.longest_unanswered_s, longest_s)
        for scenario, (requests, failures) in delta["scenarios"].items():
            counts = self.scenarios.setdefault(scenario, [0, 0])
            counts[0] += requests
            counts[1] += failures
        for second, cells in delta["seconds"]:
            self._add_second(second - round(worker.clock_offset), cells)

    def _add_second(self, second: int, cells: list[list[Any]]) -> None:
        reported, second = second, max(second, self._handed_over - KEEP_S, int(self.started))
        merged = self._seconds.setdefault(second, {})
        self._dirty.add(second)
        for request_type, name, flat in cells:
            cell = Cell.decode(flat)
            self.late += cell.requests if reported < second else 0
            endpoint = self._bounded((request_type, name), cell.requests)
            merged.setdefault(endpoint, Cell()).merge(cell)
            if endpoint not in self.endpoints:
                self.endpoints[endpoint] = Cell.total()
                self._groups_of.setdefault(endpoint, self._name_groups(endpoint))
            self.endpoints[endpoint].merge(cell)
            for group in self._groups_of[endpoint]:
                self.groups.setdefault(group, Cell.total()).merge(cell)
            self.areas[area_of(*endpoint)].merge(cell)
            self.overall.merge(cell)
            for outcome in cell.outcomes:
                first, last = self.outcome_span.get(outcome, (second, second))
                self.outcome_span[outcome] = (min(first, second), max(last, second))

    def _bounded(self, endpoint: Endpoint, requests: int) -> Endpoint:
        """The endpoint, or the shared one: each worker keeps the bound, and together they might not."""
        if endpoint in self.endpoints or endpoint == OVERFLOW or len(self.endpoints) < self._max_endpoints:
            return endpoint
        self.overflow += requests
        return OVERFLOW

    def closed(self, now: float, everything: bool = False) -> list[Second]:
        """The seconds that are whole and have not been handed over with these values, oldest first.

        Every second of the run is handed over, also those without a request. With `everything`, whole or not.
        """
        if everything:
            whole = max({int(now)} | self._dirty)
        else:
            alive = [w.clock for w in self.workers.values() if not w.final and now - w.seen < GRACE_S]
            whole = min(int(min(alive, default=now - GRACE_S)) - 1, int(now))
        fresh = set(range(max(self._handed_over, whole - KEEP_S) + 1, whole + 1))
        late = {second for second in self._dirty if second <= whole}
        self._dirty -= late
        seconds = [self._second(time) for time in sorted(fresh | late)]
        self._handed_over = max(self._handed_over, whole)
        for time in [time for time in self._seconds if time < self._handed_over - KEEP_S]:
            del self._seconds[time]
        return seconds

    def since(self, second: int, endpoint: Endpoint | None = None) -> dict[Endpoint, Cell]:
        """The sums from a second on, as far as its histograms are kept (`KEEP_S`): of every endpoint, or of one."""
        sums: dict[Endpoint, Cell] = {}
        for time, endpoints in self._seconds.items():
            if time >= second:
                for name in endpoints if endpoint is None else endpoints.keys() & {endpoint}:
                    sums.setdefault(name, Cell()).merge(endpoints[name])
        return sums

    def _second(self, time: int) -> Second:
        endpoints = self._seconds.get(time, {})
        areas = {area: Cell() for area in AREAS}
        overall = Cell()
        for endpoint, cell in endpoints.items():
            areas[area_of(*endpoint)].merge(cell)
            overall.merge(cell)
        return Second(time, endpoints, areas, overall)
