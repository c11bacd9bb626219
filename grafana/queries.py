"""InfluxQL as the dashboards need it, over the measurements of docs/points.md.

`$run` and its like are Grafana's variables: several values come as alternatives of a regular expression. Values are
never averaged where they are percentiles: an interval shows its worst second, or the newest sum so far.
"""

# ruff: noqa: S608 - what is put into queries are the dashboards' own constants

from __future__ import annotations

from collections.abc import Iterable, Mapping

RUN = '"run_id" =~ /^$run$/ AND $timeFilter'
SUMMARIES = '"runs".'
"""Before a measurement: it is of the bucket of summaries."""


def within(variable: str, tag: str | None = None, where: str = RUN) -> str:
    """The condition that a tag has one of a variable's values."""
    return f'"{tag or variable}" =~ /^${variable}$/ AND {where}'


def equal(where: str = RUN, **tags: str) -> str:
    """The condition that tags have these values."""
    return " AND ".join([*(f"\"{tag}\" = '{value}'" for tag, value in tags.items()), where])


def call(step: str) -> str:
    """The condition for one step of calls."""
    return equal(type="CALL", name=step)


def last(field: str, measurement: str, where: str = RUN) -> str:
    """The newest value of a field."""
    return f'SELECT last("{field}") FROM "{measurement}" WHERE {where}'


def over_time(
    expression: str, measurement: str, where: str = RUN, *, by: Iterable[str] = (), fill: str = "null"
) -> str:
    """One value an interval, and one series for the values of the tags `by`."""
    groups = ", ".join(["time($__interval)", *(f'"{tag}"' for tag in by)])
    return f'SELECT {expression} FROM "{measurement}" WHERE {where} GROUP BY {groups} fill({fill})'


def select(columns: Mapping[str, str], measurement: str, where: str = RUN, *, by: Iterable[str] = ()) -> str:
    """The points themselves: of each these fields and tags by the column's name, a series for the values of `by`."""
    selected = ", ".join(f'"{field}" AS "{name}"' for field, name in columns.items())
    return f"SELECT {selected} FROM {_source(measurement)} WHERE {where}" + _grouped(by)


def newest(columns: Mapping[str, str], measurement: str, where: str = RUN, *, by: Iterable[str] = ()) -> str:
    """One row for the values of the tags `by`: the newest value of each field, under the column's name."""
    selected = ", ".join(f'last("{field}") AS "{name}"' for name, field in columns.items())
    return f"SELECT {selected} FROM {_source(measurement)} WHERE {where}" + _grouped(by)


def summed(field: str, measurement: str, by: Iterable[str], where: str = RUN) -> str:
    """The sum over all series of the newest value that each has: of counts so far."""
    return f'SELECT sum("value") FROM ({newest({"value": field}, measurement, where, by=by)}) WHERE $timeFilter'


def tag_values(tag: str, measurement: str, where: str = "") -> str:
    """The values that a tag has, for a picker."""
    return f'SHOW TAG VALUES FROM {_source(measurement)} WITH KEY = "{tag}"' + (f" WHERE {where}" if where else "")


def _source(measurement: str) -> str:
    return measurement if measurement.startswith('"') else f'"{measurement}"'


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _grouped(by: Iterable[str]) -> str:
    groups = _quoted(by)
    return f" GROUP BY {groups}" if groups else ""


SO_FAR = {
    "requests": "count_total",
    "failures": "failures_total",
    "errors": "error_percent_total",
    "average": "avg_total",
    "p50": "p50_total",
    "p95": "p95_total",
    "p99": "p99_total",
    "max": "max_total",
}
"""What an endpoint adds up to so far: column to field."""
SO_FAR_UNITS = dict.fromkeys(SO_FAR, "ms") | {"requests": "locale", "failures": "locale", "errors": "percent"}
