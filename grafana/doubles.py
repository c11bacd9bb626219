"""The dashboard "Doubles": what the stand-ins for vendors and platform were asked, and what was put upon them."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board, many, run_picker
from grafana.looks import ORANGE, coded
from grafana.panels import Column, Panel, Words, figure, graph, grid, states
from grafana.queries import newest, over_time, summed, tag_values, within

CHOSEN = within("double")
IN_FORCE = coded(("not in force", "rgba(154, 160, 166, 0.15)"), ("in force", ORANGE))


def figures() -> list[Panel]:
    """The doubles at a glance."""
    titles = {
        "up": ("Doubles up", "Doubles that answer now.", "locale", None),
        "requests_total": ("Requests so far", "Requests that the chosen doubles answered.", "locale", None),
        "errors_total": ("Errors so far", "Answers with a status of 400 or more.", "locale", None),
        "faults": ("Faults in force", "Faults of the schedules that are in force now.", "locale", 1.0),
        "faulted_total": ("Faulted so far", "Requests that a fault hit.", "locale", None),
        "limited_total": ("Limits hit so far", "Requests that were answered 429.", "locale", 1.0),
        "webhooks_total": ("Webhooks so far", "Webhooks that the doubles sent.", "locale", None),
        "in_flight": ("In flight", "Requests that the doubles work on now.", "locale", None),
    }
    return [
        figure(Words(title, description, unit), summed(field, "doubles", ["double"], CHOSEN), limit=bound)
        for field, (title, description, unit, bound) in titles.items()
    ]


def traffic() -> list[Panel]:
    """What the doubles were asked."""
    return [
        graph(
            Words("Requests by double", "Requests a second that each double answered.", "reqps"),
            {"$tag_double": over_time('mean("requests")', "doubles", CHOSEN, by=["double"])},
        ),
        graph(
            Words("Requests in flight by double", "Requests and open sockets that each double works on.", "locale"),
            {"$tag_double": over_time('max("in_flight")', "doubles", CHOSEN, by=["double"])},
        ),
    ]


def trouble() -> list[Panel]:
    """What was put upon the doubles, and what came of it."""
    return [
        states(
            Words("Faults over time", "When each fault of the schedules was in force.", "locale"),
            {"$tag_double: $tag_fault": over_time('max("in_force")', "faults", CHOSEN, by=["double", "fault"])},
            IN_FORCE,
        ),
        graph(
            Words("Hits by fault", "Requests in each interval that a fault hit.", "locale"),
            {"$tag_fault": over_time('sum("hits")', "faults", CHOSEN, by=["fault"], fill="none")},
            bars=True,
            shades_of=ORANGE,
            legend=["sum"],
        ),
        *(
            graph(
                Words(title, says, "locale"),
                {"$tag_double": over_time(f'sum("{field}")', "doubles", CHOSEN, by=["double"])},
                span=8,
                bars=True,
                legend=["sum"],
            )
            for title, says, field in (
                ("Errors by double", "Answers with a status of 400 or more in each interval.", "errors"),
                ("Limits hit", "Requests in each interval that were answered 429.", "limited"),
                ("Webhooks", "Webhooks sent in each interval, by double.", "webhooks"),
            )
        ),
    ]


def details() -> list[Panel]:
    """How punctual they are, and every operation."""
    return [
        graph(
            Words("Lateness", "p99 of how late a double did what it does at a time, since its start.", "ms"),
            {"$tag_double": over_time('max("lateness_p99")', "doubles", CHOSEN, by=["double"])},
            span=8,
            height=12,
        ),
        grid(
            Words("Operations so far", "What each double was asked, and with which status it answered.", "locale"),
            [newest({"answers": "count_total"}, "journal", CHOSEN, by=["double", "operation", "status"])],
            {
                "double": Column("string", width=120),
                "operation": Column("string"),
                "status": Column("string", width=90),
                "answers": Column("locale", width=120),
            },
            height=12,
            sort="answers",
            span=16,
        ),
    ]


def build() -> Dashboard:
    """The dashboard."""
    return board(
        "doubles",
        Words("Doubles", "The stand-ins for vendors and platform: rates, faults, limits, webhooks.", ""),
        [run_picker(), many("double", "Double", "The services that are doubled.", tag_values("double", "doubles"))],
        {"": figures(), "Traffic": traffic(), "Faults and limits": trouble(), "In detail": details()},
    )
