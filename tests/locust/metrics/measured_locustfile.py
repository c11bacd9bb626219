"""A small load suite for tests of the measurement layer; the environment says what it does.

TEST_RESULTS, TEST_RUN_ID, TEST_INFLUX, TEST_TARGETS (a TOML file) go to `install`; with TEST_RAW, every process writes
each of its requests to a file of its own there, beside what the layer records; with TEST_REFUSE no run can start;
with TEST_STOPPED_TWICE a master stops a run once more while it ends; TEST_JUDGING_S is how long judging a run takes at
least; with TEST_LATE a worker reports something of the run before once more when the next begins; TEST_BREAKS names
functions of the layer (`module:Class.name`, with commas between) that raise on whoever judges; with TEST_INTERRUPTED
Ctrl-C comes while so many requests have been written and the last of them is still to be recorded.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators

import copy
import itertools
import json
import os
import pkgutil
import signal
import time
import tomllib
from pathlib import Path
from typing import Any

import gevent

from locust import FastHttpUser, User, constant, constant_throughput, events, runners, task
from metrics.install import install
from metrics.targets import Targets, read_targets

targets_file = os.environ.get("TEST_TARGETS")
measurement = install(
    results_dir=Path(os.environ["TEST_RESULTS"]),
    run_id=os.environ.get("TEST_RUN_ID", "test"),
    seed=7,
    targets=read_targets(tomllib.loads(Path(targets_file).read_text())) if targets_file else Targets(),
    influx_url=os.environ.get("TEST_INFLUX"),
    influx_token="token-of-the-tests",
    influx_org="lab",
    influx_bucket="lab",
    progress=os.environ.get("TEST_PROGRESS", "auto"),
)

if os.environ.get("TEST_REFUSE"):

    @events.test_start.add_listener
    def refuse_to_start(**_: Any) -> None:
        raise gevent.GreenletExit


if os.environ.get("TEST_STOPPED_TWICE"):
    again: list[gevent.Greenlet] = []

    @events.test_stop.add_listener
    def stop_once_more(environment: Any, **_: Any) -> None:
        runner = environment.runner
        if isinstance(runner, runners.MasterRunner) and not again:
            runner.state = runners.STATE_RUNNING  # as a dispatch of users sets it that was under way
            again.append(gevent.spawn(runner.stop, send_stop_to_client=False))


if seconds := float(os.environ.get("TEST_JUDGING_S", "0")):
    measurement.before_verdict = lambda: gevent.sleep(seconds)


if os.environ.get("TEST_LATE"):
    reports: list[dict[str, Any]] = []

    @events.report_to_master.add_listener
    def keep_report(data: dict[str, Any], **_: Any) -> None:
        if "lab" in data and data["lab"]["seconds"] and not reports:
            reports.append(copy.deepcopy(data))

    @events.test_start.add_listener
    def report_again(environment: Any, **_: Any) -> None:
        if isinstance(environment.runner, runners.WorkerRunner) and reports:
            environment.runner.send_message("stats", reports[0] | {"user_classes_count": {}})


def raise_an_error(*_: Any, **__: Any) -> Any:
    raise RuntimeError("broken by the test")


if broken := os.environ.get("TEST_BREAKS"):
    names = [name.rsplit(".", 1) for name in broken.split(",")]

    @events.init.add_listener
    def break_them(runner: Any, **_: Any) -> None:
        if not isinstance(runner, runners.WorkerRunner):
            for place, attribute in names:
                setattr(pkgutil.resolve_name(place), attribute, raise_an_error)


if raw := os.environ.get("TEST_RAW"):
    samples = (Path(raw) / f"{os.getpid()}.jsonl").open("a", buffering=1)

    @events.request.add_listener
    def write_raw(
        request_type: str, name: str, response_time: float, exception: Any, context: dict[str, str], **_: Any
    ) -> None:
        sample = [time.time(), request_type, name, response_time, exception is not None, context["scenario"]]
        samples.write(json.dumps(sample) + "\n")


if at := int(os.environ.get("TEST_INTERRUPTED", "0")):
    heard = itertools.count(1)

    @events.request.add_listener
    def interrupt(**_: Any) -> None:
        if next(heard) == at:
            os.kill(os.getpid(), signal.SIGINT)


class Measured:
    def context(self) -> dict[str, Any]:
        return {"scenario": type(self).__name__}


class Reader(Measured, FastHttpUser):
    wait_time = constant_throughput(20)

    @task(8)
    def read(self) -> None:
        self.client.get("/wait/3", name="/api/crm/contacts/{id}")

    @task(1)
    def slow(self) -> None:
        self.client.get("/wait/40", name="/api/auth/me")

    @task(1)
    def refused_on_purpose(self) -> None:
        with self.client.get("/status/404", name="/api/crm/contacts/{id} [gone]", catch_response=True) as response:
            response.success()


class Failing(Measured, FastHttpUser):
    wait_time = constant_throughput(5)

    @task
    def fail(self) -> None:
        self.client.get("/status/503", name="/api/calendar/events")

    @task
    def bad_content(self) -> None:
        with self.client.get("/", name='/api/odd, "name" = \\{x}', catch_response=True) as response:
            response.failure("an error inside a 200")


class Planned(Measured, User):
    """Measures against a plan: each request is 100 ms late, and takes 10 ms."""

    wait_time = constant_throughput(10)

    @task
    def late(self) -> None:
        start = time.time()
        self.environment.events.request.fire(
            request_type="CALL",
            name="answer",
            response_time=10.0,
            response_length=0,
            exception=None,
            context=self.context() | {"intended_start": start - 0.1},
            start_time=start,
        )


class Idle(Measured, User):
    wait_time = constant(1)

    @task
    def nothing(self) -> None:
        """Makes no request."""


class Raising(Measured, FastHttpUser):
    wait_time = constant_throughput(5)

    @task
    def broken(self) -> None:
        self.client.get("/", name="/api/auth/me")
        raise KeyError("access_token")
