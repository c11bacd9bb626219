"""What must not pass: a target that falls silent near a run's end, and a run that did not go to its end."""

import os
import signal
from pathlib import Path

import psutil

from tests.support.suite_lab import Lab, Suite, ended, running_lab


def backend_pid(lab: Lab) -> int:
    """The process that listens on the backend's port."""
    port = int(lab.backend.rpartition(":")[2])
    for child in psutil.Process().children(recursive=True):
        if any(found.laddr.port == port for found in child.net_connections() if found.status == psutil.CONN_LISTEN):
            return child.pid
    raise AssertionError(f"nothing listens on {port}")


def test_a_target_that_hangs_near_the_end_fails_the_run(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        suite = Suite(
            lab.environment(LAB_RUN_ID="hanging", SIMULATE_EXTERNAL_SERVICES="false"),
            *("--headless", "--only-summary", "--users", "4", "--spawn-rate", "4", "--run-time", "5s"),
            *("--stop-timeout", "3"),
            locustfile="scenarios/crm_load_test.py",
        )
        pid = backend_pid(lab)
        with ended(suite):
            suite.read_until("All users spawned")
            os.kill(pid, signal.SIGSTOP)
            try:
                assert suite.finish(120) == 1, suite.output
            finally:
                os.kill(pid, signal.SIGCONT)
        verdict = lab.verdict("hanging")
        assert verdict["verdict"] == "fail"
        assert verdict["totals"]["outcomes"]["timeout"] >= 2
        assert any("timeout" in reason for reason in verdict["reasons"])
