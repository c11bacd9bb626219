"""The dashboard "Endpoints": one endpoint's percentiles, its latencies as a heatmap, and how its requests ended."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board, many, one, run_picker
from grafana.panels import Column, Panel, Words, figure, graph, grid, heat
from grafana.queries import SO_FAR, SO_FAR_UNITS, last, newest, over_time, tag_values, within
from grafana.targets import limit

THIS = within("endpoint", "name", within("method", "type"))
BOUNDS_MS = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700),
    *(1000, 1500, 2000, 3000, 5000, 7000, 10_000, 20_000, 60_000),
)
"""The bounds of `latency_buckets` (`metrics.lines.BOUNDS_MS`)."""


def duration(milliseconds: int) -> str:
    """A bucket's bound as an axis shows it."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"


def figures() -> list[Panel]:
    """The endpoint so far."""
    latencies = [
        figure(
            Words(f"{title} so far", description, "ms"),
            last(field, "requests", THIS),
            limit=limit("regression: p95") if field == "p95_total" else None,
        )
        for title, field, description in (
            ("Average", "avg_total", "The mean of all latencies of this endpoint."),
            ("p50", "p50_total", "Half of this endpoint's requests took at most this long."),
            ("p95", "p95_total", "95 of 100 took at most this long. Red from the gate on."),
            ("p99", "p99_total", "99 of 100 took at most this long."),
            ("Slowest", "max_total", "The slowest request so far."),
        )
    ]
    return [
        figure(
            Words("Requests so far", "Requests of this endpoint that have ended.", "locale"),
            last("count_total", "requests", THIS),
        ),
        figure(
            Words("Request rate", "Requests a second, in the newest seconds.", "reqps"),
            over_time('mean("rps")', "requests", THIS),
        ),
        figure(
            Words("Errors so far", "Failed requests of this endpoint. Red from the target for all on.", "percent"),
            last("error_percent_total", "requests", THIS),
            limit=limit("error rate"),
        ).decimals(2),
        *latencies,
    ]


def latency() -> list[Panel]:
    """How long this endpoint takes."""
    buckets = {f"le_{bound}": duration(bound) for bound in BOUNDS_MS} | {"le_inf": "over 60 s"}
    sums = ", ".join(f'sum("{field}") AS "{name}"' for field, name in buckets.items())
    return [
        graph(
            Words("Percentiles", "Exact over all workers, of each second; the worst second a pixel.", "ms"),
            {name: over_time(f'max("{name}")', "requests", THIS) for name in ("p50", "p90", "p95", "p99", "max")},
        ),
        heat(
            Words("Heatmap", "How many requests took how long: a row is latencies up to its bound.", "locale"),
            over_time(sums, "latency_buckets", THIS),
        ),
        graph(
            Words("Percentiles so far", "Of everything since the start. The line is the p95 gate.", "ms"),
            {name: over_time(f'last("{name}_total")', "requests", THIS) for name in ("p50", "p90", "p95", "p99")},
            limit=limit("regression: p95"),
        ),
        graph(
            Words("p95, and with its lateness", "A user who came late waited from when they were to come.", "ms"),
            {
                "from the send": over_time('max("p95")', "requests", THIS),
                "from the intended start": over_time('max("intended_p95")', "requests", THIS),
            },
        ),
    ]


def outcomes() -> list[Panel]:
    """How this endpoint's requests ended."""
    return [
        graph(
            Words("Requests by outcome", "Requests in each interval, by how they ended.", "locale"),
            {"$tag_outcome": over_time('sum("count")', "outcomes", THIS, by=["outcome"], fill="none")},
            bars=True,
            legend=["sum"],
        ),
        graph(
            Words("Error rate", "Failed requests in a hundred, so far; the line is the target for all.", "percent"),
            {"so far": over_time('last("error_percent_total")', "requests", THIS)},
            limit=limit("error rate"),
        ),
    ]


def endpoint_table(*, height: int) -> Panel:
    """Every endpoint of the chosen areas so far, each with a link to its own page."""
    link = "/d/endpoints?var-endpoint=${__data.fields.name}&var-method=${__data.fields.type}&${run:queryparam}"
    limits = {"errors": limit("error rate"), "p95": limit("regression: p95")}
    columns = {name: Column(unit, limit=limits.get(name), width=110) for name, unit in SO_FAR_UNITS.items()}
    return grid(
        Words("Endpoints so far", "Each kind of request of the chosen areas. Its name leads to its own page.", "ms"),
        [newest(SO_FAR, "requests", within("area"), by=["type", "name"])],
        {"type": Column("string", width=90), "name": Column("string", link=link), **columns},
        height=height,
        sort="requests",
    )


def build() -> Dashboard:
    """The dashboard."""
    of_area = tag_values("name", "requests", '"area" =~ /^$area$/')
    of_name = tag_values("type", "requests", '"name" =~ /^$endpoint$/')
    return board(
        "endpoints",
        Words("Endpoints", "One endpoint: how long it takes, how evenly, and how its requests end.", ""),
        [
            run_picker(),
            many("area", "Area", "Parts of the platform.", tag_values("area", "requests")),
            one("endpoint", "Endpoint", "The name of a request, without ids.", of_area),
            one("method", "Method", "The methods under this name.", of_name),
        ],
        {
            "": figures(),
            "Latency": latency(),
            "Outcomes": outcomes(),
            "All endpoints": [endpoint_table(height=14)],
        },
    )
