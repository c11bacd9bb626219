"""The dashboard "Live run": what is going on now, what it adds up to so far, and how that stands to the targets.

Every second of a run has a point, and percentiles in it are exact over all workers; where a pixel covers more than a
second a graph shows the worst one, since percentiles cannot be averaged.
"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board, many, run_picker
from grafana.calls import voice_so_far
from grafana.endpoints import endpoint_table
from grafana.looks import GREEN, RED, VERDICTS, coded
from grafana.panels import Column, Panel, Words, figure, graph, grid
from grafana.queries import RUN, equal, last, newest, over_time, tag_values, within
from grafana.targets import Target, limit, targets

SMALL_MULTIPLES = {
    "Authentication, average": "authentication average",
    "CRM, average": "CRM average",
    "Calendar, average": "calendar average",
    "Search, average": "search average",
    "WebSocket, average": "WebSocket connection average",
    "Critical path, errors": "critical path error rate",
}
"""Graphs of one target each: the panel's title and the target's name."""
NARROW = 90
"""The width of a column of figures in a table that has a part of a row, in pixels."""
MET = coded(("missed", RED), ("met", GREEN))


def figures() -> list[Panel]:
    """The first row: the run at a glance."""
    return [
        figure(
            Words("Verdict so far", "What the verdict would be were the run to end now, or was at its end.", "short"),
            last("code", "verdict"),
            mapped=coded(*VERDICTS),
        ),
        figure(
            Words("Users", "Virtual users that run now.", "locale"),
            over_time('max("users")', "users"),
        ),
        figure(
            Words(
                "Request rate", "Requests a second that ended in the newest seconds, calls' steps included.", "reqps"
            ),
            over_time('mean("rps")', "overall"),
        ),
        figure(
            Words("Errors so far", "Failed requests of all so far. Red from the target on.", "percent"),
            last("error_percent_total", "overall"),
            limit=limit("error rate"),
        ).decimals(2),
        figure(
            Words("p95 now", "95 of 100 requests of the newest seconds took at most this long.", "ms"),
            over_time('max("p95")', "overall"),
            limit=limit("regression: p95"),
        ),
        figure(
            Words("p95 so far", "95 of 100 requests of the run took at most this long. Red from the gate on.", "ms"),
            last("p95_total", "overall"),
            limit=limit("regression: p95"),
        ),
        *voice_so_far(),
    ]


def load() -> list[Panel]:
    """How much is asked of the target, and what fails."""
    return [
        graph(
            Words("Users by scenario", "Virtual users of the chosen scenarios, one above the other.", "locale"),
            {"$tag_scenario": over_time('max("users")', "scenarios", within("scenario"), by=["scenario"])},
            span=8,
            stacked=True,
            legend=[],
        ),
        graph(
            Words("Requests by area", "Requests a second of each part of the platform, one above the other.", "reqps"),
            {"$tag_area": over_time('mean("rps")', "areas", by=["area"])},
            span=8,
            stacked=True,
            legend=[],
        ),
        graph(
            Words("Failures by class", "Failed requests in each interval, by how they failed.", "locale"),
            {
                "$tag_outcome": over_time(
                    'sum("count")', "outcomes", f'"outcome" !~ /^(ok|rejected)$/ AND {RUN}', by=["outcome"], fill="none"
                )
            },
            span=8,
            bars=True,
            legend=["sum"],
        ),
    ]


def latency() -> list[Panel]:
    """How long requests take: now, and so far."""
    quantiles = ("p50", "p90", "p95", "p99")
    gate = limit("regression: p95")
    return [
        graph(
            Words("Latency now", "Exact percentiles over all workers of each second; the worst second a pixel.", "ms"),
            {name: over_time(f'max("{name}")', "overall") for name in quantiles},
        ),
        graph(
            Words("Latency so far", "Exact percentiles of everything since the start. The line is the p95 gate.", "ms"),
            {name: over_time(f'last("{name}_total")', "overall") for name in quantiles},
            limit=gate,
        ),
    ]


def against_targets() -> list[Panel]:
    """What each target measures so far, with its line, and all of them in tables."""
    return [*(_small(title, name) for title, name in SMALL_MULTIPLES.items()), *_tables(), _reasons()]


def _small(title: str, name: str) -> Panel:
    target = next(target for target in targets() if target.name == name)
    unit = "percent" if target.unit == "%" else target.unit
    words = Words(title, f"The target “{name}” so far; the line is its limit.", unit)
    query = over_time('last("value")', "targets", equal(target=name))
    return graph(words, {"so far": query}, span=4, height=6, limit=target.limit)


def _tables() -> list[Panel]:
    latencies = Column("ms", width=NARROW)
    errors = Column("percent", width=NARROW)
    plain = Column("locale", width=NARROW)
    return [
        _targets("Latency targets", "Each target of a latency: its value so far and its limit.", "ms", latencies, 9),
        _targets("Error targets", "Each target of an error rate: its value so far and its limit.", "%", errors, 8),
        _targets("Load targets", "Users at once, and requests that a user makes in a minute.", "", plain, 7),
    ]


def _targets(title: str, description: str, unit: str, column: Column, span: int) -> Panel:
    def chosen(target: Target) -> bool:
        return target.unit == unit if unit else target.unit not in {"ms", "%"}

    names = "|".join(target.name for target in targets() if chosen(target))
    columns = {"value": "value", "limit": "limit", "target is": "ok"}
    query = newest(columns, "targets", f'"target" =~ /^({names})$/ AND {RUN}', by=["target"])
    state = Column("short", mapped=MET, width=NARROW)
    return grid(
        Words(title, description, column.unit),
        [query],
        {"target": Column("string"), "value": column, "limit": column, "target is": state},
        height=10,
        sort="target",
        span=span,
        descending=False,
    )


def _reasons() -> Panel:
    return grid(
        Words("Reasons", "What makes the verdict other than a pass; empty when nothing does.", "string"),
        [newest({"missed": "missed", "reasons": "reasons"}, "verdict")],
        {"missed": Column("short", width=90), "reasons": Column("string")},
        height=4,
        sort="missed",
    )


def build() -> Dashboard:
    """The dashboard."""
    return board(
        "live-run",
        Words("Live run", "The run as it goes on: verdict, users, rate, failures and latency against the targets.", ""),
        [
            run_picker(),
            many("scenario", "Scenario", "User classes, for their users.", tag_values("scenario", "scenarios")),
            many("area", "Area", "Parts of the platform, for the table of endpoints.", tag_values("area", "requests")),
        ],
        {
            "": figures(),
            "Load": load(),
            "Latency": latency(),
            "Targets": against_targets(),
            "Endpoints": [endpoint_table(height=12)],
        },
    )
