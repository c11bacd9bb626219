"""The backend or the Twilio double is restarted in a run, or stutters, or the disk is full: a run is rightly judged."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.doubles import ROOT
from tests.support.suite_lab import Lab, Suite, ended, listener, running_lab

RUN_S = 15
RUN = ("--headless", "--only-summary", "--users", "6", "--spawn-rate", "6", "--stop-timeout", "5")
ENDS_WITHIN_S = RUN_S + 45
STUTTER_S = 0.12
NO_REPORT = """
import errno
from metrics import master_role
from scenarios.crm_load_test import CrmUser

def refuse(*_arguments):
    raise OSError(errno.ENOSPC, "No space left on device")

master_role.write_report = refuse
"""
FULL_DISK = """
import errno, os
from metrics import outbox
from scenarios.crm_load_test import CrmUser

class FullDisk:
    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, *arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

outbox.os = FullDisk()
"""


@contextmanager
def restarted(module: str, address: str) -> Iterator[None]:
    """Kill the double at an address, and start one there that knows nothing of what was before."""
    gone = listener(address)
    environment = gone.environ()
    gone.kill()
    command = [sys.executable, "-m", f"mock_services.{module}", "--port", address.rpartition(":")[2]]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert "ready" in process.stdout.readline()
            yield
        finally:
            process.terminate()


def test_a_run_whose_target_is_restarted_fails_and_ends(tmp_path: Path) -> None:
    """The reference backend has forgotten its accounts: what users ask of it is refused until the run's end."""
    with running_lab(tmp_path) as lab:
        suite = Suite(
            lab.environment(LAB_RUN_ID="restarted"), *RUN, "--run-time", f"{RUN_S}s", locustfile="main_load_test.py"
        )
        with ended(suite):
            suite.read_until("All users spawned")
            began = time.monotonic()
            with restarted("backend", lab.backend):
                assert suite.finish(ENDS_WITHIN_S) == 1, suite.output
            assert time.monotonic() - began < ENDS_WITHIN_S
        verdict = lab.verdict("restarted")
        assert verdict["verdict"] == "fail"
        assert any(reason.startswith("error rate") for reason in verdict["reasons"]), verdict["reasons"]
        assert verdict["duration_s"] >= RUN_S - 1


def test_a_run_whose_twilio_double_is_restarted_does_not_pass_and_ends(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        suite = Suite(
            lab.environment(LAB_RUN_ID="restarted"),
            *(*RUN, "--run-time", f"{RUN_S}s"),
            locustfile="scenarios/telephony_load_test.py",
        )
        with ended(suite):
            suite.read_until("All users spawned")
            with restarted("twilio", lab.twilio):
                assert suite.finish(ENDS_WITHIN_S) in {1, 2}, suite.output
        verdict = lab.verdict("restarted")
        assert verdict["verdict"] in {"fail", "invalid"}
        assert verdict["duration_s"] >= RUN_S - 1


@contextmanager
def stuttering(address: str) -> Iterator[None]:
    """Stop the double at an address for every other 120 ms."""
    process, over = listener(address), threading.Event()

    def stop_and_go() -> None:
        while not over.wait(STUTTER_S):
            process.suspend()
            over.wait(STUTTER_S)
            process.resume()

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_run_whose_twilio_double_stutters_is_invalid_and_does_not_blame_the_target(tmp_path: Path) -> None:
    """Turns take longer by what the double stood still; the target could do nothing about it."""
    targets = tmp_path / "targets.toml"
    targets.write_text('[[target]]\nname = "turns"\ngroup = "telephony"\nmeasure = "p95_ms"\nlimit = 1\n')
    with running_lab(tmp_path) as lab:
        suite = Suite(
            lab.environment(LAB_RUN_ID="stutter", LAB_TARGETS_FILE=str(targets)),
            *(*RUN, "--run-time", f"{RUN_S}s"),
            locustfile="scenarios/telephony_load_test.py",
        )
        with ended(suite):
            suite.read_until("All users spawned")
            with stuttering(lab.twilio):
                assert suite.finish(ENDS_WITHIN_S) == 2, suite.output
        verdict = lab.verdict("stutter")
    assert (verdict["verdict"], verdict["targets"][0]["ok"]) == ("invalid", False)
    reasons = " | ".join(verdict["invalid"])
    assert "stub held up: twilio ran late for " in reasons, verdict["invalid"]
    assert "stub held up: the Twilio double was too late for " in reasons, verdict["invalid"]


def invalid_run(lab: Lab, directory: Path, run_id: str, locustfile: str) -> Suite:
    """A short run of this locustfile, without calls, that has ended as invalid."""
    file = directory / f"{run_id}.py"
    file.write_text(locustfile)
    environment = lab.environment(LAB_RUN_ID=run_id, SIMULATE_EXTERNAL_SERVICES="false")
    suite = Suite(environment, *RUN, "--run-time", "4s", locustfile=str(file))
    with ended(suite):
        assert suite.finish(ENDS_WITHIN_S) == 2, suite.output
    return suite


def test_a_run_whose_outbox_finds_the_disk_full_is_invalid_and_says_why(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        suite = invalid_run(lab, tmp_path, "full", FULL_DISK)
        assert "outbox cannot be written: No space left on device; points wait in memory." in suite.output
        assert "Traceback" not in suite.output
        verdict = lab.verdict("full")
        (reason,) = verdict["reasons"]
        assert reason.startswith("points lost: ")
        assert "the disk took nothing" in reason
        assert verdict["totals"]["failures"] == 0
        assert (lab.results / "full" / "report.html").stat().st_size > 0


def test_a_run_whose_report_finds_the_disk_full_says_its_verdict_all_the_same(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        suite = invalid_run(lab, tmp_path, "unreported", NO_REPORT)
        directory = lab.results / "unreported"
    assert "\ninvalid: unreported\n" in suite.output
    assert f"the run's report cannot be written to {directory}: No space left on device; make room" in suite.output
    assert "Traceback" not in suite.output
