"""Line protocol for InfluxDB: what each second of a run becomes. Pure: cells in, lines out.

`metrics.points` lists every measurement. A field never changes its type: counts are integers, everything else floats.
Tags come from bounded sets (request types and names, areas, outcome classes, worker numbers), never from ids or texts.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from metrics.areas import area_of
from metrics.histogram import Histogram, lowest_of
from metrics.merge import Merge, Second
from metrics.recorder import Cell

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
BOUNDS_MS = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700),
    *(1000, 1500, 2000, 3000, 5000, 7000, 10_000, 20_000, 60_000),
)
"""Upper bounds of a heatmap's buckets."""
MILLISECONDS = 1000
"""Points carry milliseconds since the epoch (write precision `ms`)."""

Field = int | float | str
ESCAPED = re.compile(r"([,= ])")
CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""What no line may hold: control characters, and halves of characters, which are no text."""


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


class Increase:
    """By how much a count grew in a second, however often that second is written: its last point has all of it."""

    def __init__(self) -> None:
        self._time: int | None = None
        self._base = 0
        self._total = 0

    def at(self, time: int, total: int) -> int:
        """The growth in second `time` of a count that is `total` now; one that began anew has grown from 0."""
        if time != self._time:
            self._time, self._base = time, self._total
        if total < self._total:
            self._base = 0
        self._total = total
        return total - self._base


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Field | None], time_ms: int) -> str:
    """One point; fields that are None are left out, and there must be another."""
    where = "".join(f",{name}={escape(value)}" for name, value in tags.items())
    what = ",".join(f"{name}={_field(value)}" for name, value in fields.items() if value is not None)
    return f"{measurement}{where} {what} {time_ms}"


def latency_fields(histogram: Histogram | None, prefix: str = "", suffix: str = "") -> dict[str, Field | None]:
    """Percentiles, maximum and average in ms; no field at all where there is no latency."""
    if histogram is None or not histogram.count:
        return {}
    values: dict[str, float | None] = dict(zip(QUANTILES, histogram.percentiles(list(QUANTILES.values())), strict=True))
    values |= {"max": float(histogram.greatest), "avg": histogram.mean}
    return {f"{prefix}{name}{suffix}": None if value is None else value / 1000 for name, value in values.items()}


def bucket_fields(histogram: Histogram) -> dict[str, int]:
    """How many latencies lie in each bucket of a heatmap that holds any (over the bound before, up to its own)."""
    counts = [0] * (len(BOUNDS_MS) + 1)
    for index, count in histogram.buckets.items():
        counts[bisect_left(BOUNDS_MS, lowest_of(index) / 1000)] += count
    names = [*(f"le_{bound}" for bound in BOUNDS_MS), "le_inf"]
    return {"count": histogram.count} | {name: count for name, count in zip(names, counts, strict=True) if count}


def fields_of(second: Cell, total: Cell) -> dict[str, Field | None]:
    """The fields of one second and, with `_total`, of the run so far. Latencies in ms, left out when there are none."""
    return {
        "count": second.requests,
        "failures": second.failures,
        "rps": float(second.requests),
        "error_percent": second.error_percent if second.requests else None,
        **latency_fields(second.latency),
        **latency_fields(None if total.intended is None else second.from_due, "intended_"),
        "count_total": total.requests,
        "failures_total": total.failures,
        "error_percent_total": total.error_percent if total.requests else None,
        **latency_fields(total.latency, suffix="_total"),
        **latency_fields(total.intended, "intended_", "_total"),
    }


def second_lines(run_id: str, second: Second, merge: Merge) -> Iterator[str]:
    """All requests of one second: `requests`, `latency_buckets`, `outcomes`, `areas` and `overall`.

    Every endpoint and outcome seen so far has a point, so that a graph falls to zero rather than stop, and the number
    of points does not depend on how many requests there were.
    """
    time_ms = second.time * MILLISECONDS
    nothing = Cell()
    for endpoint, total in merge.endpoints.items():
        request_type, name = endpoint
        tags = {"run_id": run_id, "type": request_type, "name": name, "area": area_of(*endpoint)}
        cell = second.endpoints.get(endpoint, nothing)
        yield line("requests", tags, fields_of(cell, total), time_ms)
        yield line("latency_buckets", tags, bucket_fields(cell.latency), time_ms)
        for outcome, so_far in total.outcomes.items():
            counts = {"count": cell.outcomes.get(outcome, 0), "count_total": so_far}
            yield line("outcomes", tags | {"outcome": outcome}, counts, time_ms)
    for area, total in merge.areas.items():
        if total.requests:
            fields = fields_of(second.areas[area], total)
            yield line("areas", {"run_id": run_id, "area": area}, fields, time_ms)
    yield line("overall", {"run_id": run_id}, fields_of(second.overall, merge.overall), time_ms)


def event_line(run_id: str, kind: str, text: str, time: float) -> str:
    """An event for Grafana's annotations: `kind` is start, stop, reset, fault, double or verdict."""
    tags = {"run_id": run_id, "kind": kind}
    return line("events", tags, {"text": text, "tags": f"run,{kind}"}, int(time * MILLISECONDS))
