"""Load profiles as processes: shapes that end by themselves or are interrupted, and an open model that keeps its time.

Most of it runs against a target in this process whose answers a test can slow down and refuse.
"""

import itertools
import json
import re
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.crm_runs import COLLAPSE, SLOW_TO_STOP, Runs
from tests.support.platform_target import Reply, Request, Target
from tests.support.ports import free_port
from tests.support.suite_lab import Suite, ended
from tests.support.waiting import wait_until

USERS_SEEN = """
import json, os, time
from locust import events
from scenarios.crm_load_test import *

log = open(os.environ["WITNESS"], "a", buffering=1)

@events.request.add_listener
def note(name, start_time, response_time, context, response=None, **rest):
    status = getattr(response, "status_code", None)
    log.write(json.dumps([context["user"], start_time, start_time + response_time / 1000, status]) + "\\n")
"""


SLOW_TO_CLEAN_UP = """
import gevent
from locust import events
from scenarios.crm_load_test import *

measurement = events.lab_measurement
clean_up = measurement.before_verdict

def slowly():
    gevent.sleep(1.5)
    clean_up()

measurement.before_verdict = slowly
"""


def test_a_profile_goes_through_its_stages_and_its_verdict_names_it(runs: Runs) -> None:
    suite = runs.start("two")
    with ended(suite):
        assert suite.finish(40) == 0, suite.output
    assert re.search(r"All users spawned: .*\(2 total.*All users spawned: .*\(6 total", suite.output, re.DOTALL)
    verdict = runs.verdict()
    assert (verdict["profile"], verdict["broke"], verdict["users"]) == ("two", "", 6)
    assert 4 < verdict["duration_s"] < 8
    # The small target lacks most of the API: what that skips is in the verdict and in the reports.
    assert verdict["skipped"][0] == "CrmUser.create, for want of POST /api/crm/contacts"
    assert "skipped: CrmUser.create" in suite.output
    for report in ("report.html", "summary.md"):
        assert "CrmUser.create" in (runs.directory / "run" / report).read_text()


def test_locusts_own_options_go_before_a_profile(runs: Runs) -> None:
    suite = runs.start("long", "--users", "4", "--run-time", "3s")
    with ended(suite):
        assert suite.finish(40) == 0, suite.output
    assert runs.verdict()["users"] == 2  # the first of two stages, of which the second has twice as many
    assert runs.verdict()["duration_s"] < 7
    assert "Run time limit set" not in suite.output, "Locust waits for no second time when the profile is through"


def test_a_master_leaves_as_soon_as_its_verdict_is_there(runs: Runs, tmp_path: Path) -> None:
    locustfile = tmp_path / "slow.py"
    locustfile.write_text(SLOW_TO_CLEAN_UP)
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "1"]
    master = runs.start("two", *bus, locustfile=str(locustfile))
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    with ended(master, Suite(runs.environment(""), *worker, locustfile="scenarios/crm_load_test.py")):
        wait_until((runs.directory / "run" / "verdict.json").exists, "verdict", 60)
        began = time.monotonic()
        assert master.finish(60) == 0, master.output
        assert time.monotonic() - began < 15


def test_a_run_ends_at_its_time_while_its_users_are_still_starting(runs: Runs) -> None:
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "1"]
    master = runs.start("slow-start", *bus)
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    other = Suite(runs.environment(""), *worker, locustfile="scenarios/crm_load_test.py")
    with ended(master, other):
        assert master.finish(60) == 2, master.output
        assert other.finish(20) == 0, other.output
    verdict = runs.verdict()
    assert (verdict["planned_s"], verdict["interrupted"]) == (3, False)
    assert re.match(r"schedule missed: stage 1 .* 60 users, and had 6 when", verdict["invalid"][0])
    assert verdict["duration_s"] < 12, "it would take half a minute to start them all"
    assert verdict["users"] < 30


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stage_begins_at_its_second_while_the_users_of_the_one_before_are_still_starting(
    runs: Runs, workers: int
) -> None:
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"]
    master = runs.start("slow-stage", *(bus if workers else []))
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    file = "scenarios/crm_load_test.py"
    others = [Suite(runs.environment(""), *worker, locustfile=file) for _ in range(workers)]
    with ended(master, *others):
        assert master.finish(60) == 2, master.output
        assert [other.finish(20) for other in others] == [0] * workers
    begun = dict(re.findall(r"^\[(.*?)\] .*Shape test updating to (\d+) users", master.output, re.MULTILINE))
    began = {int(users): datetime.strptime(at, "%Y-%m-%d %H:%M:%S,%f") for at, users in begun.items()}
    assert list(began) == [40, 4, 12]
    assert [(at - began[40]).total_seconds() for at in began.values()] == pytest.approx([0, 3, 5], abs=0.4)
    verdict = runs.verdict()
    assert verdict["users"] == 12
    assert 7 <= verdict["duration_s"] < 11
    # The one stage that never had its users is named, and the others, which had theirs, are not.
    sentence = (
        "schedule missed: stage 1 of the profile slow-stage was to have 40 users, and had 6 when its time was over"
    )
    assert verdict["invalid"] == [f"{sentence}; give the stage more time, or a higher spawn_rate"]
    assert sentence in (runs.directory / "run" / "summary.md").read_text()


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_profile_with_a_full_report(runs: Runs, target: Target, signal: str, tmp_path: Path) -> None:
    targets = tmp_path / "targets.toml"
    targets.write_text(COLLAPSE)  # which the target meets, however slow the machine is
    suite = runs.start("long", LAB_TARGETS_FILE=str(targets))
    with ended(suite):
        suite.read_until("All users spawned")
        wait_until(lambda: "GET /api/crm/contacts" in target.operations(), "request of the run")
        suite.interrupt() if signal == "SIGINT" else suite.process.terminate()
        assert suite.finish(30) == 2, suite.output
    assert runs.verdict()["verdict"] == "invalid"
    assert any(reason.startswith("interrupted after") for reason in runs.verdict()["reasons"])
    assert runs.verdict()["areas"]["crm"]["requests"] > 0
    assert (runs.directory / "run" / "report.html").exists()


