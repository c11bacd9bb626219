"""`./scripts/smoke` gives each kind of run its exit code, says why, and leaves nothing running."""

import gzip
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from metrics.points import strange_in, unwritten
from tests.support.commands import command, double_of
from tests.support.ports import LAB_PORTS, free
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("nothing_left")

CONTACTS = "GET /api/crm/contacts"
LOGIN = "POST /api/auth/login"


def latest(environment: dict[str, str]) -> Path:
    return Path(environment["LAB_RESULTS_DIR"]) / "latest"


def verdict(environment: dict[str, str]) -> dict[str, Any]:
    return dict(json.loads((latest(environment) / "verdict.json").read_text()))


def test_the_whole_lab_passes(environment: dict[str, str]) -> None:
    own = environment | {"LAB_CALLER_SCRIPT": "default"}  # by chance every caller might hang up before a turn
    smoke = command("smoke", "--users", "10", "--run-time", "20s", environment=own)
    out, err = smoke.communicate(timeout=120)
    assert smoke.returncode == 0, out + err
    judged = verdict(environment)
    assert judged["verdict"] == "pass"
    for area in ("authentication", "crm", "telephony"):
        assert judged["areas"][area]["requests"] > 0, area
        assert judged["areas"][area]["failures"] == 0, area
    counted = {each["kind"]: each for each in judged["reconciliation"]}
    assert all(each["ok"] for each in counted.values())
    for kind in ("calls", "mails"):  # the suite's part comes from both workers
        assert counted[kind]["suite"] > 0
    assert judged["not_reconciled"] == []
    rows = (latest(environment) / "lab_stats.csv").read_text()
    for step in ("answer", "connect", "first audio", "turn"):
        assert f"\nCALL,{step}," in rows
    for report in ("report.html", "junit.xml", "summary.md"):
        assert (latest(environment) / report).stat().st_size > 0
    assert "heard the agent" in (latest(environment) / "report.html").read_text()
    points = written(latest(environment) / "outbox")
    assert {strange_in(point) for point in points} == {""}
    assert unwritten(points) == []


def written(outbox: Path) -> list[str]:
    """Every point of a run without an InfluxDB."""
    texts = [gzip.decompress(segment.read_bytes()).decode() for segment in sorted(outbox.glob("*.gz"))]
    return [point for text in texts for point in text.splitlines()]


def run_until_killed(
    environment: dict[str, str], name: str, *arguments: str, amid: str = CONTACTS
) -> tuple[int, str, str]:
    """Kill the smoke test's process `name` once the run has had `amid` answered; give the code and what was said."""
    smoke = command("smoke", *arguments, environment=environment)
    try:
        wait_for_requests(int(environment["LAB_PORT_OFFSET"]) + 8001, amid)
        killed = double_of(smoke, name)
        assert killed is not None
        killed.kill()
        out, err = smoke.communicate(timeout=120)
    finally:
        smoke.terminate()
        smoke.communicate(timeout=60)
    return smoke.returncode, out, err


def test_a_backend_that_dies_fails_the_run_and_is_named(environment: dict[str, str]) -> None:
    load = ("--users", "10", "--run-time", "12s")
    code, out, err = run_until_killed(environment, "mock_services.backend", *load)
    assert code == 1, out + err
    assert verdict(environment)["verdict"] == "fail"
    assert any("backend" in reason or "target" in reason for reason in verdict(environment)["reasons"])
    assert "the backend process ended with -9 during the run" in verdict(environment)["reasons"]
    assert "the backend process ended with -9 during the run" in err


def test_a_double_that_dies_never_leaves_a_pass(environment: dict[str, str]) -> None:
    load = ("AuthUser", "--users", "2", "--run-time", "8s")
    code, out, err = run_until_killed(environment, "mock_services.vendors", *load, amid=LOGIN)
    assert code == 2, out + err
    assert verdict(environment)["verdict"] == "invalid"
    assert "the vendors process ended with -9 during the run" in verdict(environment)["reasons"]
    assert verdict(environment)["exit_code"] == 2
    for report in ("report.html", "junit.xml", "summary.md"):
        assert "the vendors process ended with -9" in (latest(environment) / report).read_text()


@pytest.mark.parametrize("name", ["twilio", "vendors"])
def test_a_double_that_dies_amid_calls_is_not_charged_to_the_target(environment: dict[str, str], name: str) -> None:
    code, out, err = run_until_killed(environment, f"mock_services.{name}", "--users", "10", "--run-time", "14s")
    judged = verdict(environment)
    assert (code, judged["verdict"]) == (2, "invalid"), out + err
    assert any(reason.startswith(f"double lost: {name} no longer answered in second ") for reason in judged["invalid"])
    assert list(judged["generator"]["doubles_lost"]) == [name]
    lost_calls = [reason for reason in judged["invalid"] if reason.startswith("Twilio double ")]
    assert bool(lost_calls) == (name == "twilio"), judged["reasons"]


