"""Ctrl-C and SIGTERM at every stage of a run: before its users, while they run, and while the report is written."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.suite_lab import Lab, Suite, ended, running_lab

USERS = ("--headless", "--only-summary", "--users", "4", "--spawn-rate", "4", "--run-time", "5m")
SLOW_END = """
import gevent
from locust import events
from scenarios.crm_load_test import CrmUser

clean_up = events.lab_measurement.before_verdict

def slowly():
    print("cleaning up", flush=True)
    gevent.sleep(3)
    clean_up()

events.lab_measurement.before_verdict = slowly
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def quiet(lab: Lab, run_id: str) -> dict[str, str]:
    return lab.environment(LAB_RUN_ID=run_id, SIMULATE_EXTERNAL_SERVICES="false")


def slow_end(directory: Path) -> str:
    path = directory / "slow_end.py"
    path.write_text(SLOW_END)
    return str(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_preparation_that_waits_for_a_rate_limit_says_so_and_can_be_ended(tmp_path: Path, number: int) -> None:
    with running_lab(tmp_path, BACKEND_RATE_LIMIT_REQUESTS="2") as strict:
        suite = Suite(quiet(strict, "waiting"), *USERS, locustfile="scenarios/crm_load_test.py")
        with ended(suite):
            suite.read_until("asks to wait (429): POST is sent again in ")
            began = time.monotonic()
            suite.process.send_signal(number)
            assert suite.finish() == 2, suite.output
            assert time.monotonic() - began < 5
        assert "Traceback" not in suite.output
        assert "Interrupted before the run began, so there is no verdict.\n" in suite.output
        assert not (strict.results / "waiting" / "verdict.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_master_that_waits_for_its_workers_ends_and_removes_what_it_made(lab: Lab, number: int) -> None:
    run_id = f"alone-{number}"
    bus = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(free_port()))
    suite = Suite(quiet(lab, run_id), *bus, "--expect-workers", "2", *USERS, locustfile="scenarios/crm_load_test.py")
    with ended(suite):
        suite.read_until("Prepared 4 accounts")
        suite.process.send_signal(number)
        assert suite.finish(20) == 2, suite.output
    assert "Traceback" not in suite.output
    assert "Removed 4 users." in suite.output
    assert "Interrupted before the run began" in suite.output


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_is_answered_and_costs_nothing(lab: Lab, tmp_path: Path, first: int) -> None:
    run_id = f"twice-{first}"
    suite = Suite(quiet(lab, run_id), *USERS, locustfile=slow_end(tmp_path))
    with ended(suite):
        suite.read_until("All users spawned")
        suite.process.send_signal(first)
        suite.read_until("cleaning up")
        suite.interrupt()
        assert suite.finish() == 2, suite.output
    assert "Traceback" not in suite.output
    assert suite.output.count("The run is ending: clean-up and verdict follow. Ctrl-C once more leaves at once") == 1
    assert any(reason.startswith("interrupted after ") for reason in lab.verdict(run_id)["reasons"])
    assert (lab.results / run_id / "report.html").exists()


def test_a_ctrl_c_while_a_run_that_went_to_its_end_is_cleaned_up_costs_nothing_either(lab: Lab, tmp_path: Path) -> None:
    suite = Suite(quiet(lab, "whole"), *USERS[:-1], "3s", locustfile=slow_end(tmp_path))
    with ended(suite):
        suite.read_until("cleaning up")
        suite.interrupt()
        assert suite.finish() == 0, suite.output
    assert lab.verdict("whole")["interrupted"] is False
    assert lab.cleanup("whole")["mark"] == "whole"


def test_a_third_ctrl_c_leaves_at_once_and_names_what_removes_the_rest(lab: Lab, tmp_path: Path) -> None:
    suite = Suite(quiet(lab, "thrice"), *USERS, locustfile=slow_end(tmp_path))
    with ended(suite):
        suite.read_until("All users spawned")
        suite.interrupt()
        suite.read_until("cleaning up")
        suite.interrupt()
        suite.read_until("The run is ending")
        suite.interrupt()
        assert suite.finish(5) == 130, suite.output
    assert "Traceback" not in suite.output
    assert suite.output.endswith("Left at once: ./scripts/cleanup thrice removes what the run made.\n")
    assert json.loads((lab.results / "thrice" / "made.jsonl").read_text().splitlines()[0])
