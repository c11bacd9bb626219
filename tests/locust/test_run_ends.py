"""What must not pass: a target that falls silent near a run's end, and a run that did not go to its end."""

import os
import signal
from pathlib import Path

from tests.support.suite_lab import Suite, ended, listener, running_lab

GONE_AFTERWARDS = """
import os, signal
from locust import events
from scenarios.crm_load_test import CrmUser

conductor_cleans = events.lab_measurement.before_verdict

def kill_first():
    os.kill(int(os.environ["BACKEND"]), signal.SIGKILL)
    conductor_cleans()

events.lab_measurement.before_verdict = kill_first
"""

BRIEFLY_CLEANED = """
from functools import partial
from scenarios.crm_load_test import CrmUser
import utils.account_desk

utils.account_desk.Cleanup = partial(utils.account_desk.Cleanup, limit_s=6.0)  # and not for half a minute
"""


def test_a_target_that_hangs_near_the_end_fails_the_run(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        locustfile = tmp_path / "briefly_cleaned.py"
        locustfile.write_text(BRIEFLY_CLEANED)
        suite = Suite(
            lab.environment(LAB_RUN_ID="hanging", SIMULATE_EXTERNAL_SERVICES="false"),
            *("--headless", "--only-summary", "--users", "4", "--spawn-rate", "4", "--run-time", "5s"),
            *("--stop-timeout", "3"),
            locustfile=str(locustfile),
        )
        pid = listener(lab.backend).pid
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
        assert any(reason.startswith("the target stopped answering: http://") for reason in verdict["reasons"])


def test_a_target_that_is_gone_when_the_clean_up_begins_makes_the_run_invalid(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        witness = tmp_path / "witness.py"
        witness.write_text(GONE_AFTERWARDS)
        suite = Suite(
            lab.environment(
                LAB_RUN_ID="gone", SIMULATE_EXTERNAL_SERVICES="false", BACKEND=str(listener(lab.backend).pid)
            ),
            *("--headless", "--only-summary", "--users", "2", "--spawn-rate", "2", "--run-time", "4s"),
            locustfile=str(witness),
        )
        with ended(suite):
            assert suite.finish() == 2, suite.output
        (reason,) = lab.verdict("gone")["reasons"]
        assert reason.startswith(f"the target stopped answering: http://{lab.backend} does not answer")


def test_a_profile_that_a_signal_cuts_short_is_invalid(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        suite = Suite(
            lab.environment(LAB_RUN_ID="short", SIMULATE_EXTERNAL_SERVICES="false", LAB_PROFILE="smoke"),
            *("--headless", "--only-summary"),
            locustfile="scenarios/crm_load_test.py",
        )
        with ended(suite):
            suite.read_until("All users spawned")
            suite.interrupt()
            assert suite.finish() == 2, suite.output
        verdict = lab.verdict("short")
        assert verdict["interrupted"] is True
        assert verdict["planned_s"] > 0
        assert any(reason.startswith("interrupted after ") for reason in verdict["reasons"])
        assert lab.cleanup("short")["mark"] == "short"
