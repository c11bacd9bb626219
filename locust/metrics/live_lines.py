"""Line protocol for what is known of a run besides its requests: users, scenarios, targets, workers, the outbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from metrics.lines import MILLISECONDS, Field, Increase, line
from metrics.merge import Worker
from metrics.process import process_fields
from metrics.results import Result
from metrics.verdict import Verdict

REASONS_LENGTH = 500


def user_lines(run_id: str, time: int, users: int, workers: Sequence[Worker]) -> Iterator[str]:
    """`users` (with how many workers, and their CPU) and `workers` (each one's process), in one second."""
    time_ms = time * MILLISECONDS
    known = [worker.bearing.cpu.latest for worker in workers if worker.bearing.cpu.latest is not None]
    fields: dict[str, Field | None] = {
        "users": users,
        "workers": len(workers),
        "cpu_avg": sum(known) / len(known) if known else None,
        "cpu_max": max(known) if known else None,
    }
    yield line("users", {"run_id": run_id}, fields, time_ms)
    for worker in workers:
        of_process = process_fields(worker.process) if worker.process else {}
        fields = of_process | {"cpu": worker.bearing.cpu.latest}
        if any(value is not None for value in fields.values()):
            yield line("workers", {"run_id": run_id, "worker": str(worker.number)}, fields, time_ms)


class OutboxFigures(Protocol):
    """What is written of the points themselves; `metrics.writer.Writer` has it."""

    @property
    def points_waiting(self) -> int:
        """Points that wait."""

    @property
    def bytes_waiting(self) -> int:
        """What they take on the disk."""

    @property
    def points_written(self) -> int:
        """Points that InfluxDB has."""

    @property
    def points_lost(self) -> int:
        """Points that will never be written."""

    @property
    def delay_s(self) -> float:
        """For how long points have waited without a break."""


def outbox_line(run_id: str, time: int, outbox: OutboxFigures) -> str:
    """`outbox`: how the points themselves fare, before those of this second."""
    fields: dict[str, Field | None] = {
        "waiting": outbox.points_waiting,
        "bytes": outbox.bytes_waiting,
        "written": outbox.points_written,
        "lost": outbox.points_lost,
        "delay": float(outbox.delay_s),
    }
    return line("outbox", {"run_id": run_id}, fields, time * MILLISECONDS)


class ScenarioLines:
    """`scenarios`: how many users each has, and its requests since the last lines and so far."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._increases: dict[str, tuple[Increase, Increase]] = {}

    def at(self, time: int, counts: Mapping[str, Sequence[int]], users: Mapping[str, int]) -> Iterator[str]:
        """The lines of one second. `counts` holds requests and failures so far by scenario, `users` those of now."""
        for scenario in sorted({*counts, *(name for name, number in users.items() if number)}):
            requests, failures = counts.get(scenario, (0, 0))
            of_requests, of_failures = self._increases.setdefault(scenario, (Increase(), Increase()))
            fields = {
                "users": users.get(scenario, 0),
                "count": of_requests.at(time, requests),
                "failures": of_failures.at(time, failures),
                "count_total": requests,
                "failures_total": failures,
            }
            yield line("scenarios", {"run_id": self._run_id, "scenario": scenario}, fields, time * MILLISECONDS)


def verdict_lines(run_id: str, time: int, verdict: Verdict) -> Iterator[str]:
    """`verdict` and `targets`: what the verdict would be were the run to end now, and each target that has a value."""
    time_ms = time * MILLISECONDS
    for result in verdict.results:
        if result.value is not None:
            target = result.target
            tags = {"run_id": run_id, "target": target.name, "group": target.group, "measure": target.measure}
            fields: dict[str, Field | None] = {"value": float(result.value), "limit": float(target.limit)}
            yield line("targets", tags, fields | {"ok": int(bool(result.ok))}, time_ms)
    fields = {
        "verdict": verdict.verdict,
        "code": verdict.exit_code,
        "missed": missed(verdict.results),
        "reasons": _cut("; ".join(verdict.reasons)),
    }
    yield line("verdict", {"run_id": run_id}, fields, time_ms)


def _cut(text: str) -> str:
    return text if len(text) <= REASONS_LENGTH else f"{text[: REASONS_LENGTH - 2]} …"


def missed(results: Sequence[Result]) -> int:
    """How many targets were missed."""
    return sum(result.ok is False for result in results)
