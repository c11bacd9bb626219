"""A worker that goes while a run goes on: its users are begun again on the others, and the verdict says so."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

from tests.locust.metrics.test_locust_runs import HEADLESS, distributed
from tests.support.influx import Influx
from tests.support.locust_process import running
from tests.support.ports import free_port
from tests.support.waiting import wait_until

USERS = 8


def users_are_there(log: Path, since: str) -> bool:
    """Whether a line of the display says that all users are there, after this was last logged."""
    _, found, after = (log.read_text() if log.exists() else "").rpartition(since)
    return bool(found) and f", {USERS} users, " in after


def given_to(workers: int) -> str:
    """What Locust logs when it gives users to so many workers."""
    return f"{USERS} users at 50.00 spawn rate to {workers} ready workers"


def test_users_of_workers_that_go_are_begun_again_on_the_others(tmp_path: Path, target: str) -> None:
    """One is killed, then one leaves in order: the second time takes what the first has left behind in Locust."""
    log = tmp_path / "master.log"
    processes = distributed(
        tmp_path, target, *HEADLESS, *("-u", str(USERS), "--logfile", str(log), "Reader"), workers=4
    )
    master, killed, leaving, *_ = processes
    with running(*processes):
        wait_until(lambda: users_are_there(log, given_to(4)), "users")
        killed.process.kill()
        wait_until(lambda: "are back, on 3 others" in log.read_text(), "users of the lost worker")
        wait_until(lambda: users_are_there(log, given_to(3)), "users on three workers")
        leaving.process.send_signal(signal.SIGTERM)
        assert leaving.finish() == 0
        wait_until(lambda: users_are_there(log, given_to(2)), "users on two workers")
        master.process.send_signal(signal.SIGINT)
        assert master.finish() == 2, master.output
    (reason,) = master.verdict()["reasons"]
    assert re.fullmatch(
        r"worker lost: worker \d was gone before the run ended, and with it what it had measured and not sent;"
        r" its 2 users were begun again on 3 others after \d+ s",
        reason,
    )


def test_a_run_whose_workers_have_all_left_in_order_is_none_that_passed(tmp_path: Path, target: str) -> None:
    log = tmp_path / "master.log"
    processes = distributed(
        tmp_path, target, *HEADLESS, *("-u", str(USERS), "-t", "5m", "--logfile", str(log), "Reader"), workers=2
    )
    master, *workers = processes
    with running(*processes):
        wait_until(lambda: users_are_there(log, given_to(2)), "users")
        for worker in workers:
            worker.process.send_signal(signal.SIGTERM)
        assert master.finish() == 2, master.output
    (reason,) = master.verdict()["reasons"]
    assert re.fullmatch(r"interrupted after \d+ of 300 s", reason)


def test_a_worker_that_was_only_held_up_has_its_part_again_when_it_comes_back(tmp_path: Path, target: str) -> None:
    log = tmp_path / "master.log"
    processes = distributed(
        tmp_path, target, *HEADLESS, *("-u", str(USERS), "--logfile", str(log), "Reader"), workers=2
    )
    master, held_up, _ = processes
    with running(*processes):
        wait_until(lambda: users_are_there(log, given_to(2)), "users")
        held_up.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: "are back, on 1 other" in log.read_text(), "users of the lost worker")
        held_up.process.send_signal(signal.SIGCONT)
        wait_until(lambda: users_are_there(log, "self-healed"), "users on both")
        master.process.send_signal(signal.SIGINT)
        assert master.finish() == 2, master.output


def test_on_the_page_a_run_that_lost_a_worker_ends_and_another_can_begin(tmp_path: Path, target: str) -> None:
    log, page = tmp_path / "master.log", f"http://127.0.0.1:{(port := free_port())}"
    web = ("--web-host", "127.0.0.1", "--web-port", str(port), "--logfile", str(log))
    processes = distributed(tmp_path, target, *web, "Reader", workers=2)
    master, victim, _ = processes

    def ask(path: str, form: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(f"{page}{path}", form, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def ready() -> int:
        return log.read_text().count("reported as ready") if log.exists() else 0

    with running(*processes):
        wait_until(lambda: ready() == 2, "workers")
        ask("/swarm", b"user_count=4&spawn_rate=50")
        wait_until(lambda: len(master.samples()) > 60, "requests")
        victim.process.kill()
        wait_until(lambda: "are back, on 1 other" in log.read_text(), "users of the lost worker")
        ask("/stop", b"")
        wait_until(lambda: ask("/stats/requests")["state"] == "stopped", "end of the run")
        before = len(master.samples())
        ask("/swarm", b"user_count=4&spawn_rate=50")
        wait_until(lambda: len(master.samples()) > before + 20, "requests of another run")
        ask("/stop", b"")
        wait_until((master.results / "test-2" / "verdict.json").exists, "report of the other run")
    assert [master.verdict(run_id)["verdict"] for run_id in ("test", "test-2")] == ["invalid", "pass"]


def test_a_run_that_locust_stops_twice_ends_once(tmp_path: Path, target: str, influx: Influx) -> None:
    """A master that was giving users to other workers when it was told to stop stops again with the last of them."""
    processes = distributed(
        tmp_path,
        target,
        *HEADLESS,
        *("-u", "4", "-t", "2s", "Reader"),
        TEST_RUN_ID="twice",
        TEST_STOPPED_TWICE="yes",
        TEST_INFLUX=influx.url,
    )
    master = processes[0]
    with running(*processes):
        assert master.finish() == 0, master.output
    generator = master.verdict()["generator"]
    assert (generator["points_lost"], generator["points_waiting"]) == (0, 0)
    assert [
        row["text"] for row in influx.query("SELECT text FROM events WHERE run_id = 'twice' AND kind = 'stop'")
    ] == ["run twice stopped"]
