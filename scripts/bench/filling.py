"""Fills an InfluxDB with a run as the lab writes it, faster than it would happen: for benches, and to see dashboards.

The run, its merge, its lines and the sources are the suite's own, with a clock that is moved by hand; only the
requests, and what the doubles say of themselves, are made up. Everything follows from the seed.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from metrics.influx import Client, Influx
from metrics.lines import Field, line
from metrics.outbox import LIVE
from metrics.process import process_fields
from metrics.recorder import Recorder
from metrics.run import Ending, Run
from metrics.sources.doubles import DoublesSource
from metrics.sources.sampling import Source
from metrics.sources.turns import TurnsSource
from metrics.targets import Targets

BATCH_POINTS = 5_000
USERS = 50
LAG = [3000, 500, 2500, 500, 1, 2500, 1]
"""A second's schedule lag as it is encoded: one of 0.5 ms and one of 2.5 ms."""
SO_FAR = Ending(planned=[], workers_lost={}, cpu_warning=False, task_errors={})
AREAS = ("auth", "crm", "calendar", "telephony", "conversations")
CALL_STEPS = {"answer": 120.0, "connect": 40.0, "first audio": 650.0, "turn": 900.0, "complete": 30.0}
Request = tuple[str, str, float]
"""Type, name and the median of its latency in ms."""
OF_TARGETS: list[Request] = [
    ("POST", "/api/auth/login", 60.0),
    ("GET", "/api/crm/contacts/search", 40.0),
    ("WS", "connect", 25.0),
]
"""Requests that targets of their own are held to."""


class Batches:
    """A run's writer: sends what it is given to InfluxDB in large batches, at once or not at all."""

    points_waiting = points_lost = bytes_waiting = 0
    lost_because = ""
    delay_s = 0.0

    def __init__(self, client: Client) -> None:
        self.points_written = 0
        self._client = client
        self._waiting: dict[str, list[str]] = {}

    def start(self) -> None:
        """Nothing is to be started."""

    def submit(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        """Take lines, and send a batch that is full."""
        self._waiting.setdefault(bucket, []).extend(lines)
        if len(self._waiting[bucket]) >= BATCH_POINTS:
            self._send(bucket)

    def close(self) -> None:
        """Send the rest."""
        for bucket in list(self._waiting):
            self._send(bucket)

    def _send(self, bucket: str) -> None:
        lines = self._waiting.pop(bucket)
        self._client.write(bucket, "\n".join(lines))
        self.points_written += len(lines)


def endpoints_of(number: int) -> list[Request]:
    """So many endpoints over all areas, the steps of a call and what targets name among them."""
    steps: list[Request] = [("CALL", name, ms) for name, ms in CALL_STEPS.items()]
    methods = ("GET", "POST", "PATCH", "DELETE")
    others: list[Request] = [
        (methods[i % 4], f"/api/{AREAS[i % 5]}/things{i // 5}/{{id}}", 5.0 + 3 * (i % 17)) for i in range(number)
    ]
    return [*steps, *OF_TARGETS, *others][:number]


def fill(
    influx: Influx,
    targets: Targets,
    *,
    run_id: str,
    began: float,
    seconds: int,
    endpoints: int = 50,
    requests_a_second: int = 200,
    workers: int = 2,
    seed: int = 1,
) -> int:
    """Write a run that began at `began` (seconds since the epoch) and lasted so long; give how many points it has."""
    client = Client(influx)
    writer = Batches(client)
    chance = random.Random(f"filling {seed}")
    clock = [began]
    recorders = [Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0) for _ in range(workers)]
    run = Run(run_id, seed, "http://127.0.0.1:8001", targets, writer, began)
    doubles = Doubles(chance)
    turns = TurnsSource(run.merge.since)
    names = ("backend", "twilio", "vendors")
    sources: list[Source] = [*(DoublesSource(name, doubles, turns.on_turns) for name in names), turns]
    offered = endpoints_of(endpoints)
    for second in range(seconds):
        wave = 1 + 0.4 * math.sin(second / 90)
        for number in range(int(requests_a_second * wave)):
            clock[0] = began + second + number / (requests_a_second * wave)
            request = offered[number % len(offered)] if number < len(offered) else chance.choice(offered)
            record(recorders[number % workers], request, wave, chance, clock[0])
        clock[0] = began + second + 0.99
        for number, recorder in enumerate(recorders):
            process = process_taken(chance, 30 * wave)
            run.report(f"w{number}", recorder.take() | {"cpu": 30 * wave, "process": process}, clock[0])
        now = began + second + 1.1
        run.tick(int(USERS * wave / 1.4), now, by_scenario={"CrmUser": 30, "TelephonyUser": 20}, so_far=SO_FAR)
        doubles.second += 1
        for source in sources:
            run.write(source.look(run_id, int(now)))
        run.write(list(lines_of_this_machine(run_id, int(now), chance, wave)))
    run.finish(SO_FAR, 0, began + seconds)
    client.close()
    return writer.points_written


