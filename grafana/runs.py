"""The dashboard "Runs": what stays of runs: their trend, and one run against another."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, VariableSort

from grafana.board import board, one
from grafana.looks import GREEN, NO_NUMBER, ORANGE, RED, worded
from grafana.panels import Column, Panel, Words, grid, ratio, trend
from grafana.queries import SUMMARIES, newest, select, tag_values
from grafana.targets import limit

RUN_SUMMARY, AREA_SUMMARY, ENDPOINT_SUMMARY = (
    f'{SUMMARIES}"{name}"' for name in ("run_summary", "area_summary", "endpoint_summary")
)
VERDICT_WORDS = worded(**{"pass": GREEN, "fail": RED, "invalid": ORANGE})
WORSE = 1.25
"""A p95 that has grown by this factor is red."""
FIGURES = 125
"""The width of a column of figures, in pixels."""
LIVE = "/d/live-run?var-run=${__data.fields.run}&from=${__data.fields.started:raw}&to=${__data.fields.ended:raw}"


def history() -> list[Panel]:
    """Every run, and how the figures went."""
    columns = {"run_id": "run", "count": "requests", "rps": "rate", "error_percent": "errors"}
    columns |= {name: name for name in ("verdict", "missed", "profile", "host", "users", "duration")}
    columns |= {name: name for name in ("p50", "p95", "p99", "started", "ended")}
    quantiles = ("p50", "p95", "p99")
    return [
        trend(
            Words("Latency of runs", "A point a run, at its end: percentiles over the whole run.", "ms"),
            {name: _points(name, RUN_SUMMARY) for name in quantiles},
            limit=limit("regression: p95"),
        ),
        trend(
            Words("Errors of runs", "Failed requests in a hundred, over the whole run, and the target.", "percent"),
            {"errors": _points("error_percent", RUN_SUMMARY)},
            limit=limit("error rate"),
        ),
        trend(
            Words("Throughput of runs", "Requests a second on average over the whole run.", "reqps"),
            {"requests": _points("rps", RUN_SUMMARY)},
        ),
        trend(
            Words("p95 by area", "Each part of the platform, over the whole run.", "ms"),
            {"$tag_area": select({"p95": "p95"}, AREA_SUMMARY, "$timeFilter", by=["area"])},
            span=12,
        ),
        trend(
            Words("Users of runs", "The most virtual users at once.", "locale"),
            {"users": _points("users", RUN_SUMMARY)},
            span=12,
        ),
        grid(
            Words("All runs", "What each run came to; its name leads to its Live run.", "locale"),
            [select(columns, RUN_SUMMARY, "$timeFilter")],
            {
                "run": Column("string", link=LIVE, width=220),
                "verdict": Column("string", mapped=VERDICT_WORDS, width=90),
                "missed": Column("locale", width=80),
                "profile": Column("string"),
                "users": Column("locale", width=80),
                "duration": Column("s", width=100),
                "requests": Column("locale", width=100),
                "rate": Column("reqps", decimals=1, width=110),
                "errors": Column("percent", limit=limit("error rate"), width=90),
                "p50": Column("ms", width=80),
                "p95": Column("ms", limit=limit("regression: p95"), width=80),
                "p99": Column("ms", width=80),
                "host": Column("string"),
                "started": Column("locale", hidden=True),
                "ended": Column("locale", hidden=True),
            },
            height=9,
            sort="Time",
            time=True,
        ),
    ]


def comparison() -> list[Panel]:
    """The chosen run against the baseline."""
    return [
        _compared("Areas, run against baseline", AREA_SUMMARY, ["area"], {"area": Column("string")}, 9),
        _compared(
            "Endpoints, run against baseline",
            ENDPOINT_SUMMARY,
            ["type", "name"],
            {"type": Column("string", width=90), "name": Column("string")},
            14,
        ),
    ]


def _points(field: str, measurement: str) -> str:
    return select({field: field}, measurement, "$timeFilter")


def _compared(title: str, measurement: str, by: list[str], names: dict[str, Column], height: int) -> Panel:
    def of(variable: str, word: str) -> str:
        columns = {f"requests {word}": "count", f"errors {word}": "error_percent", f"p95 {word}": "p95"}
        return newest(columns, measurement, f'"run_id" =~ /^${variable}$/ AND $timeFilter', by=by)

    errors = Column("percent", limit=limit("error rate"), width=FIGURES)
    return grid(
        Words(title, "Both runs side by side; p95 × is how many times the baseline's p95 it is now.", "ms"),
        [of("baseline", "before"), of("run", "now")],
        {
            **names,
            "requests before": Column("locale", width=FIGURES),
            "requests now": Column("locale", width=FIGURES),
            "errors before": errors,
            "errors now": errors,
            "p95 before": Column("ms", width=FIGURES),
            "p95 now": Column("ms", width=FIGURES),
            "p95 ×": Column("none", limit=WORSE, decimals=2, width=FIGURES, mapped=NO_NUMBER),
        },
        height=height,
        sort="p95 ×",
        joined=[ratio("p95 ×", "p95 now", "p95 before")],
    )


def build() -> Dashboard:
    """The dashboard."""
    query = tag_values("run_id", RUN_SUMMARY)
    return board(
        "runs",
        Words("Runs", "What stays of runs: how they went one after the other, and one of them against another.", ""),
        [
            one("run", "Run", "The run to look at, the newest first.", query, VariableSort.ALPHABETICAL_DESC),
            one("baseline", "Baseline", "The run that it is held against, the oldest first.", query),
        ],
        {"": history(), "One run against another": comparison()},
        time="now-30d",
        refresh="10s",
        where="$timeFilter",
        marked=["Verdicts"],
    )
