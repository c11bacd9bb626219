"""Two runs compared, endpoint by endpoint: worse, better, no different, or not enough data to say.

A difference counts when it is both significant and relevant: no chance (`metrics.significance`, all tests of a
comparison corrected together), and large enough to matter to somebody. No difference is an answer only where one of a
medium effect would have been found; else the answer is that there is not enough data. A run that is invalid shows
nothing, and neither does a comparison with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metrics.histogram import Histogram
from metrics.recorder import Cell, Endpoint
from metrics.significance import holm, mann_whitney, proportions, tail, values_needed
from metrics.stored import StoredRun

WORSE, BETTER, SAME, TOO_FEW = "worse", "better", "no different", "not enough data"
ONLY_FIRST, ONLY_SECOND = "only in the first", "only in the second"
NO_WORSE, INVALID = "no worse", "invalid"
EXIT_CODES = {NO_WORSE: 0, WORSE: 1, TOO_FEW: 2, INVALID: 2}
ALL: Endpoint = ("", "all requests")
"""The row of the whole run, whose failures are compared and whose latencies are not: its mix may be another."""
POWER = 0.8
MEDIUM = 0.64
"""The effect that must not go unseen for "no different" to be an answer (see `significance.Shift.probability`)."""
SMALL = 0.56
"""A smaller effect is none, however certain."""
LEAST = 20
"""Fewer values than this in either run, and the normal approximation says nothing."""


@dataclass(frozen=True)
class Rules:
    """What counts as a difference."""

    level: float = 0.05
    """How often all tests of a comparison together may raise a false alarm."""
    percent: float = 10.0
    ms: float = 5.0
    """A median or a p95 must have moved by so much, both in percent of the first run's and in ms."""
    error_points: float = 0.5
    """A rate of failures must have moved by so many of a hundred requests."""
    coverage_percent: float = 80.0
    """The part of all requests whose endpoints must have an answer for the comparison to be one."""
    allow_invalid: bool = False
    """Whether runs are compared that are invalid by their own verdicts."""


@dataclass(frozen=True)
class Side:
    """One run's figures of an endpoint; latencies in ms, None when it has none."""

    requests: int
    failures: int
    p50: float | None
    p95: float | None

    @property
    def error_percent(self) -> float:
        """Failures in a hundred requests; 0 without any."""
        return 100 * self.failures / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Row:
    """One endpoint in both runs, and what became of it."""

    endpoint: Endpoint
    first: Side
    second: Side
    answer: str
    changes: Mapping[str, str] = field(default_factory=dict)
    """By measure (`p50`, `p95`, `errors`): worse or better, where it differs."""
    p_values: Mapping[str, float] = field(default_factory=dict)
    """By measure, corrected for all tests of the comparison."""
    probability: float | None = None
    """That a request of the second run took longer than one of the first."""


@dataclass(frozen=True)
class Comparison:
    """Two runs and all their rows."""

    first: StoredRun
    second: StoredRun
    rules: Rules
    rows: list[Row]

    @property
    def covered_percent(self) -> float:
        """The part of all requests whose endpoints have an answer."""
        rows = [row for row in self.rows if row.endpoint != ALL]
        total = sum(row.first.requests + row.second.requests for row in rows)
        answered = (row for row in rows if row.answer in {WORSE, BETTER, SAME})
        return 100 * sum(row.first.requests + row.second.requests for row in answered) / total if total else 0.0

    @property
    def invalid(self) -> list[StoredRun]:
        """Those of the two runs that are invalid by their own verdicts, also when they failed all the same."""
        runs = [self.first] if self.first.run_id == self.second.run_id else [self.first, self.second]
        return [
            run for run in runs if run.verdict is not None and (run.verdict.invalid or run.verdict.verdict == INVALID)
        ]

    @property
    def answer(self) -> str:
        """`worse`, `no worse`, `not enough data` or `invalid`."""
        if self.invalid and not self.rules.allow_invalid:
            return INVALID
        if any(row.answer == WORSE for row in self.rows):
            return WORSE
        return NO_WORSE if self.covered_percent >= self.rules.coverage_percent else TOO_FEW

    @property
    def exit_code(self) -> int:
        """0 no worse, 1 worse, 2 not enough data or an invalid run."""
        return EXIT_CODES[self.answer]

    def facts(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "answer": self.answer,
            "exit_code": self.exit_code,
            "first": self.first.run_id,
            "second": self.second.run_id,
            "verdicts": {
                side: None if run.verdict is None else vars(run.verdict)
                for side, run in (("first", self.first), ("second", self.second))
            },
            "covered_percent": round(self.covered_percent, 1),
            "rules": vars(self.rules),
            "endpoints": [
                {
                    "type": row.endpoint[0],
                    "name": row.endpoint[1],
                    "answer": row.answer,
                    "changes": dict(row.changes),
                    "p_values": dict(row.p_values),
                    "probability_slower": row.probability,
                    "first": vars(row.first) | {"error_percent": row.first.error_percent},
                    "second": vars(row.second) | {"error_percent": row.second.error_percent},
                }
                for row in self.rows
            ],
        }