def test_a_master_that_dies_leaves_an_invalid_verdict(environment: dict[str, str]) -> None:
    load = ("AuthUser", "--users", "2", "--run-time", "30s")
    code, out, err = run_until_killed(environment, "--master", *load, amid=LOGIN)
    assert code == 2, out + err
    assert verdict(environment)["reasons"] == ["Locust ended with -9 and gave no verdict"]
    for report in ("report.html", "junit.xml", "summary.md"):
        assert "Locust ended with -9 and gave no verdict" in (latest(environment) / report).read_text()


def wait_for_requests(port: int, operation: str = CONTACTS) -> None:
    """Wait until the backend at `port` has answered an operation of the run, and not only of its preparation."""
    beforehand = {CONTACTS: 2, LOGIN: 1}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as backend:

        def is_on() -> bool:
            try:
                counted = backend.get("/__lab/metrics").json()["requests"]
            except httpx.TransportError:
                return False
            return bool(counted.get(operation, {}).get("200", 0) > beforehand[operation])

        wait_until(is_on, f"{operation} of the run", 40)


def test_a_scenario_that_runs_nothing_makes_the_run_invalid(environment: dict[str, str]) -> None:
    smoke = command("smoke", "--users", "3", "--run-time", "3s", "--tags", "nothing", environment=environment)
    out, err = smoke.communicate(timeout=120)
    assert smoke.returncode == 2, out + err
    assert verdict(environment)["verdict"] == "invalid"
    assert any("ran no task" in reason for reason in verdict(environment)["reasons"])


def test_a_run_goes_on_where_the_reader_of_its_lines_has_gone(environment: dict[str, str]) -> None:
    smoke = command("smoke", "AuthUser", "--users", "2", "--run-time", "3s", environment=environment)
    assert smoke.stdout is not None
    smoke.stdout.readline()
    smoke.stdout.close()
    assert smoke.wait(120) == 0
    assert smoke.stderr is not None
    assert "Traceback" not in smoke.stderr.read()
    smoke.stderr.close()
    assert (verdict(environment)["verdict"], verdict(environment)["reasons"]) == ("pass", [])


def test_ctrl_c_ends_a_run_with_its_report(environment: dict[str, str]) -> None:
    smoke = command("smoke", "--users", "10", "--run-time", "10m", environment=environment)
    wait_for_requests(int(environment["LAB_PORT_OFFSET"]) + 8001)
    smoke.send_signal(signal.SIGINT)
    out, err = smoke.communicate(timeout=60)
    assert smoke.returncode == 2, out + err
    assert any(reason.startswith("interrupted after") for reason in verdict(environment)["reasons"])
    assert verdict(environment)["areas"]["crm"]["requests"] > 0


def test_ctrl_c_while_locust_is_still_importing_ends_without_a_traceback(environment: dict[str, str]) -> None:
    smoke = command("smoke", "AuthUser", "--users", "2", "--run-time", "10m", environment=environment)
    try:
        wait_until(lambda: double_of(smoke, "--master") is not None, "master")
        smoke.send_signal(signal.SIGINT)
        out, err = smoke.communicate(timeout=60)
    finally:
        smoke.terminate()
        smoke.communicate(timeout=60)
    assert smoke.returncode == 2, out + err
    assert "Traceback" not in out + err
    assert "interrupted before the run began" in err
    assert verdict(environment)["verdict"] == "invalid"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_ended_while_accounts_are_made_is_invalid_and_keeps_its_logs(
    environment: dict[str, str], number: int
) -> None:
    strict = {"BACKEND_RATE_LIMIT_REQUESTS": "2"}
    smoke = command("smoke", "AuthUser", "--users", "4", "--run-time", "10m", environment=environment | strict)
    try:
        assert smoke.stderr is not None
        waited = next((line for line in smoke.stderr if "asks to wait (429)" in line), "")
        assert waited
        smoke.send_signal(number)
        out, err = smoke.communicate(timeout=60)
    finally:
        smoke.terminate()
        smoke.communicate(timeout=60)
    assert smoke.returncode == 2, out + err
    assert "Traceback" not in err
    assert verdict(environment)["reasons"] == ["interrupted before the run began"]
    assert (latest(environment) / "logs" / "backend.log").exists()


def test_a_second_ctrl_c_is_answered_and_a_third_leaves(environment: dict[str, str]) -> None:
    smoke = command("smoke", "AuthUser", "--users", "2", "--run-time", "10m", environment=environment)
    try:
        wait_for_requests(int(environment["LAB_PORT_OFFSET"]) + 8001, LOGIN)
        master = double_of(smoke, "--master")
        assert master is not None
        master.suspend()  # a report that takes its time
        assert smoke.stderr is not None
        smoke.send_signal(signal.SIGINT)
        wait_until(lambda: is_told_to_end(master.pid), "Ctrl-C handed on to the run")
        smoke.send_signal(signal.SIGINT)
        assert next(line for line in smoke.stderr if line.startswith("the run is ending: clean-up and verdict follow"))
        smoke.send_signal(signal.SIGINT)
        _, err = smoke.communicate(timeout=60)
    finally:
        smoke.terminate()
        smoke.communicate(timeout=60)
    assert smoke.returncode == 2
    run_id = latest(environment).resolve().name
    assert "removes what it made" in err
    assert f"./scripts/cleanup {run_id}" in err


