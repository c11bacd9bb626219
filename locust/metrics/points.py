"""What a run writes to InfluxDB: every measurement with its tags and fields, as docs/points.md lists them.

Beside the code that writes it rather than made of it: a test holds what a real run writes to it, line by line, and
`metrics.points_table` writes the page from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metrics.lines import BOUNDS_MS, QUANTILES
from metrics.outbox import LIVE, RUNS

INT, FLOAT, TEXT = "int", "float", "text"
SERIES = re.compile(r"((?:\\.|[^ ])+) (.*) (\d+)", re.DOTALL)
TAG = re.compile(r",(\w+)=((?:\\.|[^,])+)")
FIELD = re.compile(r'(\w+)=("(?:\\.|[^"\\])*"|[^,]+)(?:,|$)')
STATISTICS = (*QUANTILES, "max", "avg")


@dataclass(frozen=True)
class Field:
    """A field: its type, its unit, and what it says."""

    name: str
    type: str
    unit: str
    says: str
    seldom: str = ""
    """Where a point has it not, and a run may never write it; nothing where every run does."""


@dataclass(frozen=True)
class Measurement:
    """A measurement: what a point of it is, its tags besides `run_id` with what they hold, and its fields."""

    name: str
    about: str
    tags: Mapping[str, str]
    fields: tuple[Field, ...]
    series: str
    """How many series a run has of it."""
    bucket: str = LIVE
    seldom: str = ""
    """Why a run may have no point of it."""


def _count(name: str, says: str, seldom: str = "") -> Field:
    return Field(name, INT, "", says, seldom)


def _growing(names: Mapping[str, str], since: str) -> Iterable[Field]:
    """Counts that have grown since the point before, each with its sum since the run's start."""
    for name, says in names.items():
        yield _count(name, f"{says}, {since}")
        yield _count(f"{name}_total", f"{says}, since the run's start")


def _latencies(of: str, suffix: str = "") -> Iterable[Field]:
    due = "no request of this run was late for an intended start"
    for prefix, where, seldom in (("", "from the send", ""), ("intended_", "from the intended start", due)):
        for name in STATISTICS:
            yield Field(f"{prefix}{name}{suffix}", FLOAT, "ms", f"latency {where}, {name}, {of}", seldom)


def _cell() -> tuple[Field, ...]:
    second, so_far = "of that second", "of the run so far"
    return (
        _count("count", f"requests {second}"),
        _count("failures", f"failed requests {second}"),
        Field("rps", FLOAT, "/s", f"requests {second}"),
        Field("error_percent", FLOAT, "%", f"failures in a hundred requests {second}"),
        *_latencies(second),
        _count("count_total", f"requests {so_far}"),
        _count("failures_total", f"failed requests {so_far}"),
        Field("error_percent_total", FLOAT, "%", f"failures in a hundred requests {so_far}"),
        *_latencies(so_far, "_total"),
    )


def _whole() -> tuple[Field, ...]:
    whole = "of the whole run"
    return (
        _count("count", f"requests {whole}"),
        _count("failures", f"failed requests {whole}"),
        Field("rps", FLOAT, "/s", f"requests {whole}"),
        Field("error_percent", FLOAT, "%", f"failures in a hundred requests {whole}"),
        *_latencies(whole),
    )


def _buckets() -> Iterable[Field]:
    seldom = "the bucket holds nothing"
    for below, bound in zip((0, *BOUNDS_MS), BOUNDS_MS, strict=False):
        yield _count(f"le_{bound}", f"latencies of that second over {below} and up to {bound} ms", seldom)
    yield _count("le_inf", f"latencies of that second over {BOUNDS_MS[-1]} ms", seldom)


def _bore(whose: str) -> tuple[Field, ...]:
    return (
        Field("cpu", FLOAT, "% of a core", f"what {whose} used"),
        Field("held_up", FLOAT, "% of the time", f"for how much of it {whose} was held up", "nobody can say"),
        Field(
            "throttled",
            FLOAT,
            "% of periods",
            f"how many of them its CPU limit cut short for {whose}",
            "nobody can say",
        ),
    )


def _process(whose: str) -> tuple[Field, ...]:
    lag = "how much later than asked a greenlet wakes up that sleeps 50 ms at a time"
    return (
        *_bore(whose),
        *(
            Field(f"lag_{name}", FLOAT, "ms", f"{lag}, {name}", "the process is none of the lab's own")
            for name in ("p50", "p99", "max")
        ),
        Field("rss", INT, "bytes", f"memory of {whose}"),
        _count("threads", f"threads of {whose}"),
        _count("fds", f"open files of {whose}", "the system does not show them"),
        _count("sockets", f"sockets of {whose}", "the system does not show them"),
    )


