"""One second of a run as its report draws it: a few numbers, kept for as long as the run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metrics.histogram import Histogram
from metrics.merge import Second
from metrics.outcome import FAILURES
from metrics.targets import LATENCY, Targets


@dataclass(frozen=True)
class Moment:
    """One second of the run; latencies in ms, None in a second without any."""

    second: int
    """Counted from the start of the run."""
    requests: int
    failures: int
    p50: float | None
    p95: float | None
    intended_p95: float | None
    """From the intended start."""
    users: int
    failed: Mapping[str, int]
    """Failures by class."""
    targets: Mapping[str, float | None]
    """What this second makes of each target of a latency, by its name."""


def moment_of(second: Second, at: int, users: int, targets: Targets) -> Moment:
    """The second `at` of a run, in which so many users ran."""
    overall = second.overall
    p50, p95 = _in_ms(overall.latency, [0.5, 0.95])
    (intended_p95,) = _in_ms(overall.from_due, [0.95])
    latencies = [target for target in targets.targets if target.kind == LATENCY]
    cells = {group: targets.cell_of(group, second.endpoints) for group in {target.group for target in latencies}}
    return Moment(
        second=at,
        requests=overall.requests,
        failures=overall.failures,
        p50=p50,
        p95=p95,
        intended_p95=intended_p95,
        users=users,
        failed={outcome: count for outcome, count in overall.outcomes.items() if outcome in FAILURES},
        targets={target.name: target.value(cells[target.group], 1) for target in latencies},
    )


def _in_ms(histogram: Histogram, quantiles: list[float]) -> list[float | None]:
    return [None if micros is None else micros / 1000 for micros in histogram.percentiles(quantiles)]
