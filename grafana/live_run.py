"""The dashboard "Live run": what is going on now, what it adds up to so far, and how that stands to the targets.

docs/metrics.md describes the measurements. Every second of a run has a point, and percentiles in it are exact over all
workers; where a pixel covers more than a second a graph shows the worst one, since percentiles cannot be averaged.
"""

# ruff: noqa: S608 - what is put into queries are this file's own constants

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.influxql import DATASOURCE, AnnotationQuery
from grafana.panels import Words, figure, graph, grid, number
from grafana.targets import limit

RUN = '"run_id" =~ /^$run$/ AND $timeFilter'
AREA = f'"area" =~ /^$area$/ AND {RUN}'
CPU_LIMIT = 90.0
"""Percent of a core above which a worker measures itself rather than the target (`metrics.verdict`)."""
ENDPOINT_UNITS = {
    "requests": "short",
    "failures": "short",
    "errors": "percent",
    "average": "ms",
    "p50": "ms",
    "p95": "ms",
    "p99": "ms",
    "max": "ms",
}


def last(field: str, measurement: str, where: str = RUN) -> str:
    """The newest value of a field."""
    return f'SELECT last("{field}") FROM "{measurement}" WHERE {where}'


def over_time(aggregate: str, measurement: str, where: str = RUN, group: str = "", fill: str = "null") -> str:
    """One value an interval, and one series a value of the tag `group`."""
    by = "time($__interval)" + (f', "{group}"' if group else "")
    return f'SELECT {aggregate} FROM "{measurement}" WHERE {where} GROUP BY {by} fill({fill})'


def so_far(where: str) -> str:
    """One row an endpoint: what the run adds up to."""
    fields = {
        "requests": "count_total",
        "failures": "failures_total",
        "errors": "error_percent_total",
        "average": "avg_total",
        "p50": "p50_total",
        "p95": "p95_total",
        "p99": "p99_total",
        "max": "max_total",
    }
    columns = ", ".join(f'last("{field}") AS "{name}"' for name, field in fields.items())
    return f'SELECT {columns} FROM "requests" WHERE {where} GROUP BY "type", "name"'


def call(step: str) -> str:
    """The condition for one step of calls."""
    return f"\"type\" = 'CALL' AND \"name\" = '{step}' AND {RUN}"


def figures() -> list[stat.Panel]:
    """The first row: the run in six figures."""
    return [
        figure(Words("Users", "Virtual users that run now.", "short"), last("users", "users"), span=3),
        figure(
            Words("Requests a second", "Requests that ended in the newest second, steps of calls included.", "reqps"),
            last("rps", "overall"),
        ),
        figure(
            Words("Errors so far", "Failed requests of all so far. Red from the target on.", "percent"),
            last("error_percent_total", "overall"),
            limit=limit("error rate"),
        ),
        figure(
            Words("p95 so far", "95 of 100 requests took at most this long. Red from the target on.", "ms"),
            last("p95_total", "overall"),
            limit=limit("regression: p95"),
        ),
        figure(
            Words("Turn p95 so far", "Silence between a caller's last word and the agent's answer.", "ms"),
            last("p95_total", "requests", call("turn")),
            limit=limit("voice turn p95"),
        ),
        figure(
            Words("Verdict", "What the newest finished run was judged to be; – until one has finished.", "string"),
            f'SELECT last("text") AS "text" FROM "events" WHERE "kind" = \'verdict\' AND {RUN}',
            span=5,
            text=True,
        ),
    ]


def load() -> list[timeseries.Panel]:
    """How much is asked of the target, and what fails."""
    return [
        graph(
            Words("Users", "Virtual users over time, as Locust's master counts them.", "short"),
            {"users": over_time('max("users")', "users")},
            span=8,
        ),
        graph(
            Words("Rate", "Requests and failures a second, on average over each interval.", "reqps"),
            {
                "requests": over_time('mean("rps")', "overall"),
                "failures": over_time('mean("failures")', "overall"),
            },
            span=8,
        ),
        graph(
            Words("Failures by kind", "Failed requests in each interval, by how they failed.", "short"),
            {
                "$tag_outcome": over_time(
                    'sum("count")', "outcomes", f'"outcome" !~ /^(ok|rejected)$/ AND {RUN}', "outcome", "none"
                )
            },
            span=8,
            bars=True,
        ),
    ]


