"""What a worker does for every request: find the endpoint's cell of this second and count into it.

A cell is an endpoint's (or an area's, or the whole run's) counts, outcomes and latencies. `Recorder.record` takes
Locust's request event; `Recorder.take` hands over, once a second, what has been recorded since, as plain lists and
numbers that travel in Locust's own report to the master.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from metrics.failing import Failing, Failure
from metrics.histogram import Histogram, Total
from metrics.outcome import LAB, OK, OUTCOMES, classify

Endpoint = tuple[str, str]
"""Request type and name."""

MAX_ENDPOINTS = 500
MAX_SCENARIOS = 100
OVERFLOW: Endpoint = ("OTHER", "other")
"""Where requests go whose name came after the 500th: counted there, and the overflow is reported."""
UNNAMED = "(none)"
"""The scenario of a request whose context names none."""


class Cell:
    """Counts, outcomes and latencies of some requests: `latency` from the send, `intended` from when each was due.

    `intended` is None where each of them was sent when it was due, for then the two are the same (`from_due`).
    """

    __slots__ = ("failures", "intended", "latency", "outcomes", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.failures = 0
        self.outcomes: dict[str, int] = {}
        self.latency = Histogram()
        self.intended: Histogram | None = None

    @classmethod
    def total(cls) -> Cell:
        """A cell that others are added to."""
        cell = cls()
        cell.latency = Total()
        return cell

    def add_counts(self, other: Cell) -> None:
        """Add what `other` has counted, and leave its latencies."""
        self.requests += other.requests
        self.failures += other.failures
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def merge(self, other: Cell) -> None:
        """Add everything that `other` holds."""
        self.add_counts(other)
        if self.intended is not None or other.intended is not None:
            self.own_intended().merge(other.from_due)
        self.latency.merge(other.latency)

    @property
    def from_due(self) -> Histogram:
        """The latencies from when each request was due."""
        return self.latency if self.intended is None else self.intended

    def own_intended(self) -> Histogram:
        """The latencies from when each was due, for one more that is not in `latency` yet."""
        if self.intended is None:
            self.intended = type(self.latency)()
            self.intended.merge(self.latency)
        return self.intended

    @property
    def reached(self) -> int:
        """The requests that the target had to do with: all but those that the lab itself lost."""
        return self.requests - self.outcomes.get(LAB, 0)

    @property
    def error_percent(self) -> float:
        """The target's failures in a hundred requests that it had to do with; 0 without any."""
        failures = self.failures - self.outcomes.get(LAB, 0)
        return 100 * failures / self.reached if self.reached else 0.0

    def encode(self) -> list[Any]:
        """The cell as plain lists and numbers."""
        return [
            self.requests,
            self.failures,
            [self.outcomes.get(outcome, 0) for outcome in OUTCOMES],
            self.latency.encode(),
            self.intended.encode() if self.intended else None,
        ]

    @classmethod
    def decode(cls, flat: list[Any]) -> Cell:
        """The cell that `encode` wrote."""
        cell = cls()
        cell.requests, cell.failures, outcomes, latency, intended = flat
        cell.outcomes = {outcome: count for outcome, count in zip(OUTCOMES, outcomes, strict=True) if count}
        cell.latency = Histogram.decode(latency)
        cell.intended = Histogram.decode(intended) if intended is not None else None
        return cell