def test_a_climb_ends_when_a_target_breaks_and_says_at_how_many_users(runs: Runs, target: Target) -> None:
    def slow(request: Request) -> Reply:
        time.sleep(1.2)
        return 503, {"detail": "overloaded"}

    target.on("GET /api/crm/contacts", slow)
    suite = runs.start("climb")
    with ended(suite):
        assert suite.finish(60) == 1, suite.output
    verdict = runs.verdict()
    assert re.fullmatch(r"at \d+ users the last 10 s missed .*", verdict["broke"])
    assert verdict["users"] < 60
    assert "ended because at" in (runs.directory / "run" / "summary.md").read_text()


def test_a_target_that_is_to_stop_the_run_ends_a_profile_with_a_full_report(
    runs: Runs, target: Target, tmp_path: Path
) -> None:
    target.on("GET /api/crm/contacts", (503, {"detail": "overloaded"}))
    targets = tmp_path / "targets.toml"
    targets.write_text(COLLAPSE)
    suite = runs.start("long", "--users", "60", LAB_TARGETS_FILE=str(targets))
    with ended(suite):
        assert suite.finish(60) == 1, suite.output
    verdict = runs.verdict()
    assert (verdict["verdict"], verdict["interrupted"], verdict["planned_s"]) == ("fail", False, 600)
    assert verdict["duration_s"] < 40
    assert re.fullmatch(
        r"collapse: 100 % of \d+ requests failed for 3 s from second \d+ on, over its limit of 50 %, at \d+ users",
        verdict["broke"],
    )
    assert verdict["reasons"][1] == verdict["broke"].rpartition(", at ")[0]
    for report in ("report.html", "summary.md", "junit.xml"):
        assert "collapse" in (runs.directory / "run" / report).read_text()


def test_a_target_that_ends_a_profile_waits_for_the_users_of_every_worker(
    runs: Runs, target: Target, tmp_path: Path
) -> None:
    target.on("GET /api/crm/contacts", (503, {"detail": "overloaded"}))
    targets, locustfile = tmp_path / "targets.toml", tmp_path / "slow.py"
    targets.write_text(COLLAPSE)
    locustfile.write_text(SLOW_TO_STOP)
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "1"]
    options = ["--users", "60", "--stop-timeout", "10"]
    master = runs.start("long", *bus, *options, locustfile=str(locustfile), LAB_TARGETS_FILE=str(targets))
    bus = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    worker = Suite(runs.environment(""), *bus, locustfile=str(locustfile))
    with ended(master, worker):
        assert master.finish(60) == 1, master.output
        assert worker.finish(20) == 0, worker.output
    verdict = runs.verdict()
    assert (verdict["verdict"], verdict["invalid"], verdict["interrupted"]) == ("fail", [], False)
    assert verdict["broke"].startswith("collapse: ")


def test_an_open_model_begins_tasks_in_time_and_drops_none_that_somebody_can_take(runs: Runs) -> None:
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"]
    master = runs.start("open", *bus)
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    file = "scenarios/crm_load_test.py"
    # A worker on another machine need not be told of the profile.
    workers = [Suite(runs.environment(""), *worker, locustfile=file) for _ in range(2)]
    with ended(master, *workers):
        assert master.finish(60) == 0, master.output
        assert [one.finish(20) for one in workers] == [0, 0]
    generator = runs.verdict()["generator"]
    assert generator["starts_dropped"] == 0
    assert 8 <= generator["starts_planned"] <= 21


