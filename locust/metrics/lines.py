"""Line protocol for InfluxDB: what each second of a run becomes. Pure: cells in, lines out.

docs/metrics.md lists every measurement. A field never changes its type: counts are integers, everything else floats.
Tags come from bounded sets (request types and names, areas, outcome classes, worker numbers), never from ids or texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from metrics.areas import area_of
from metrics.histogram import Histogram
from metrics.merge import Merge, Second
from metrics.recorder import Cell

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
MILLISECONDS = 1000
"""Points carry milliseconds since the epoch (write precision `ms`)."""

Field = int | float | str
ESCAPED = re.compile(r"([,= ])")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def escape(text: str) -> str:
    r"""A tag value: `,`, `=` and space escaped, control characters as `?`, a backslash (it has no escape) as `/`.

    An empty value is refused by InfluxDB and becomes `-`.
    """
    return ESCAPED.sub(r"\\\1", CONTROL.sub("?", text).replace("\\", "/")) or "-"


def _field(value: Field) -> str:
    if isinstance(value, str):
        text = CONTROL.sub(" ", value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    return f"{value}i" if isinstance(value, int) else repr(float(value))


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Field | None], time_ms: int) -> str:
    """One point; fields that are None are left out, and there must be another."""
    where = "".join(f",{name}={escape(value)}" for name, value in tags.items())
    what = ",".join(f"{name}={_field(value)}" for name, value in fields.items() if value is not None)
    return f"{measurement}{where} {what} {time_ms}"


def _latencies(histogram: Histogram | None, prefix: str, suffix: str) -> dict[str, Field | None]:
    if histogram is None or not histogram.count:
        return {}
    values: dict[str, float | None] = dict(zip(QUANTILES, histogram.percentiles(list(QUANTILES.values())), strict=True))
    values |= {"max": float(histogram.greatest), "avg": histogram.mean}
    return {f"{prefix}{name}{suffix}": None if value is None else value / 1000 for name, value in values.items()}


def fields_of(second: Cell, total: Cell) -> dict[str, Field | None]:
    """The fields of one second and, with `_total`, of the run so far. Latencies in ms, left out when there are none."""
    return {
        "count": second.requests,
        "failures": second.failures,
        "rps": float(second.requests),
        "error_percent": second.error_percent if second.requests else None,
        **_latencies(second.latency, "", ""),
        **_latencies(second.intended, "intended_", ""),
        "count_total": total.requests,
        "failures_total": total.failures,
        "error_percent_total": total.error_percent if total.requests else None,
        **_latencies(total.latency, "", "_total"),
        **_latencies(total.intended, "intended_", "_total"),
    }


def second_lines(run_id: str, second: Second, merge: Merge) -> Iterator[str]:
    """Everything that was measured in one second: `requests`, `areas`, `overall` and `outcomes`.

    Every endpoint seen so far has a point, so that a graph falls to zero rather than stop.
    """
    time_ms = second.time * MILLISECONDS
    nothing = Cell()
    for endpoint, total in merge.endpoints.items():
        request_type, name = endpoint
        tags = {"run_id": run_id, "type": request_type, "name": name, "area": area_of(*endpoint)}
        cell = second.endpoints.get(endpoint, nothing)
        yield line("requests", tags, fields_of(cell, total), time_ms)
        for outcome, count in cell.outcomes.items():
            yield line("outcomes", tags | {"outcome": outcome}, {"count": count}, time_ms)
    for area, total in merge.areas.items():
        if total.requests:
            fields = fields_of(second.areas[area], total)
            yield line("areas", {"run_id": run_id, "area": area}, fields, time_ms)
    yield line("overall", {"run_id": run_id}, fields_of(second.overall, merge.overall), time_ms)


def user_lines(run_id: str, time: int, users: int, workers: Sequence[tuple[int, float | None]]) -> Iterator[str]:
    """`users` (with how many workers, and their CPU) and `workers` (each one's CPU), in one second.

    `workers` holds each worker's number and its use of one core in percent.
    """
    time_ms = time * MILLISECONDS
    known = [cpu for _, cpu in workers if cpu is not None]
    fields: dict[str, Field | None] = {
        "users": users,
        "workers": len(workers),
        "cpu_avg": sum(known) / len(known) if known else None,
        "cpu_max": max(known) if known else None,
    }
    yield line("users", {"run_id": run_id}, fields, time_ms)
    for number, cpu in workers:
        if cpu is not None:
            yield line("workers", {"run_id": run_id, "worker": str(number)}, {"cpu": cpu}, time_ms)


def event_line(run_id: str, kind: str, text: str, time: float) -> str:
    """An event for Grafana's annotations: `kind` is start, stop or verdict."""
    tags = {"run_id": run_id, "kind": kind}
    return line("events", tags, {"text": text, "tags": f"run,{kind}"}, int(time * MILLISECONDS))
