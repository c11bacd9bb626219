"""Writes `docs/points.md`, what a run writes to InfluxDB: `python -m metrics.points_table`, in `locust/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from metrics.outbox import RUNS
from metrics.points import MEASUREMENTS, Measurement

PAGE = Path(__file__).resolve().parents[2] / "docs" / "points.md"
INTRODUCTION = """\
# What a run writes to InfluxDB

Every measurement, tag and field. This page is generated from `locust/metrics/points.py`, and tests hold both it and
what a real run writes to that; after a change write it anew:

```sh
PYTHONPATH=locust python -m metrics.points_table
```

Every point has the tag `run_id` as well. What was not measured is never written as 0: latencies are left out of a
second without a request. How points come about, and where they go: [metrics.md](metrics.md#measurements).

| measurement | | name | type | unit | what it says |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The page, as it should be."""
    return INTRODUCTION + "".join(f"{row}\n" for each in MEASUREMENTS for row in _rows(each))


def _rows(measurement: Measurement) -> Iterator[str]:
    bucket = ", in the bucket of summaries" if measurement.bucket == RUNS else ""
    seldom = f"; {measurement.seldom}" if measurement.seldom else ""
    name = f"`{measurement.name}`"
    yield f"| **{name}** | | | | | {measurement.about}{bucket}{seldom}; series: {measurement.series} |"
    for tag, holds in measurement.tags.items():
        yield f"| {name} | tag | `{tag}` | | | {holds} |"
    for field in measurement.fields:
        left_out = f" (not where {field.seldom})" if field.seldom else ""
        yield f"| {name} | field | `{field.name}` | {field.type} | {field.unit} | {field.says}{left_out} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