def test_what_an_open_model_had_dealt_to_a_worker_that_leaves_others_begin(runs: Runs) -> None:
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"]
    master = runs.start("open", *bus, "--run-time", "14s")
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    file = "scenarios/crm_load_test.py"
    stays, leaves = (Suite(runs.environment(""), *worker, locustfile=file) for _ in range(2))
    with ended(master, stays, leaves):
        master.read_until("All users spawned")
        leaves.process.terminate()
        assert leaves.finish(20) == 0, leaves.output
        master.read_until("The users are with 1 processes now")
        master.finish(60)
        assert stays.finish(20) == 0, stays.output
    verdict = runs.verdict()
    planned = verdict["generator"]["starts_planned"]
    # The schedule begins a little after the run, and nothing of it is missing then.
    assert planned >= 5 * (verdict["duration_s"] - 4), "begun or counted as dropped"
    assert planned - verdict["generator"]["starts_dropped"] >= planned / 2


def test_an_open_model_counts_what_nobody_could_begin(runs: Runs, target: Target) -> None:
    def slow(request: Request) -> Reply:
        time.sleep(2.5)
        return 200, {"items": [], "total": 0, "page": 1, "page_size": int(request.query["page_size"]), "total_pages": 0}

    target.on("GET /api/crm/contacts", slow)
    suite = runs.start("open", "--users", "2")
    with ended(suite):
        assert suite.finish(60) == 1, suite.output  # the target is too slow; and the load was not what it says
    verdict = runs.verdict()
    assert verdict["generator"]["starts_dropped"] > 10
    assert verdict["generator"]["starts_planned"] > verdict["generator"]["starts_dropped"]
    assert any(reason.startswith("schedule missed: nobody was free for") for reason in verdict["reasons"])


def test_a_stall_of_the_target_shows_in_the_latencies_of_those_who_come_after(runs: Runs, target: Target) -> None:
    asked = itertools.count(1)

    def stalls_once(request: Request) -> Reply:
        if next(asked) == 3:
            time.sleep(2)
        return 200, {"items": [], "total": 0, "page": 1, "page_size": int(request.query["page_size"]), "total_pages": 0}

    target.on("GET /api/crm/contacts", stalls_once)
    suite = runs.start("open", "--users", "1", LAB_TARGETS_FILE=runs.both_latencies())
    with ended(suite):
        assert suite.finish(60) == 0, suite.output
    sent, due = runs.averages()
    assert runs.verdict()["generator"]["starts_dropped"] == 0, "they waited"
    assert due > sent + 300, "of twenty starts ten were up to two seconds late"
    assert "from the intended start" in (runs.directory / "run" / "report.html").read_text()


def test_a_429_is_its_own_class_and_its_retry_after_is_kept(runs: Runs, target: Target, tmp_path: Path) -> None:
    asked = itertools.count(1)
    seconds = 2

    def limited(request: Request) -> Reply:
        if next(asked) % 2:
            return 429, {"detail": "Rate limit exceeded"}, {"Retry-After": str(seconds)}
        return 200, {"items": [], "total": 0, "page": 1, "page_size": int(request.query["page_size"]), "total_pages": 0}

    target.on("GET /api/crm/contacts", limited)
    locustfile = tmp_path / "witness.py"
    locustfile.write_text(USERS_SEEN)
    log = tmp_path / "seen.jsonl"
    options = {"WITNESS": str(log), "LAB_TARGETS_FILE": runs.both_latencies()}
    suite = runs.start("two", "--users", "2", "--run-time", "8s", locustfile=str(locustfile), **options)
    with ended(suite):
        assert suite.finish(40) == 0, suite.output
    sent, due = runs.averages()
    assert due > sent + 50, "half of them were held back, beyond the time that their user thought"
    assert runs.verdict()["totals"]["outcomes"]["http_429"] > 0
    seen = [json.loads(line) for line in log.read_text().splitlines()]
    waits = []
    for user in {line[0] for line in seen}:
        own = [line for line in seen if line[0] == user]
        waits += [after[1] - before[2] for before, after in itertools.pairwise(own) if before[3] == 429]
    assert waits
    assert min(waits) >= seconds - 0.01


def test_a_log_with_everything_in_it_holds_no_credential(runs: Runs, target: Target) -> None:
    secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
    tokens = {"access_token": secret, "refresh_token": "the-refresh-token-of-a-user", "token_type": "bearer"}
    target.on("POST /api/auth/register/token", (200, tokens))
    target.on("POST /api/auth/login", (200, tokens))
    account = {"LOAD_TEST_USER_EMAIL": "me@x.example.com", "LOAD_TEST_USER_PASSWORD": "a-good-long-word"}
    suite = runs.start("two", "--loglevel", "DEBUG", LAB_DEBUG="true", **account)
    with ended(suite):
        assert suite.finish(40) == 0, suite.output
    assert re.search(
        r"/DEBUG/scenarios\.suite: CrmUser 1: GET /api/crm/contacts, status 200 in [\d.]+ ms, good", suite.output
    )
    assert "Not counted: POST /api/auth/login, status 200" in suite.output
    for hidden in (secret, "the-refresh-token-of-a-user", "a-good-long-word", "LoadTest2025!", "Bearer"):
        assert hidden not in suite.output
    assert [request for request in target.requests if request.headers.get("Authorization") == f"Bearer {secret}"]
