"""A run as it goes on, for whoever watches its terminal: what a moment's picture of it holds, and that as one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.areas import AREAS
from metrics.durations import clock
from metrics.histogram import Histogram
from metrics.recorder import Cell
from metrics.results import Result, figure
from metrics.run import Run
from metrics.wording import counted

ALL = "all requests"


@dataclass(frozen=True)
class Row:
    """An area, or all of them: the last whole second, and the run so far. Latencies are the p50 and the p95 in ms."""

    name: str
    rate: int
    failing: int
    """Failures of that second."""
    now: tuple[float | None, float | None]
    requests: int
    failures: int
    error_percent: float
    so_far: tuple[float | None, float | None]


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run."""

    run_id: str
    elapsed_s: float
    planned_s: float | None
    users: int
    workers: int
    rows: Sequence[Row]
    """The areas that had a request, and then all of them together."""
    results: Sequence[Result]
    """The targets as they stand."""

    @property
    def missed(self) -> list[Result]:
        """The targets that are missed as things stand: what is yet to be reached is none of them."""
        return [result for result in self.results if result.ok is False and not result.target.at_least]


def snapshot_of(run: Run, users: int, planned_s: float | None, now: float, results: Sequence[Result]) -> Snapshot:
    """The run at a moment of its clock."""
    merge, latest = run.merge, run.latest
    rows = [
        _row(area, latest.areas[area] if latest else Cell(), merge.areas[area])
        for area in AREAS
        if merge.areas[area].requests
    ]
    rows.append(_row(ALL, latest.overall if latest else Cell(), merge.overall))
    return Snapshot(run.run_id, now - run.started, planned_s, users, len(merge.workers), rows, results)


def _row(name: str, now: Cell, so_far: Cell) -> Row:
    return Row(
        name=name,
        rate=now.requests,
        failing=now.failures,
        now=_percentiles(now.latency),
        requests=so_far.requests,
        failures=so_far.failures,
        error_percent=so_far.error_percent,
        so_far=_percentiles(so_far.latency),
    )


def _percentiles(latency: Histogram) -> tuple[float | None, float | None]:
    p50, p95 = (None if micros is None else micros / 1000 for micros in latency.percentiles([0.5, 0.95]))
    return p50, p95


def heading(snapshot: Snapshot) -> str:
    """Where the run is, and with how much load."""
    planned = "" if snapshot.planned_s is None else f" of {clock(snapshot.planned_s)}"
    workers = f", {counted(snapshot.workers, 'worker')}" if snapshot.workers > 1 else ""
    return f"{clock(snapshot.elapsed_s)}{planned}, {counted(snapshot.users, 'user')}{workers}"


def targets_so_far(snapshot: Snapshot) -> str:
    """How the targets stand."""
    judged = sum(result.ok is not None for result in snapshot.results)
    if not judged:
        return "no target can be judged yet"
    missed = snapshot.missed
    if not missed:
        return f"no target missed so far, of {judged}"
    names = ", ".join(result.target.name for result in missed)
    return f"{len(missed)} of {counted(judged, 'target')} missed so far: {names}"


def line(snapshot: Snapshot) -> str:
    """The moment as one line, for a log."""
    whole = snapshot.rows[-1]
    p50, p95 = whole.so_far
    rate = f"{counted(whole.rate, 'request')} a second"
    return (
        f"{heading(snapshot)}: {rate}, {whole.requests:,} so far, {whole.failures:,} failed "
        f"({figure(whole.error_percent)} %), p50 {figure(p50)} ms, p95 {figure(p95)} ms; {targets_so_far(snapshot)}"
    )
