"""What fails in the lab itself while a run goes on makes the run invalid by its name, and stops nothing else."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from metrics.faults import Faults
from tests.locust.metrics.test_locust_runs import HEADLESS
from tests.support.locust_process import Locust, running
from tests.support.ports import free_port

NAMES = {
    "metrics.attendance:Attendance.look": "watching the workers",
    "metrics.attendance:Attendance.wait_for_last_reports": "waiting for the workers' last reports",
    "metrics.run:Run.broken": "watching the targets that stop a run",
    "metrics.run:Run.tick": "the live metrics",
    "metrics.display:Lines.show": "showing the run",
    "metrics.sources.processes:ProcessesSource.look": "looking around the run (ProcessesSource)",
    "metrics.writer:Writer._deliver_next": "delivering points",
}
"""What is broken, and the name under which the verdict has it."""


def test_every_part_of_the_master_that_fails_is_named_and_the_others_go_on(tmp_path: Path, target: str) -> None:
    broken = {place: name for place, name in NAMES.items() if "tick" not in place}
    arguments = ["--host", target, *HEADLESS, "-u", "4", "-t", "6s", "Reader"]
    nobody = f"http://127.0.0.1:{free_port()}"
    run = Locust(tmp_path, *arguments, TEST_INFLUX=nobody, TEST_BREAKS=",".join(broken), TEST_PROGRESS="lines")
    with running(run):
        assert run.finish() == 2, run.output
    verdict = run.verdict()
    assert sorted(verdict["reasons"]) == sorted(
        f"the lab failed: {name}: RuntimeError('broken by the test'); the log has its traceback"
        for name in broken.values()
    )
    assert verdict["generator"]["faults"] == [
        reason.removeprefix("the lab failed: ").removesuffix("; the log has its traceback")
        for reason in verdict["reasons"]
    ]
    assert verdict["totals"]["requests"] == len(run.samples()) > 0
    for name in broken.values():
        assert run.output.count(f"{name} failed, which makes the run invalid") == 1


def test_a_run_that_cannot_be_judged_says_why_in_all_its_reports(tmp_path: Path, target: str) -> None:
    run = Locust(
        tmp_path, "--host", target, *HEADLESS, "-u", "4", "-t", "2s", "Reader", TEST_BREAKS="metrics.run:Run.tick"
    )
    with running(run):
        assert run.finish() == 2, run.output
    verdict = json.loads((run.results / "latest" / "verdict.json").read_text())
    assert verdict["verdict"] == "invalid"
    reasons = [
        f"the lab failed: {name}: RuntimeError('broken by the test'); the log has its traceback"
        for name in ("the live metrics", "judging the run")
    ]
    assert verdict["reasons"] == reasons
    for report in ("report.html", "summary.md", "junit.xml"):
        assert "judging the run" in (run.results / "latest" / report).read_text()


def test_a_fault_is_kept_as_it_was_first_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    for number in range(3):
        with faults.named("the ticker"):
            raise ValueError(f"{number}\nlines")
    assert faults.sentences == ["the ticker: ValueError('0\\nlines')"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "Traceback" in caplog.text
    faults.clear()
    assert faults.sentences == []