@dataclass
class _Tested:
    """An endpoint that both runs have, with its tests before they are corrected."""

    endpoint: Endpoint
    first: Cell
    second: Cell
    latencies: tuple[Histogram, Histogram] | None
    p_values: dict[str, float] = field(default_factory=dict)
    probability: float | None = None


def compare(first: StoredRun, second: StoredRun, rules: Rules, intended: bool = False) -> Comparison:
    """Compare the second run with the first; latencies count from the send, or from the intended start."""
    both = sorted(first.endpoints.keys() & second.endpoints.keys())
    tested = [_test(e, first.endpoints[e], second.endpoints[e], intended) for e in both]
    whole = _test(ALL, _sum(first), _sum(second), intended, latencies=False)
    family = [*tested, whole]
    corrected = iter(holm([p for each in family for p in each.p_values.values()]))
    for each in family:
        each.p_values = {measure: next(corrected) for measure in each.p_values}
    tests = sum(len(each.p_values) for each in family)
    rows = [_judged(each, rules, tests) for each in family]
    rows += [
        Row(e, _side(first.endpoints[e], first.endpoints[e].latency), Side(0, 0, None, None), ONLY_FIRST)
        for e in sorted(first.endpoints.keys() - second.endpoints.keys())
    ]
    rows += [
        Row(e, Side(0, 0, None, None), _side(second.endpoints[e], second.endpoints[e].latency), ONLY_SECOND)
        for e in sorted(second.endpoints.keys() - first.endpoints.keys())
    ]
    order = [WORSE, BETTER, SAME, TOO_FEW, ONLY_FIRST, ONLY_SECOND]
    rows.sort(key=lambda row: (order.index(row.answer), -row.first.requests - row.second.requests))
    return Comparison(first, second, rules, rows)


def _sum(run: StoredRun) -> Cell:
    whole = Cell()
    for cell in run.endpoints.values():
        whole.merge(cell)
    return whole


def _test(endpoint: Endpoint, first: Cell, second: Cell, intended: bool, latencies: bool = True) -> _Tested:
    """All tests of an endpoint."""
    a, b = (cell.from_due if intended else cell.latency for cell in (first, second))
    usable = latencies and a.count > 0 and b.count > 0
    tested = _Tested(endpoint, first, second, (a, b) if usable else None)
    tested.p_values["errors"] = proportions(first.failures, first.requests, second.failures, second.requests)
    if tested.latencies is not None and min(h.count for h in tested.latencies) >= LEAST:
        shift = mann_whitney(*tested.latencies)
        tested.probability = shift.probability
        tested.p_values["p50"] = shift.p_value
        tested.p_values["p95"] = tail(*tested.latencies, 0.95)
    return tested


def _judged(tested: _Tested, rules: Rules, tests: int) -> Row:
    """The row of an endpoint whose p-values have been corrected for so many tests."""
    histograms = tested.latencies
    sides = [_side(cell, h) for cell, h in zip((tested.first, tested.second), histograms or (None, None), strict=True)]
    first, second = sides
    changes: dict[str, str] = {}
    for measure, p_value in tested.p_values.items():
        if p_value <= rules.level and (moved := _relevant(measure, first, second, tested.probability, rules)):
            changes[measure] = WORSE if moved > 0 else BETTER
    if changes:
        answer = WORSE if WORSE in changes.values() else BETTER
    else:
        answer = SAME if tested.endpoint == ALL or _enough(histograms, rules, tests) else TOO_FEW
    return Row(tested.endpoint, first, second, answer, changes, tested.p_values, tested.probability)


def _relevant(measure: str, first: Side, second: Side, probability: float | None, rules: Rules) -> float:
    """By how much a measure moved, if that matters; else 0."""
    if measure == "errors":
        moved = second.error_percent - first.error_percent
        return moved if abs(moved) >= rules.error_points else 0.0
    before, after = (first.p50, second.p50) if measure == "p50" else (first.p95, second.p95)
    assert before is not None  # a measure that was tested is there
    assert after is not None
    if measure == "p50" and (probability is None or 1 - SMALL < probability < SMALL):
        return 0.0
    moved = after - before
    return moved if abs(moved) >= max(rules.ms, before * rules.percent / 100) else 0.0


def _enough(histograms: tuple[Histogram, Histogram] | None, rules: Rules, tests: int) -> bool:
    """Whether a medium effect would have been found, at the level that the strictest of the corrected tests has."""
    if histograms is None:
        return False
    n, m = (histogram.count for histogram in histograms)
    return min(n, m) >= LEAST and n + m >= values_needed(rules.level / tests, POWER, MEDIUM, n / (n + m))


def _side(cell: Cell, latencies: Histogram | None = None) -> Side:
    p50, p95 = (None, None) if latencies is None else latencies.percentiles([0.5, 0.95])
    in_ms = (None if micros is None else micros / 1000 for micros in (p50, p95))
    return Side(cell.requests, cell.failures, *in_ms)