ENDPOINT = {"type": "the request's type", "name": "its name", "area": "the area that it belongs to"}
AREA = {"area": "authentication, crm, calendar, telephony, conversations or other"}
LOOK = "since the point before"

MEASUREMENTS = (
    Measurement("requests", "an endpoint in a second", ENDPOINT, _cell(), "endpoints, 500 at most"),
    Measurement("areas", "an area in a second", AREA, _cell(), "6"),
    Measurement("overall", "all requests in a second", {}, _cell(), "1"),
    Measurement(
        "outcomes",
        "an outcome of an endpoint in a second",
        ENDPOINT | {"outcome": "how requests ended, one of ten words"},
        (_count("count", "requests of that second that ended so"), _count("count_total", "those of the run so far")),
        "endpoints × the outcomes that each had",
    ),
    Measurement(
        "latency_buckets",
        "an endpoint's latencies in a second, for heatmaps",
        ENDPOINT,
        (_count("count", "latencies of that second"), *_buckets()),
        "endpoints",
    ),
    Measurement(
        "scenarios",
        "a user class in a second",
        {"scenario": "the user class"},
        (
            _count("users", "users that it has"),
            _count("count", f"its requests, {LOOK}"),
            _count("failures", f"those that failed, {LOOK}"),
            _count("count_total", "its requests so far"),
            _count("failures_total", "those that failed so far"),
        ),
        "user classes, 100 at most",
    ),
    Measurement(
        "targets",
        "a target that has a value, as it stands",
        {"target": "its name", "group": "what it is about", "measure": "what it measures"},
        (
            Field("value", FLOAT, "the target's", "of the run so far"),
            Field("limit", FLOAT, "the target's", "what is asked"),
            _count("ok", "1 met, 0 missed"),
        ),
        "targets",
    ),
    Measurement(
        "verdict",
        "what the verdict would be were the run to end then",
        {},
        (
            Field("verdict", TEXT, "", "pass, fail or invalid"),
            _count("code", "0, 1 or 2"),
            _count("missed", "targets missed so far"),
            Field("reasons", TEXT, "", "its reasons, 500 characters at most"),
        ),
        "1",
    ),
    Measurement(
        "users",
        "the users in a second",
        {},
        (
            _count("users", "users that run"),
            _count("workers", "workers that report"),
            Field("cpu_avg", FLOAT, "% of a core", "what the workers use on average"),
            Field("cpu_max", FLOAT, "% of a core", "what the busiest of them uses"),
        ),
        "1",
    ),
    Measurement("workers", "a worker in a second", {"worker": "a number from 1"}, _process("the worker"), "workers"),
    Measurement(
        "processes",
        "a process of the master's machine in a second, its children included",
        {"role": "master, target or double", "process": "master, target or the double's name"},
        _process("the process"),
        "10 at most",
    ),
    Measurement(
        "outbox",
        "how the points themselves fare",
        {},
        (
            _count("waiting", "points that wait"),
            Field("bytes", INT, "bytes", "what they take on the disk"),
            _count("written", "points that InfluxDB has"),
            _count("lost", "points that it will never have"),
            Field("delay", FLOAT, "s", "for how long points have waited without a break"),
        ),
        "1",
    ),
    Measurement(
        "events",
        "something that happened, for annotations",
        {"kind": "start, stop, reset (of the statistics), fault, double (one was lost) or verdict"},
        (Field("text", TEXT, "", "what happened"), Field("tags", TEXT, "", "words for Grafana")),
        "6",
    ),
    Measurement(
        "postgres",
        "the target's database in a second",
        {},
        (
            _count("connections", "open connections"),
            _count("active", "those that run a statement"),
            _count("idle", "those that do nothing"),
            _count("idle_in_transaction", "those that do nothing in a transaction"),
            _count("waiting", "those that wait for a lock"),
            _count("max_connections", "how many there can be"),
            *_growing({"commits": "transactions", "rollbacks": "undone ones", "deadlocks": "deadlocks"}, LOOK),
        ),
        "1",
        seldom="only with LAB_POSTGRES_DSN",
    ),
    Measurement(
        "calls",
        "the Twilio double's calls",
        {},
        (
            _count("active", "calls under way"),
            _count("streams", "media streams that are open"),
            *_growing(
                {
                    "ended": "calls that ended",
                    "completed": "those that were completed",
                    "failed": "those that failed",
                    "frames_sent": "frames of audio that were sent",
                    "frames_late": "those that were late",
                    "frames_skipped": "frames that it was too late for",
                    "frames_blocked": "frames that the target's socket did not take",
                },
                LOOK,
            ),
            *(
                Field(
                    f"lateness_{name}",
                    FLOAT,
                    "ms",
                    f"of frames, {name}, since the double's start",
                    "there was no call yet",
                )
                for name in ("p50", "p99", "max")
            ),
        ),
        "1",
    ),
    Measurement(
        "turns",
        "callers' turns over the ten seconds before",
        {},
        (
            _count("count", "turns"),
            Field("avg", FLOAT, "ms", "what the caller waited, on average"),
            Field("vendor_avg", FLOAT, "ms", "the voice agent's share of it", "it had no turn of its own"),
            Field("own_avg", FLOAT, "ms", "the rest: the platform's share", "it had no turn of its own"),
        ),
        "1",
    ),
    Measurement(
        "doubles",
        "a double",
        {"double": "backend, twilio, deepgram, openai, elevenlabs, stripe or sendgrid"},
        (
            _count("up", "1, or 0 where it does not answer"),
            _count("in_flight", "requests that it is answering"),
            *_growing(
                {
                    "requests": "requests that it answered",
                    "errors": "those answered with 400 or more",
                    "faulted": "those that a fault met",
                    "limited": "those refused with 429",
                    "webhooks": "webhooks that it sent",
                },
                LOOK,
            ),
            _count("faults", "faults in force"),
            _count("webhooks_waiting", "webhooks that wait", "the double is not Stripe's"),
            Field("lateness_p99", FLOAT, "ms", "of what it does at a time, since its start", "it does nothing so"),
            *_bore("the process that the double is part of"),
        ),
        "7",
    ),
    Measurement(
        "journal",
        "what a double answered to an operation, by status",
        {"double": "its name", "operation": "the method and the path's pattern", "status": "the answer's"},
        tuple(_growing({"count": "answers"}, LOOK)),
        "operations × the statuses that each had",
    ),
    Measurement(
        "faults",
        "a fault of a double's schedule",
        {"double": "its name", "fault": "its name in the schedule"},
        (_count("in_force", "1 or 0"), *_growing({"hits": "what it met"}, LOOK)),
        "faults in the schedules, 100 at most a double",
        seldom="only where a double has a schedule of faults",
    ),
    Measurement(
        "run_summary",
        "a run, at its end",
        {},
        (
            Field("verdict", TEXT, "", "pass, fail or invalid"),
            _count("code", "0, 1 or 2"),
            Field("started", INT, "ms since the epoch", "when it began"),
            Field("ended", INT, "ms since the epoch", "when it ended"),
            Field("duration", FLOAT, "s", "how long it lasted"),
            _count("users", "the most at once"),
            _count("workers", "workers that reported"),
            _count("seed", "what its randomness came from"),
            Field("host", TEXT, "", "the target"),
            Field("profile", TEXT, "", "its load profile"),
            _count("missed", "targets missed"),
            *_whole(),
        ),
        "1",
        bucket=RUNS,
    ),
    Measurement("endpoint_summary", "an endpoint, at a run's end", ENDPOINT, _whole(), "endpoints", bucket=RUNS),
    Measurement("area_summary", "an area, at a run's end", AREA, _whole(), "6", bucket=RUNS),
)
BY_NAME = {measurement.name: measurement for measurement in MEASUREMENTS}