def record(recorder: Recorder, request: Request, wave: float, chance: random.Random, now: float) -> None:
    """Record one request, one in two hundred of them failed."""
    request_type, name, median = request
    ms = median * wave * chance.lognormvariate(0, 0.4)
    failure = TimeoutError("in time") if chance.random() < 0.005 else None
    scenario = "TelephonyUser" if request_type == "CALL" else "CrmUser"
    context = {"scenario": scenario, "intended_start": now - ms / 1000 - chance.expovariate(500)}
    recorder.record(request_type, name, ms, None, failure, context)


def figures(chance: random.Random, cpu: float) -> dict[str, Any]:
    """What a process uses."""
    return {"cpu": cpu + chance.random(), "rss": 90_000_000, "threads": 4, "fds": 80, "sockets": 60}


def process_taken(chance: random.Random, cpu: float) -> dict[str, Any]:
    """What a process of the suite says of itself for one second, as `OwnProcess.take` does."""
    return {"figures": figures(chance, cpu), "lag": LAG, "held_up": chance.random(), "throttled": 0.0}


def lines_of_this_machine(run_id: str, second: int, chance: random.Random, wave: float) -> Iterator[str]:
    """`processes` and `postgres`, which are read from the machine and not from a double."""
    roles = {"master": "master", "target": "target", "twilio": "double", "vendors": "double"}
    for process, role in roles.items():
        fields: dict[str, Field | None] = figures(chance, 20 * wave)
        if role == "master":
            fields = process_fields(process_taken(chance, 20 * wave))
        yield line("processes", {"run_id": run_id, "role": role, "process": process}, fields, second * 1000)
    counts = {"connections": 12, "active": int(6 * wave), "idle": 5, "idle_in_transaction": 1, "waiting": 0}
    counts |= {"max_connections": 100, "commits": int(200 * wave), "rollbacks": 1, "deadlocks": 0}
    yield line("postgres", {"run_id": run_id}, counts, second * 1000)


class Doubles:
    """Answers as `/__lab/metrics` of the three processes that serve doubles do, second by second."""

    def __init__(self, chance: random.Random) -> None:
        self.second = 0
        self._chance = chance
        self._counts: Counter[str] = Counter()

    def __call__(self, url: str, /) -> dict[str, Any]:
        """The metrics of one process."""
        name = url.partition("/")[0]
        # Its process: a fifth of a core, and late for one part in a hundred of the time.
        process = {"at_s": self.second, "cpu_s": self.second / 5, "held_up_s": self.second / 100}
        process |= {"periods": 10 * self.second, "periods_throttled": 0}
        if name == "vendors":
            vendors = {vendor: self._vendor(vendor) for vendor in VENDORS}
            return {"service": name, "process": process, "vendors": vendors}
        own: dict[str, Any] = {}
        if name == "twilio":
            frames = 50 * 20 * self.second
            lateness = {"p50": 0.2, "p99": 1.5 + self._chance.random(), "max": 9.0}
            media = {"frames_sent": frames, "frames_late": frames // 5000, "frames_skipped": 0, "frames_blocked": 0}
            own = {"media": media | {"lateness_ms": lateness}}
            own["calls"] = {"active": 20, "streams": 18, "ended": self.second, "failed": self.second // 100}
        operations = ["POST {voice}", "POST {status}"] if name == "twilio" else ["GET /api/crm/contacts", "GET /api/me"]
        return self._service(name, operations) | {"process": process} | own

    def close(self) -> None:
        """Nothing is held."""

    def _service(self, name: str, operations: Sequence[str]) -> dict[str, Any]:
        """What every double says; one fault is in force for the last third of each minute."""
        requests = {}
        for operation in operations:
            self._counts[name + operation] += self._chance.randrange(5, 20)
            requests[operation] = {"200": self._counts[name + operation], "429": self.second // 20}
        faulty = name == "deepgram" and self.second % 60 >= 40
        hits = self.second // 5 if name == "deepgram" else 0
        faults = {"in_force": ["slow answers"] if faulty else [], "hits": {"slow answers": hits} if hits else {}}
        faults |= {"injected": {"delay": hits}}
        return {"service": name, "in_flight": 3, "requests": requests, "faults": faults}

    def _vendor(self, name: str) -> dict[str, Any]:
        answer = self._service(name, VENDORS[name])
        lateness = {"lateness_ms": {"p99": 0.8 + self._chance.random()}}
        if name == "deepgram":
            turns = {"count": 3 * self.second, "mean": 780.0} if self.second else {"count": 0}
            return answer | {"voice_agent": lateness | {"turn_delay_ms": turns}}
        webhooks = {"webhooks": {"waiting": 0, "in_flight": 1, "answer_ms": {"count": self.second}}}
        return answer | {name: lateness | (webhooks if name == "stripe" else {})}


VENDORS = {
    "deepgram": ["WS /v1/agent/converse"],
    "openai": ["POST /v1/chat/completions"],
    "elevenlabs": ["POST /v1/text-to-speech/{voice_id}"],
    "stripe": ["POST /v1/customers"],
    "sendgrid": ["POST /v3/mail/send"],
}