class Recorder:
    """Records requests by second and endpoint; the endpoints are bounded, since a run's names are known before it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        cpu_clock: Callable[[], float] = time.process_time,
        max_endpoints: int = MAX_ENDPOINTS,
        secrets: Sequence[str] = (),
    ) -> None:
        """Take the run's clock, the process's, and the values that no kept failure may hold."""
        self._failing = Failing(secrets)
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._max_endpoints = max_endpoints
        self.clear()

    def clear(self) -> None:
        """Forget everything: a new run starts."""
        self._failing.clear()
        self._endpoints: set[Endpoint] = set()
        self._seconds: dict[int, dict[Endpoint, Cell]] = {}
        self._second = -1
        self._cells: dict[Endpoint, Cell] = {}
        self._scenarios: dict[str, list[int]] = {}
        self._scenario_names: set[str] = set()
        self._overflow = 0
        self._scenario_overflow = 0
        self._starts = [0, 0]
        self._unanswered: list[float] = [0, 0.0]
        self._taken_at = self._clock()
        self._cpu_at = self._cpu_clock()

    def record(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response: Any = None,
        exception: Any = None,
        context: dict[str, Any] | None = None,
        start_time: float | None = None,
        url: str | None = None,
        response_length: Any = None,
        **_rest: Any,
    ) -> None:
        """Count one request: a listener for Locust's request event.

        `response_time` is in milliseconds from the send, None when it was not measured (then only the count goes up).
        `context` may hold `scenario` (the user class) and `late_s`, by how many seconds the request was sent later than
        it was due, or in its place `intended_start`, when that was (seconds since the epoch). `response_length` is not
        looked at: Locust always gives it, and what has no name here has to be put into a dict for each request.
        """
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._cells = self._seconds.setdefault(second, {})
        cell = self._cells.get((request_type, name))
        if cell is None:
            cell = self._open(self._cells, (request_type, name))
        cell.requests += 1
        # Most requests are good, and need no more than this look: what they are is counted when they are handed over.
        if exception is not None or (getattr(response, "status_code", None) or 0) >= 400:
            outcome, waited_ms = classify(request_type, response, exception), response_time
            cell.outcomes[outcome] = cell.outcomes.get(outcome, 0) + 1
            if outcome == LAB:
                response_time = None  # how long the lab waited for its double is no time of the target's
        scenario = UNNAMED
        late_s = 0.0
        if context:
            scenario = context.get("scenario", UNNAMED)
            if "late_s" in context:
                late_s = context["late_s"]
            elif "intended_start" in context:
                sent = now - (response_time or 0.0) / 1000 if start_time is None else start_time
                late_s = sent - context["intended_start"]
        if response_time is not None:
            micros = int(response_time * 1000 + 0.5)
            if late_s or cell.intended is not None:
                cell.own_intended().record(micros + int(late_s * 1e6 + 0.5))
            cell.latency.record(micros)
        counts = self._scenarios.get(scenario)
        if counts is None:
            counts = self._open_scenario(scenario)
        counts[0] += 1
        if exception is not None:
            cell.failures += 1
            counts[1] += 1
            self._failing.note(
                Failure(now, request_type, name, outcome, waited_ms, exception, response, context or {}, url)
            )

    def record_start(self, dropped: bool) -> None:
        """Count a start of an open model's schedule, and whether nobody was free to take it."""
        self._starts[0] += 1
        self._starts[1] += dropped

    def record_unanswered(self, waited_s: float) -> None:
        """Count what had no answer yet, after so long, when its user's time was up: no request of any endpoint."""
        self._unanswered = [self._unanswered[0] + 1, max(self._unanswered[1], waited_s)]

    def _open(self, cells: dict[Endpoint, Cell], endpoint: Endpoint) -> Cell:
        """A new cell for an endpoint's first request of this second, or the shared one when there are too many."""
        if endpoint not in self._endpoints:
            if len(self._endpoints) >= self._max_endpoints:
                self._overflow += 1
                endpoint = OVERFLOW
                if endpoint in cells:
                    return cells[endpoint]
            else:
                self._endpoints.add(endpoint)
        cell = cells[endpoint] = Cell()
        return cell

    def _open_scenario(self, scenario: str) -> list[int]:
        if scenario not in self._scenario_names and scenario != UNNAMED:
            if len(self._scenario_names) >= MAX_SCENARIOS:
                self._scenario_overflow += 1
                scenario = UNNAMED
            else:
                self._scenario_names.add(scenario)
        return self._scenarios.setdefault(scenario, [0, 0])

    def take(self) -> dict[str, Any]:
        """What was recorded since the last take, ready for the wire; the recorder starts afresh.

        `now` is this worker's clock, `cpu` its use of one core in percent since the last take.
        """
        now, cpu = self._clock(), self._cpu_clock()
        for cells in self._seconds.values():
            for cell in cells.values():
                if good := cell.requests - sum(cell.outcomes.values()):
                    cell.outcomes[OK] = good
        elapsed = now - self._taken_at
        delta = {
            "now": now,
            "cpu": max(0.0, 100 * (cpu - self._cpu_at) / elapsed) if elapsed > 0.05 else None,
            "seconds": [
                [second, [[*endpoint, cell.encode()] for endpoint, cell in cells.items()]]
                for second, cells in self._seconds.items()
            ],
            "scenarios": self._scenarios,
            "overflow": self._overflow,
            "scenario_overflow": self._scenario_overflow,
            "starts": self._starts,
            "unanswered": self._unanswered,
            "failing": self._failing.take(),
        }
        if elapsed > 0.05:
            self._taken_at, self._cpu_at = now, cpu
        self._seconds, self._second = {}, -1
        self._scenarios = {}
        self._overflow = self._scenario_overflow = 0
        self._starts = [0, 0]
        self._unanswered = [0, 0.0]
        return delta
