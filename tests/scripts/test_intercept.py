"""`scripts/intercept`: a command in a network of its own, where vendors' libraries reach doubles and nothing gets out.

Where a machine gives no process a network of its own, the script has to say so, and that is what is then tested.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from locallab.intercept import environment_of, namespaces

from mock_services.core.vendor_hosts import VENDOR_HOSTS
from tests.support.doubles import ROOT

CALLS = [sys.executable, str(ROOT / "compose" / "intercept" / "client" / "calls.py")]


def intercept(*command: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "scripts" / "intercept")
    return subprocess.run([script, *command], capture_output=True, text=True, check=False, timeout=180)


@pytest.fixture(scope="module")
def possible() -> bool:
    return subprocess.run([*namespaces(), "true"], check=False, capture_output=True).returncode == 0


def refused(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 3 and done.stderr.startswith("this machine gives no network of one's own")


def test_every_vendors_library_reaches_a_double_at_its_default_address(possible: bool) -> None:
    done = intercept(*CALLS)
    if not possible:
        assert refused(done)
        return
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert all(any(f"//{host} " in line for line in lines) for host in VENDOR_HOSTS)
    assert "Interception: 0 requests left the lab, 0 connections to 0 hosts outside were refused" in done.stderr


def test_what_tries_to_leave_is_refused_named_and_ends_with_2(possible: bool) -> None:
    done = intercept(*CALLS, "leave", "telemetry.example.org")
    if not possible:
        assert refused(done)
        return
    assert done.returncode == 2, done.stdout + done.stderr
    assert "https://telemetry.example.org was refused: " in done.stdout
    assert "  telemetry.example.org: 2 lookups, 1 refused connection\n" in done.stderr


def test_the_exit_code_is_the_commands_own(possible: bool) -> None:
    done = intercept(sys.executable, "-c", "raise SystemExit(7)")
    assert done.returncode == 7 if possible else refused(done)


def test_a_command_that_is_not_there_is_one_sentence(possible: bool) -> None:
    done = intercept("no-such-command")
    if possible:
        assert (done.returncode, done.stderr) == (3, "no-such-command cannot be run: No such file or directory\n")
    else:
        assert refused(done)


def test_without_a_command_it_says_what_it_takes() -> None:
    assert (intercept().returncode, intercept("--help").returncode) == (3, 0)


def test_a_command_is_told_whom_to_trust_and_of_no_proxy() -> None:
    given = {
        "PYTHONPATH": f"{ROOT / 'scripts'}:/own",
        "HTTPS_PROXY": "http://proxy.example.org",
        "no_proxy": "x",
        "HOME": "/h",
    }
    told = environment_of(given, ROOT / "ca.pem")
    assert not {"HTTPS_PROXY", "no_proxy"} & set(told)
    assert told["SSL_CERT_FILE"] == told["REQUESTS_CA_BUNDLE"] == str(ROOT / "ca.pem")
    assert told["PYTHONPATH"] == f"{ROOT / 'compose' / 'intercept' / 'python'}:/own"
    assert told["HOME"] == "/h"
