"""Line protocol for what stays of a run, in the bucket of summaries: one point a run, an area and an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from metrics.areas import area_of
from metrics.lines import MILLISECONDS, Field, latency_fields, line
from metrics.live_lines import missed
from metrics.merge import Merge
from metrics.recorder import Cell
from metrics.verdict import Verdict


@dataclass(frozen=True)
class RunSummary:
    """A run that has ended, as far as its cells do not say it."""

    run_id: str
    seed: int
    host: str
    users: int
    """The most at once."""
    duration_s: float
    counted_s: float
    """How long its sums were counted: all of it, or since they were begun anew."""
    ended: float


def summary_lines(run: RunSummary, merge: Merge, verdict: Verdict) -> Iterator[str]:
    """`run_summary`, `area_summary` and `endpoint_summary`, at the time of the run's end."""
    time_ms = int(run.ended * MILLISECONDS)
    tags = {"run_id": run.run_id}
    of_run: dict[str, Field | None] = {
        "verdict": verdict.verdict,
        "code": verdict.exit_code,
        "started": int((run.ended - run.duration_s) * MILLISECONDS),
        "ended": time_ms,
        "duration": float(run.duration_s),
        "users": run.users,
        "workers": len(merge.workers),
        "seed": run.seed,
        "host": run.host,
        "profile": verdict.plan.profile,
        "missed": missed(verdict.results),
    }
    yield line("run_summary", tags, of_run | _fields(merge.overall, run.counted_s), time_ms)
    for area, cell in merge.areas.items():
        if cell.requests:
            yield line("area_summary", tags | {"area": area}, _fields(cell, run.counted_s), time_ms)
    for endpoint, cell in merge.endpoints.items():
        of_endpoint = tags | {"type": endpoint[0], "name": endpoint[1], "area": area_of(*endpoint)}
        yield line("endpoint_summary", of_endpoint, _fields(cell, run.counted_s), time_ms)


def _fields(cell: Cell, counted_s: float) -> dict[str, Field | None]:
    return {
        "count": cell.requests,
        "failures": cell.failures,
        "rps": cell.requests / counted_s if counted_s > 0 else None,
        "error_percent": cell.error_percent if cell.requests else None,
        **latency_fields(cell.latency),
        **latency_fields(cell.intended, "intended_"),
    }
