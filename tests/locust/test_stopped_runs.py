"""A run that is ended as `docker compose stop` ends it: in five seconds all has left, and nothing is lost."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.suite_lab import Lab, Suite, ended, running_lab

GRACE_S = 5.0
"""`stop_grace_period` of docker-compose.yml."""
USERS = ("--users", "6", "--spawn-rate", "6", "--run-time", "5m")
LONG_TASKS = """
import gevent
from scenarios.crm_load_test import CrmUser

def take_long(user):
    gevent.sleep(60)

class PatientUser(CrmUser):
    fixed_count = 2

PatientUser.tasks = [take_long]  # alone, not beside those of the class above
"""


def locustfile(directory: Path) -> str:
    path = directory / "long_tasks.py"
    path.write_text(LONG_TASKS)
    return str(path)


def assert_nothing_is_lost(lab: Lab, run_id: str) -> None:
    verdict = lab.verdict(run_id)
    assert verdict["interrupted"] is True
    assert verdict["generator"]["workers_lost"] == []
    assert verdict["generator"]["points_lost"] == 0
    assert verdict["generator"]["points_waiting"] > 0
    assert sorted((lab.results / run_id / "outbox").glob("*.gz"))


def test_a_master_that_is_told_to_end_has_its_workers_end_in_time_too(tmp_path: Path) -> None:
    """As in the container `smoke`: the signal comes to the master alone."""
    port = str(free_port())
    bus = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port)
    with running_lab(tmp_path) as lab:
        suite = Suite(
            lab.environment(LAB_RUN_ID="stopped", SIMULATE_EXTERNAL_SERVICES="false"),
            *("--headless", "--only-summary", "--processes", "2", *bus, *USERS),
            locustfile=locustfile(tmp_path),
        )
        with ended(suite):
            suite.read_until(", 6 users, 2 workers")
            began = time.monotonic()
            suite.process.send_signal(signal.SIGTERM)
            assert suite.finish() == 2, suite.output
            assert time.monotonic() - began < GRACE_S
        assert_nothing_is_lost(lab, "stopped")
        assert lab.verdict("stopped")["reasons"][0].startswith("interrupted after ")
        assert lab.cleanup("stopped")["mark"] == "stopped"


@pytest.mark.parametrize("workers_first", [True, False])
def test_containers_that_are_stopped_one_after_the_other_end_in_time(tmp_path: Path, workers_first: bool) -> None:
    port = str(free_port())
    with running_lab(tmp_path) as lab:
        environment = lab.environment(LAB_RUN_ID="stopped", SIMULATE_EXTERNAL_SERVICES="false")
        file = locustfile(tmp_path)
        bus = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2")
        master = Suite(environment, "--master", *bus, "--headless", "--only-summary", *USERS, locustfile=file)
        workers = [
            Suite(environment, "--worker", "--master-host", "127.0.0.1", "--master-port", port, locustfile=file)
            for _ in range(2)
        ]
        with ended(master, *workers):
            master.read_until(", 6 users, 2 workers")
            order = [workers, [master]] if workers_first else [[master], workers]
            for together in order:
                began = time.monotonic()
                for process in together:
                    process.process.send_signal(signal.SIGTERM)
                for process in together:
                    assert process.finish() in {0, 2}, process.output
                assert time.monotonic() - began < GRACE_S
        assert_nothing_is_lost(lab, "stopped")
