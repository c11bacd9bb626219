"""How far a run's calls came, step by step, as its report shows it. Pure: the requests of type CALL in, rows out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from metrics.histogram import Histogram
from metrics.recorder import Cell, Endpoint

DIAL = "dial"
"""The step that is a request only where a call could not be dialled."""
STEPS = {"answer": "answered", "connect": "connected", "first audio": "heard the agent", "complete": "completed"}
"""What each call does at most once, in order (a caller takes turns as often as it likes), and what it then has."""


@dataclass(frozen=True)
class Reached:
    """A row: how many calls have come so far, in percent of those that were dialled too, and how many failed there."""

    step: str
    calls: int
    percent: float
    failures: int
    p95: float | None
    """Of the step, in ms; None where it was not timed."""


def funnel(endpoints: Mapping[Endpoint, Cell]) -> Iterator[Reached]:
    """The rows, the dialled calls first; none where nobody dialled."""

    def cell(step: str) -> Cell:
        return endpoints.get(("CALL", step), Cell())

    undialled = cell(DIAL).failures
    dialled = cell("answer").requests + undialled
    if not dialled:
        return
    yield Reached("dialled", dialled, 100.0, undialled, None)
    for step, then in STEPS.items():
        of_step = cell(step)
        calls = of_step.requests - of_step.failures
        yield Reached(then, calls, 100 * calls / dialled, of_step.failures, _p95(of_step.latency))


def _p95(latency: Histogram) -> float | None:
    (micros,) = latency.percentiles([0.95])
    return None if micros is None else micros / 1000