def latency() -> list[timeseries.Panel]:
    """How long requests take: now, so far, and by the areas that have a target."""
    quantiles = ("p50", "p95", "p99")
    return [
        graph(
            Words("Latency now", "Exact percentiles over all workers of each second; the worst second a pixel.", "ms"),
            {name: over_time(f'max("{name}")', "overall") for name in quantiles},
        ),
        graph(
            Words("Latency so far", "Exact percentiles of everything since the start. The line is the p95 gate.", "ms"),
            {name: over_time(f'last("{name}_total")', "overall") for name in quantiles},
            limit=limit("regression: p95"),
        ),
        graph(
            Words("Authentication, average so far", "Sign-in, tokens and accounts, with their target.", "ms"),
            {"average": over_time('last("avg_total")', "areas", f"\"area\" = 'authentication' AND {RUN}")},
            limit=limit("authentication average"),
        ),
        graph(
            Words("CRM, average so far", "Contacts: create, list, find, change, remove, with their target.", "ms"),
            {"average": over_time('last("avg_total")', "areas", f"\"area\" = 'crm' AND {RUN}")},
            limit=limit("CRM average"),
        ),
    ]


def calls() -> list[timeseries.Panel]:
    """Calls, step by step."""
    return [
        graph(
            Words("Answer and connect", "p95 of each second: dial to TwiML, and TwiML to the open media stream.", "ms"),
            {step: over_time('max("p95")', "requests", call(step)) for step in ("answer", "connect")},
            span=8,
        ),
        graph(
            Words("First audio", "From the stream's start to the agent's first word: p95 and its target.", "ms"),
            {
                "now": over_time('max("p95")', "requests", call("first audio")),
                "so far": over_time('last("p95_total")', "requests", call("first audio")),
            },
            span=8,
            limit=limit("voice first audio p95"),
        ),
        graph(
            Words("Turn", "From a caller's last word to the agent's answer: p95 and its target.", "ms"),
            {
                "now": over_time('max("p95")', "requests", call("turn")),
                "so far": over_time('last("p95_total")', "requests", call("turn")),
            },
            span=8,
            limit=limit("voice turn p95"),
        ),
    ]


def tables() -> list[table.Panel]:
    """Every endpoint, so far."""
    return [
        grid(
            Words("Calls so far", "Each step of a call: how often, how often not, and how long it took.", "ms"),
            so_far(f"\"type\" = 'CALL' AND {RUN}"),
            ENDPOINT_UNITS,
            limits={"errors": limit("error rate")},
            height=7,
            sort="requests",
        ),
        grid(
            Words("Endpoints so far", "Each kind of request of the chosen areas: how many, errors, latency.", "ms"),
            so_far(f"\"type\" <> 'CALL' AND {AREA}"),
            ENDPOINT_UNITS,
            limits={"errors": limit("error rate"), "p95": limit("regression: p95")},
            height=12,
            sort="requests",
        ),
    ]


def generator() -> list[timeseries.Panel]:
    """Whether the load generator itself keeps up."""
    return [
        graph(
            Words(
                "CPU of each worker",
                "Percent of one core. Above the line, latencies are the worker's own and no longer the target's.",
                "percent",
            ),
            {"worker $tag_worker": over_time('max("cpu")', "workers", group="worker")},
            limit=CPU_LIMIT,
        ),
        graph(
            Words("Workers", "Locust workers that report to the master.", "short"),
            {"workers": over_time('min("workers")', "users")},
        ),
    ]


def picker(name: str, label: str, description: str, query: str, sort: VariableSort) -> dashboard.QueryVariable:
    """A picker of tag values, with everything chosen at first: a run that begins is seen without a click."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(sort)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def build() -> Dashboard:
    """The dashboard."""
    panels = [*figures(), *load(), *latency(), *calls(), *tables(), *generator()]
    board = (
        dashboard.Dashboard("Live run")
        .uid("live-run")
        .description("The load lab's run as it goes on: users, rate, failures, latency, calls, workers.")
        .tags(["load-lab"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .timezone("browser")
        .time("now-15m", "now")
        .refresh("1s")
        .timepicker(dashboard.TimePicker().refresh_intervals(["1s", "2s", "5s", "10s", "30s", "1m", "5m"]))
        .with_variable(
            picker(
                "run",
                "Run",
                "Runs by name, the newest first; All shows every run in the time range.",
                'SHOW TAG VALUES FROM "users" WITH KEY = "run_id"',
                VariableSort.ALPHABETICAL_DESC,
            )
        )
        .with_variable(
            picker(
                "area",
                "Area",
                "Parts of the platform, for the table of endpoints.",
                'SHOW TAG VALUES FROM "requests" WITH KEY = "area"',
                VariableSort.ALPHABETICAL_ASC,
            )
        )
        .annotation(
            dashboard.AnnotationQuery()
            .name("Run events")
            .datasource(DATASOURCE)
            .enable(True)
            .icon_color("blue")
            .target(AnnotationQuery(f'SELECT "text", "tags" FROM "events" WHERE {RUN}', "text", "tags"))
        )
    )
    for panel in panels:
        board.with_panel(panel)
    built = board.build()
    number(built)
    return built
