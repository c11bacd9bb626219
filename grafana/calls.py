"""The dashboard "Calls and media": calls in progress, how quickly they are answered, and how punctual the media is."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board, run_picker
from grafana.panels import Column, Panel, Words, figure, graph, grid
from grafana.queries import SO_FAR, SO_FAR_UNITS, call, equal, last, newest, over_time
from grafana.targets import limit


def voice_so_far() -> list[Panel]:
    """What a caller waits for, beside its targets."""
    return [
        figure(
            Words("First audio p95", "So far: from the media stream's start to the agent's first word.", "ms"),
            last("p95_total", "requests", call("first audio")),
            limit=limit("voice first audio p95"),
        ),
        figure(
            Words("Turn p95", "So far: silence between a caller's last word and the agent's answer.", "ms"),
            last("p95_total", "requests", call("turn")),
            limit=limit("voice turn p95"),
        ),
    ]


def figures() -> list[Panel]:
    """Calls at a glance."""
    return [
        figure(
            Words("Calls in progress", "Calls that the Twilio double holds now.", "locale"),
            over_time('max("active")', "calls"),
        ),
        figure(
            Words("Streams open", "Media streams between the double and the platform now.", "locale"),
            over_time('max("streams")', "calls"),
        ),
        figure(Words("Completed so far", "Calls that ran to their end.", "locale"), last("completed_total", "calls")),
        figure(
            Words("Failed so far", "Calls that ended in another way: failed, busy, no answer, cancelled.", "locale"),
            last("failed_total", "calls"),
            limit=1,
        ),
        *voice_so_far(),
        figure(
            Words(
                "Platform's share",
                "Of a turn, on average over ten seconds: what is left of a turn without the voice agent's own delay.",
                "ms",
            ),
            last("own_avg", "turns"),
        ),
        figure(
            Words("Frames late, p99", "99 of 100 media frames left at most this late after their time.", "ms"),
            last("lateness_p99", "calls"),
        ).decimals(2),
    ]


def progress() -> list[Panel]:
    """How many calls there are, and how they end."""
    return [
        graph(
            Words("Calls in progress over time", "Calls, and how many of them have an open media stream.", "locale"),
            {"calls": over_time('max("active")', "calls"), "streams": over_time('max("streams")', "calls")},
            span=8,
        ),
        graph(
            Words("Calls ended", "Calls that ended in each interval, by how they ended.", "locale"),
            {
                "completed": over_time('sum("completed")', "calls"),
                "failed": over_time('sum("failed")', "calls"),
            },
            span=8,
            bars=True,
            legend=["sum"],
        ),
        graph(
            Words("Answer and connect", "p95: from dialling to TwiML, and from TwiML to the open stream.", "ms"),
            {step: over_time('max("p95")', "requests", call(step)) for step in ("answer", "connect")},
            span=8,
        ),
    ]


def voice() -> list[Panel]:
    """How long callers wait for the agent."""
    return [
        graph(
            Words("First audio", "From the stream's start to the agent's first word: p95 and its target.", "ms"),
            _now_and_so_far("first audio"),
            span=8,
            limit=limit("voice first audio p95"),
        ),
        graph(
            Words("Turn", "From a caller's last word to the agent's answer: p95 and its target.", "ms"),
            _now_and_so_far("turn"),
            span=8,
            limit=limit("voice turn p95"),
        ),
        graph(
            Words(
                "Turn: vendor and platform",
                "Average over ten seconds, split into the voice agent's known delay and what the platform adds. "
                "The line is the target of the whole.",
                "ms",
            ),
            {
                "vendor": over_time('mean("vendor_avg")', "turns"),
                "platform": over_time('mean("own_avg")', "turns"),
            },
            span=8,
            stacked=True,
            limit=limit("voice turn p95"),
        ),
    ]


def media() -> list[Panel]:
    """Whether the frames of calls leave in time."""
    return [
        graph(
            Words("Frame lateness", "How late frames left after their time, since the double's start.", "ms"),
            {name: over_time(f'max("lateness_{name}")', "calls") for name in ("p50", "p99", "max")},
            span=8,
        ),
        graph(
            Words("Frames sent", "Media frames a second; a call sends fifty.", "pps"),
            {"sent": over_time('mean("frames_sent")', "calls")},
            span=8,
        ),
        graph(
            Words(
                "Frames late or dropped",
                "Frames in each interval that left late, were skipped, or could not leave since the socket was full.",
                "locale",
            ),
            {name: over_time(f'sum("frames_{name}")', "calls") for name in ("late", "skipped", "blocked")},
            span=8,
            bars=True,
            legend=["sum"],
        ),
    ]


def steps() -> Panel:
    """Every step of calls so far."""
    columns = {
        name: Column(unit, limit=limit("error rate") if name == "errors" else None)
        for name, unit in SO_FAR_UNITS.items()
    }
    return grid(
        Words("Steps of calls so far", "Each step: how often, how often not, and how long it took.", "ms"),
        [newest(SO_FAR, "requests", equal(type="CALL"), by=["name"])],
        {"name": Column("string", width=180), **columns},
        height=8,
        sort="requests",
    )


def _now_and_so_far(step: str) -> dict[str, str]:
    return {
        "now": over_time('max("p95")', "requests", call(step)),
        "so far": over_time('last("p95_total")', "requests", call(step)),
    }


def build() -> Dashboard:
    """The dashboard."""
    return board(
        "calls",
        Words("Calls and media", "Calls in progress, how long callers wait, and whether frames leave in time.", ""),
        [run_picker()],
        {
            "": figures(),
            "Calls": progress(),
            "Waiting for the agent": voice(),
            "Media": media(),
            "Steps": [steps()],
        },
    )
