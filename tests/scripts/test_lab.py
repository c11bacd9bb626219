"""`./scripts/lab` brings the lab up, says how it is, takes a run over Locust's page, and takes it down."""

import json
import os
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.commands import ROOT, command
from tests.support.waiting import wait_until


def run(*arguments: str, environment: dict[str, str]) -> tuple[int, str, str]:
    process = command("lab", *arguments, environment=environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.usefixtures("nothing_left")
def test_up_status_a_run_and_down(environment: dict[str, str], offset: int) -> None:
    state = Path(environment["LAB_STATE_DIR"])
    assert run("status", environment=environment)[0] == 1
    page = f"http://127.0.0.1:{8089 + offset}"
    try:
        code, out, err = run("up", environment=environment)
        assert code == 0, err
        assert page in out
        code, out, _ = run("status", environment=environment)
        assert code == 0, out
        assert out.count("ready") == 6  # vendors, twilio, backend, master, two workers
        again = run("up", environment=environment)
        assert again[0] == 3
        assert f"the lab is up already, with Locust's page on {page}/: " in again[2]
        assert "LAB_STATE_DIR" in again[2]
        other = run("up", environment={**environment, "LAB_SEED": "minus"})
        assert other[2] == "LAB_SEED holds 'minus', but takes a whole number from 0.\n"  # no reason to end this lab
        started = httpx.post(f"{page}/swarm", data={"user_count": 4, "spawn_rate": 4, "run_time": "4s"}, timeout=60)
        assert started.json()["success"] is True
        wait_for_requests(page)
        known = json.loads((state / "processes.json").read_text())
        (worker,) = (psutil.Process(each["pid"]) for each in known if each["name"] == "locust worker 2")
        worker.kill()
        psutil.wait_procs([worker], timeout=10)
        code, _, err = run("up", environment=environment)
        assert code == 3
        log = os.path.relpath(state / "locust-worker-2.log", ROOT)
        assert err.startswith(f"the lab is up, but for what has ended: locust worker 2 (see {log}); ")
        code, out, _ = run("status", environment=environment)
        assert code == 1
        assert [line.split()[4] for line in out.splitlines() if line.startswith("locust worker 2")] == ["ended"]
        assert out.splitlines()[-1].startswith("what has ended starts again with ./scripts/lab down")
    finally:
        code, out, _ = run("down", environment=environment)
    assert code == 0
    assert "stopped 5 processes" in out


def wait_for_requests(page: str) -> None:
    with httpx.Client(base_url=page) as locust:

        def is_on() -> bool:
            return bool(locust.get("/stats/requests").json()["stats"][-1]["num_requests"] > 0)

        wait_until(is_on, "request")


def test_wrong_usage_ends_with_3(environment: dict[str, str]) -> None:
    code, _, err = run("sideways", environment=environment)
    assert code == 3
    assert "sideways" in err


def test_what_the_suite_would_refuse_is_refused_before_anything_starts(environment: dict[str, str]) -> None:
    code, out, err = run("up", environment={**environment, "LAB_SEED": "minus"})
    assert (code, out) == (3, "")
    assert err == "LAB_SEED holds 'minus', but takes a whole number from 0.\n"
    assert not Path(environment["LAB_STATE_DIR"]).exists()


def test_a_note_of_what_runs_that_cannot_be_read_is_named(environment: dict[str, str]) -> None:
    note = Path(environment["LAB_STATE_DIR"]) / "processes.json"
    note.parent.mkdir()
    note.write_text("[")
    code, out, err = run("status", environment=environment)
    assert (code, out) == (3, "")
    assert err.startswith(f"{os.path.relpath(note, ROOT)} cannot be read: ")
