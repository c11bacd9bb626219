"""Runs on Locust's page that a profile shapes, or that begin and are to quit by themselves."""

import contextlib
import http.client
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.support.crm_runs import COLLAPSE, SLOW_TO_STOP, Runs
from tests.support.platform_target import Reply, Request, Target
from tests.support.ports import free, free_port
from tests.support.suite_lab import Suite, ended
from tests.support.waiting import wait_until


def slow_token(request: Request) -> Reply:
    time.sleep(2.5)
    return 200, {"access_token": "a", "refresh_token": "r", "token_type": "bearer"}


def test_on_the_page_a_profile_whose_start_was_refused_can_be_started_once_more(runs: Runs, target: Target) -> None:
    port, bus = free_port(), str(free_port())
    page = ["--web-host", "127.0.0.1", "--web-port", str(port)]
    own = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", bus, "--expect-workers", "1"]
    # Accounts take longer to be made than the first stage lasts, which begins only after that.
    target.on("POST /api/auth/register/token", slow_token)
    master = Suite(runs.environment("two"), *own, *page, locustfile="scenarios/crm_load_test.py")
    bus_of = ["--worker", "--master-host", "127.0.0.1", "--master-port", bus]
    worker = Suite(runs.environment(""), *bus_of, locustfile="scenarios/crm_load_test.py")

    def swarm(host: str) -> None:
        form = urllib.parse.urlencode({"user_count": "1", "spawn_rate": "1", "host": host}).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{port}/swarm", form, timeout=10).close()

    with ended(master, worker):
        master.read_until("reported as ready")
        wait_until(lambda: not free(port), "page of Locust's")
        swarm("http://127.0.0.1:1")
        master.read_until("The run was not started. The target http://127.0.0.1:1 does not answer")
        swarm(target.url)
        master.read_until("Shape test stopping")
        wait_until((runs.directory / "run" / "verdict.json").exists, "verdict", 60)
        master.process.terminate()
        assert master.finish(30) == 0, master.output
    verdict = runs.verdict()
    assert (verdict["verdict"], verdict["users"], verdict["interrupted"]) == ("pass", 6, False), master.output
    assert 5 <= verdict["duration_s"] < 8


@pytest.mark.parametrize("profile", ["long", ""])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_page_that_is_to_quit_by_itself_does_so_after_a_run_that_a_target_ended(
    runs: Runs, target: Target, tmp_path: Path, profile: str, workers: int
) -> None:
    target.on("GET /api/crm/contacts", (503, {"detail": "overloaded"}))
    targets, locustfile = tmp_path / "targets.toml", tmp_path / "slow.py"
    targets.write_text(COLLAPSE)
    locustfile.write_text(SLOW_TO_STOP)
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "1"]
    # It would quit in the middle of the run's end, were that not waited for.
    page = ["--web-host", "127.0.0.1", "--web-port", str(free_port()), "--autostart", "--autoquit", "0"]
    load = ["--users", "60", "--spawn-rate", "60", "--run-time", "5m", "--stop-timeout", "10"]
    environment = runs.environment(profile, LAB_TARGETS_FILE=str(targets))
    master = Suite(environment, *(bus if workers else []), *page, *load, locustfile=str(locustfile))
    bus = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    others = [Suite(runs.environment(""), *bus, locustfile=str(locustfile)) for _ in range(workers)]
    with ended(master, *others):
        assert master.finish(60) == 1, master.output
        assert [other.finish(20) for other in others] == [0] * workers
    assert master.output.count("fail: run\n") == 1
    assert "Traceback" not in master.output
    verdict = runs.verdict()
    assert (verdict["verdict"], verdict["invalid"], verdict["interrupted"]) == ("fail", [], False)
    assert verdict["broke"].startswith("collapse: ")


def test_a_page_that_is_to_quit_by_itself_waits_for_the_end_of_a_run_that_was_stopped_on_it(
    runs: Runs, target: Target, tmp_path: Path
) -> None:
    locustfile = tmp_path / "slow.py"
    locustfile.write_text(SLOW_TO_STOP)
    port, bus = str(free_port()), str(free_port())
    own = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", bus, "--expect-workers", "1"]
    page = ["--web-host", "127.0.0.1", "--web-port", port, "--autostart", "--autoquit", "0", "--stop-timeout", "10"]
    master = Suite(runs.environment("long"), *own, *page, locustfile=str(locustfile))
    of_worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", bus]
    worker = Suite(runs.environment(""), *of_worker, locustfile=str(locustfile))
    with ended(master, worker):
        master.read_until("All users spawned")
        wait_until(lambda: len(target.operations()) > 12, "requests of the run")
        with contextlib.suppress(ConnectionError, http.client.HTTPException):  # it may leave before it has answered
            urllib.request.urlopen(f"http://127.0.0.1:{port}/stop", b"", timeout=30).close()
        assert master.finish(60) == 0, master.output
        assert worker.finish(20) == 0, worker.output
    assert (runs.verdict()["verdict"], runs.verdict()["invalid"]) == ("pass", [])