def read(line: str) -> tuple[str, set[str], dict[str, str]]:
    """A line's measurement, the names of its tags, and the type of each of its fields by name."""
    found = SERIES.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is no line of line protocol")
    name, _, _ = found[1].partition(",")
    fields = {field: _type(value) for field, value in FIELD.findall(found[2])}
    return name, {tag for tag, _ in TAG.findall(found[1])}, fields


def _type(value: str) -> str:
    if value.startswith('"'):
        return TEXT
    return INT if value.endswith("i") else FLOAT


def strange_in(line: str) -> str:
    """What a line has that is not listed, as a sentence; nothing where all is."""
    name, tags, fields = read(line)
    measurement = BY_NAME.get(name)
    if measurement is None:
        return f"the measurement {name} is not listed"
    if tags != {"run_id", *measurement.tags}:
        return f"{name} has the tags {sorted(tags)}"
    listed = {field.name: field.type for field in measurement.fields}
    for field, kind in fields.items():
        if listed.get(field) != kind:
            return f"{name} has the field {field} as {kind}, and it is listed as {listed.get(field)}"
    return ""


def unwritten(lines: Iterable[str]) -> list[str]:
    """Which measurements and fields none of these lines has, though every run writes them."""
    seen: dict[str, set[str]] = {}
    for line in lines:
        name, _, fields = read(line)
        seen.setdefault(name, set()).update(fields)
    missing = []
    for measurement in MEASUREMENTS:
        if measurement.name not in seen:
            missing += [] if measurement.seldom else [measurement.name]
            continue
        written = seen[measurement.name]
        missing += [
            f"{measurement.name}.{f.name}" for f in measurement.fields if not f.seldom and f.name not in written
        ]
    return missing
