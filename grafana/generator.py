"""The dashboard "Generator": whether what measures can be trusted, and the processes around it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board, run_picker
from grafana.panels import Panel, Words, figure, graph
from grafana.queries import equal, last, over_time

CPU_LIMIT = 90.0
"""Percent of a core above which a worker measures itself rather than the target (`metrics.generator`)."""
HELD_UP_LIMIT = 25.0
"""Percent of ten seconds in which a loop that ran late makes a run invalid (`metrics.generator`)."""


def figures() -> list[Panel]:
    """The generator at a glance."""
    return [
        figure(Words("Workers", "Locust workers that report to the master.", "locale"), last("workers", "users")),
        figure(
            Words("Busiest worker", "CPU in percent of one core. Red from where a run is invalid.", "percent"),
            over_time('max("cpu_max")', "users"),
            limit=CPU_LIMIT,
        ),
        figure(
            Words("Schedule lag p99", "Of the worst worker: how late greenlets wake up.", "ms"),
            over_time('max("lag_p99")', "workers"),
        ).decimals(1),
        figure(Words("Points written", "Points of this run that InfluxDB has.", "locale"), last("written", "outbox")),
        figure(Words("Points waiting", "Points that wait in the outbox now.", "locale"), last("waiting", "outbox")),
        figure(
            Words("Waiting for", "How long points have been waiting without a break.", "s"), last("delay", "outbox")
        ).decimals(1),
        figure(
            Words("Points lost", "Points that will never be written. A single one makes the run invalid.", "locale"),
            last("lost", "outbox"),
            limit=1,
        ),
        figure(
            Words("Outbox on disk", "What waiting points take on the disk.", "decbytes"), last("bytes", "outbox")
        ).decimals(0),
    ]


def workers() -> list[Panel]:
    """Each worker."""
    return [
        graph(
            Words(
                "CPU of each worker",
                "Percent of one core. Above the line, latencies are the worker's own and no longer the target's.",
                "percent",
            ),
            _each_worker("cpu"),
            limit=CPU_LIMIT,
        ),
        graph(
            Words("Schedule lag of each worker", "p99 of how late greenlets wake up: latencies are off by it.", "ms"),
            _each_worker("lag_p99"),
        ),
        graph(
            Words("Memory of each worker", "Resident memory. What only grows is a leak.", "decbytes"),
            _each_worker("rss"),
            span=8,
        ),
        graph(
            Words("Sockets of each worker", "Open sockets.", "locale"),
            _each_worker("sockets"),
            span=8,
        ),
        graph(
            Words("Workers over time", "Locust workers that report to the master.", "locale"),
            {"workers": over_time('min("workers")', "users")},
            span=8,
            steps=True,
        ),
    ]


def processes() -> list[Panel]:
    """The processes around the workers: what doubles say of themselves, and what this machine sees."""
    return [
        graph(
            Words(
                "Workers held up", "Percent of the time. Above the line for ten seconds, times are wrong.", "percent"
            ),
            _each_worker("held_up"),
            limit=HELD_UP_LIMIT,
        ),
        graph(
            Words("Doubles held up", "The same of the doubles, as each process says of itself.", "percent"),
            {"$tag_double": over_time('max("held_up")', "doubles", by=["double"])},
            limit=HELD_UP_LIMIT,
        ),
        graph(
            Words("CPU of the lab's processes", "Percent of one core: master, target, doubles.", "percent"),
            {"$tag_process": over_time('max("cpu")', "processes", by=["process"])},
            span=8,
        ),
        graph(
            Words("Memory of the lab's processes", "Resident memory of master, target and doubles.", "decbytes"),
            {"$tag_process": over_time('max("rss")', "processes", by=["process"])},
            span=8,
        ),
        graph(
            Words("Lag of the master", "How late the master's greenlets wake up.", "ms"),
            {
                name: over_time(f'max("lag_{name}")', "processes", equal(role="master"))
                for name in ("p50", "p99", "max")
            },
            span=8,
        ),
    ]


def points() -> list[Panel]:
    """How the points themselves fare, and the database of the target."""
    return [
        graph(
            Words("Outbox", "Points that wait. They rise while InfluxDB is away, and fall when it is back.", "locale"),
            {"waiting": over_time('max("waiting")', "outbox"), "lost": over_time('max("lost")', "outbox")},
            span=8,
        ),
        graph(
            Words("Delay of points", "How long points have been waiting without a break.", "s"),
            {"delay": over_time('max("delay")', "outbox")},
            span=8,
        ),
        graph(
            Words("PostgreSQL's connections", "Of the target's database, where the run was given its DSN.", "locale"),
            {
                "active": over_time('max("active")', "postgres"),
                "idle": over_time('max("idle")', "postgres"),
                "idle in transaction": over_time('max("idle_in_transaction")', "postgres"),
                "waiting for a lock": over_time('max("waiting")', "postgres"),
            },
            span=8,
        ).no_value("The run was not given LAB_POSTGRES_DSN"),
    ]


def _each_worker(field: str) -> dict[str, str]:
    return {"worker $tag_worker": over_time(f'max("{field}")', "workers", by=["worker"])}


def build() -> Dashboard:
    """The dashboard."""
    return board(
        "generator",
        Words("Generator", "Whether what measures can be trusted: CPU, lag and memory, and the way of the points.", ""),
        [run_picker()],
        {
            "": figures(),
            "Workers": workers(),
            "Processes of this machine": processes(),
            "Points, and the target's database": points(),
        },
    )