def is_told_to_end(pid: int) -> bool:
    """Whether SIGINT waits for a process that is suspended."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(fields["ShdPnd"], 16) & 1 << (signal.SIGINT - 1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "localhost:8001"], ["--target", "localhost:8001", "http://"]),
        (["--target", "http://127.0.0.1:1"], ["http://127.0.0.1:1"]),
        (["--users", "none"], ["--users", "none", "whole number"]),
        (["--run-time", "soon"], ["--run-time", "soon", "30s"]),
        (["--profile", "heroic"], ["--profile", "heroic", "smoke"]),
        (["--unknown"], ["--unknown", "--help"]),
        (["--run-time", ""], ["--run-time"]),
        (["--users", "9" * 5000], ["--users", "whole number"]),
        (["NoSuchUser"], ["NoSuchUser", "CrmUser"]),
    ],
)
def test_wrong_usage_is_one_sentence(environment: dict[str, str], arguments: list[str], words: list[str]) -> None:
    smoke = command("smoke", *arguments, environment=environment)
    _, err = smoke.communicate(timeout=60)
    assert smoke.returncode == 3
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOAD_TEST_BASE_URL", "ftp://example.com"),
        ("LAB_PORT_OFFSET", "far"),
        ("INFLUX_URL", "nowhere"),
        ("LAB_TARGET", "moon"),
        ("LAB_PROFILE", "heroic"),
    ],
)
def test_a_wrong_variable_is_named(environment: dict[str, str], variable: str, value: str) -> None:
    smoke = command("smoke", environment={**environment, variable: value})
    _, err = smoke.communicate(timeout=60)
    assert smoke.returncode == 3
    assert "Traceback" not in err
    assert variable in err
    assert value in err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAB_SEED", "minus"),
        ("LAB_TARGETS_FILE", "no-such.toml"),
        ("LAB_TARGETS_FILE", os.devnull),
        ("LAB_PROGRESS", "loud"),
        ("LOAD_TEST_BASE_URL", "https://thanotopolis.com"),
    ],
)
def test_what_the_suite_would_refuse_is_refused_before_anything_starts(
    environment: dict[str, str], tmp_path: Path, variable: str, value: str
) -> None:
    home = {"LAB_RESULTS_DIR": str(tmp_path / "results")}
    smoke = command("smoke", environment={**environment, **home, variable: value})
    out, err = smoke.communicate(timeout=60)
    assert (smoke.returncode, out) == (3, "")
    assert err.count("\n") == 1
    assert variable in err or value in err
    assert not (tmp_path / "results").exists()


def test_what_is_refused_only_later_leaves_no_run_behind(environment: dict[str, str], tmp_path: Path) -> None:
    wrong = {"LAB_RESULTS_DIR": str(tmp_path), "TWILIO_MAX_CALLS": "many"}
    smoke = command("smoke", environment={**environment, **wrong})
    _, err = smoke.communicate(timeout=60)
    assert smoke.returncode == 3
    assert "TWILIO_MAX_CALLS" in err
    assert list(tmp_path.iterdir()) == []
    nowhere = {"LAB_RESULTS_DIR": str(tmp_path)}
    smoke = command("smoke", "--target", "http://127.0.0.1:1", environment={**environment, **nowhere})
    _, err = smoke.communicate(timeout=60)
    assert smoke.returncode == 3, err
    assert list(tmp_path.iterdir()) == []


def test_a_place_for_results_that_cannot_be_made_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    smoke = command("smoke", environment={**environment, "LAB_RESULTS_DIR": str(taken)})
    _, err = smoke.communicate(timeout=60)
    assert smoke.returncode == 3
    assert err.startswith(f"LAB_RESULTS_DIR is '{taken}', where ")
    assert err.count("\n") == 1


def test_a_smoke_that_is_killed_leaves_nothing_behind(environment: dict[str, str]) -> None:
    smoke = command("smoke", "--run-time", "10m", environment=environment)
    wait_for_requests(int(environment["LAB_PORT_OFFSET"]) + 8001)
    smoke.kill()
    smoke.communicate(timeout=30)  # the master holds the pipes: it has ended too
    ports = [port + int(environment["LAB_PORT_OFFSET"]) for port in LAB_PORTS]
    wait_until(lambda: all(map(free, ports)), "end of the processes that the smoke test had started", 20)
