"""`./scripts/doctor` as a person runs it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from mock_services.core.authority import make
from mock_services.core.vendor_hosts import VENDOR_HOSTS
from tests.support.commands import ROOT, command
from tests.support.doubles import serving, serving_tls


def run(*arguments: str, environment: dict[str, str]) -> tuple[int, str, str]:
    process = command("doctor", *arguments, environment=environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def problems(out: str) -> list[str]:
    said: dict[str, Any] = json.loads(out)
    found = [each["check"] for each in said["findings"] if each["level"] == "problem"]
    assert said["ok"] is not bool(found)
    return found


def test_a_machine_on_which_a_run_can_begin(environment: dict[str, str]) -> None:
    code, out, err = run(environment=environment)
    assert (code, err) == (0, "")
    assert "a run can begin" in out
    assert [line for line in out.splitlines() if line and not line.startswith(" ")][:3] == [
        "software",
        "ports",
        "target",
    ]


def test_a_backend_is_examined_and_a_taken_port_is_a_problem(environment: dict[str, str], offset: int) -> None:
    with serving("backend") as address, socket.create_server(("127.0.0.1", 8010 + offset)):
        code, out, err = run("--json", "--target", f"http://{address}", environment=environment)
    assert (code, problems(out), err) == (1, [f"port {8010 + offset}"], "")
    checks = {each["check"] for each in json.loads(out)["findings"]}
    assert {"signature URL", "accounts", "rate limit", "target's clock", "InfluxDB", "disk", "open files"} <= checks


def test_a_limit_of_open_files_that_is_too_low_for_the_users(environment: dict[str, str]) -> None:
    asked = "ulimit -Sn 300 && exec scripts/doctor --json --users 100"
    ran = subprocess.run(
        ["/bin/sh", "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, problems(ran.stdout), ran.stderr) == (1, ["open files"], "")


def test_what_is_said_of_a_wrong_token_is_one_sentence(environment: dict[str, str]) -> None:
    told = {**environment, "INFLUX_TOKEN": "made-up"}
    code, out, err = run("--influx", "http://127.0.0.1:9", "--target", "http://127.0.0.1:9", environment=told)
    assert (code, err) == (1, "")
    assert out.count("InfluxDB does not answer") == 2
    assert "made-up" not in out


def test_one_that_is_interrupted_says_so(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = command("doctor", "--target", f"http://127.0.0.1:{silent.getsockname()[1]}", environment=environment)
        silent.settimeout(60)
        asked, _ = silent.accept()
        with asked:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted\n")


def test_wrong_usage_ends_with_3_and_one_sentence(environment: dict[str, str]) -> None:
    for arguments, names in (
        (["--workers", "none"], "--workers"),
        (["--target", "https://thanotopolis.com"], "LAB_ALLOW_HOSTS"),
        (["--target", "nowhere"], "--target"),
        (["--profile", "none"], "--profile"),
        (["--door", "127.0.0.1:8443"], "--ca"),
        (["--influx", "ftp://a"], "--influx"),
    ):
        code, out, err = run(*arguments, environment=environment)
        assert (code, out) == (3, "")
        assert names in err
        assert err.count("\n") == 1


def test_settings_that_a_run_would_refuse_end_with_3_and_one_sentence(environment: dict[str, str]) -> None:
    for name in ("LAB_TARGETS_FILE", "LAB_FAULTS", "SSL_CERT_FILE"):
        code, out, err = run(environment={**environment, name: "/nowhere/file"})
        assert (code, out) == (3, "")
        assert "/nowhere/file" in err
        assert err.count("\n") == 1


def test_a_schedule_of_faults_that_a_double_would_refuse_ends_with_3_and_its_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text("[[faults]]\nkind = 'status'\n")
    code, out, err = run(environment={**environment, "LAB_FAULTS": str(faults)})
    assert (code, out) == (3, "")
    assert f"LAB_FAULTS is {str(faults)!r}: " in err
    assert err.count("\n") == 1
    code, _, err = run(environment={**environment, "LAB_FAULTS": "compose/faults/timeline.toml"})
    assert (code in {0, 1}, err) == (True, "")


def test_the_options_that_look_further(environment: dict[str, str], tmp_path: Path) -> None:
    """Each as docs/doctor.md shows it; whether this machine has Docker does not matter here."""
    make(tmp_path, tmp_path, VENDOR_HOSTS)
    with serving("backend") as backend, serving_tls("vendors", tmp_path) as (_, encrypted):
        options = ["--target", f"http://{backend}", "--burst", "150", "--docker", "--users", "100", "--workers", "4"]
        options += ["--ca", str(tmp_path / "ca.pem"), "--door", encrypted, "--json"]
        code, out, err = run(*options, environment=environment)
    assert code in {0, 1}
    assert err == ""
    levels = {each["check"]: each["level"] for each in json.loads(out)["findings"]}
    assert (levels["rate limit"], levels["lab's authority"], levels["doubles' certificate"]) == ("ok", "ok", "ok")
    assert "Docker Engine" in levels
