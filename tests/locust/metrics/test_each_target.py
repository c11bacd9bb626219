"""Each of the lab's targets can turn red, and is read as missed in every report and in the exit code.

A run is simulated from its requests on: the recorder, the merge, the verdict and the reports are the real ones.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import defusedxml.ElementTree
import pytest

from configs.targets import load_targets
from metrics.recorder import Endpoint, Recorder
from metrics.report import write_report
from metrics.results import SLACK_S
from metrics.run import Ending, Run
from metrics.targets import ERRORS, INTENDED, LATENCY, PACE, RATE, USERS, Target, Targets
from metrics.verdict import Plan, Verdict

START = 1_700_000_000.0
SAMPLES: list[Endpoint] = [
    ("POST", "/api/auth/login"),
    ("GET", "/api/crm/contacts"),
    ("GET", "/api/crm/contacts/search"),
    ("GET", "/api/calendar/events"),
    ("WS", "/api/ws/notifications [connect]"),
    ("CALL", "first audio"),
    ("CALL", "turn"),
]


@dataclass
class Load:
    """What a simulated run does in each of its seconds."""

    seconds: int = 3
    users: int = 10
    requests: int = 10
    ms: float = 1
    failing: bool = False
    late_s: float = 0
    planned: int = 10


def offender(target: Target, targets: Targets) -> Endpoint:
    """A request of a target's group."""

    def holds(endpoint: Endpoint) -> bool:
        recorder = Recorder(clock=lambda: START)
        recorder.record(*endpoint, 1.0)
        run = Run("r", 7, "", targets, None, START)
        run.report("w", recorder.take(), START)
        return targets.cell_of(target.group, run.merge.endpoints).requests > 0

    return next(sample for sample in SAMPLES if holds(sample))


def red(target: Target) -> Load:
    """A run that misses the target."""
    if target.measure.startswith(INTENDED):
        return Load(late_s=target.limit * 1.01 / 1000)
    if target.kind == LATENCY:
        return Load(ms=target.limit * 1.01)
    if target.kind == ERRORS:
        return Load(failing=True)
    if target.kind == PACE:
        return Load(seconds=target.window_s + 3, users=1, requests=round(target.limit / 60) + 1)
    assert target.kind == USERS, f"say here how {target.kind} is missed"
    return Load(seconds=target.window_s + 3, users=round(target.limit) - 1, planned=round(target.limit))


def green(target: Target) -> Load:
    """A run that meets it."""
    if target.kind == USERS:
        return Load(seconds=target.window_s + 3, users=round(target.limit), planned=round(target.limit))
    return Load(seconds=max(3, target.window_s + 3))


def simulated(load: Load, endpoint: Endpoint, targets: Targets) -> tuple[Run, Verdict]:
    clock = [START]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("run", 7, "http://t", targets, None, START)
    context = {"scenario": "Visitor", "late_s": load.late_s}
    for at in range(load.seconds):
        clock[0] = START + at + 0.5
        for _ in range(load.requests):
            failure = TimeoutError("no answer") if load.failing else None
            recorder.record(*endpoint, load.ms, exception=failure, context=context)
        run.tick(load.users, clock[0])
        clock[0] = START + at + 0.9
        run.report("w", recorder.take(), clock[0])
    plan = Plan(users=[load.planned] * (load.seconds + SLACK_S))
    return run, run.finish(Ending(["Visitor"], {}, False, {}, plan), load.users, START + load.seconds)


def read(directory: Path) -> tuple[dict[str, Any], dict[str, list[str]], str]:
    """What a run's reports say: verdict.json, the children of JUnit's cases, and the summary."""
    suite = defusedxml.ElementTree.fromstring((directory / "junit.xml").read_text())[0]
    cases = {str(case.get("name")): [child.tag for child in case] for case in suite.iter("testcase")}
    return json.loads((directory / "verdict.json").read_text()), cases, (directory / "summary.md").read_text()


LAB = load_targets()
OTHERS = [
    Target("windowed latency", "crm", "p99_ms", 300, window_s=2),
    Target("windowed errors", "all", "error_percent", 5, window_s=2, stop=True),
    Target("maximum", "all", "max_ms", 1000),
    Target("from when it was due", "crm", "intended_p95_ms", 300),
    Target("from when it was due, windowed", "all", "intended_max_ms", 300, window_s=2, stop=True),
    Target("from when it was due on average", "all", "intended_avg_ms", 300),
]


@pytest.mark.parametrize("target", [*LAB.targets, *OTHERS], ids=lambda target: target.name)
def test_each_target_can_be_missed_and_is_read_in_every_report(tmp_path: Path, target: Target) -> None:
    targets = Targets((target,), LAB.groups)
    run, verdict = simulated(red(target), offender(target, targets), targets)
    write_report(tmp_path, run, verdict)
    found, cases, summary = read(tmp_path)
    assert (verdict.exit_code, found["verdict"], found["exit_code"]) == (1, "fail", 1)
    assert [(t["name"], t["status"], t["ok"]) for t in found["targets"]] == [(target.name, "missed", False)]
    (sentence,) = (reason for reason in found["reasons"] if reason.startswith(f"{target.name}: "))
    assert sentence == verdict.results[0].sentence
    assert cases == {"the run is valid": [], target.name: ["failure"]}
    assert summary.startswith("## FAIL: ")
    assert "| missed |" in summary
    assert "missed" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("target", [*LAB.targets, *OTHERS], ids=lambda target: target.name)
def test_each_target_can_be_met(tmp_path: Path, target: Target) -> None:
    targets = Targets((target,), LAB.groups)
    run, verdict = simulated(green(target), offender(target, targets), targets)
    write_report(tmp_path, run, verdict)
    found, cases, _ = read(tmp_path)
    assert [t["status"] for t in found["targets"]] == ["met"]
    assert (verdict.exit_code, found["verdict"], cases[target.name]) == (0, "pass", [])


def test_a_rate_that_is_not_reached_is_missed_too(tmp_path: Path) -> None:
    target = Target("rate", "all", "rate", 30)
    assert target.kind == RATE
    run, verdict = simulated(Load(), SAMPLES[0], Targets((target,)))
    write_report(tmp_path, run, verdict)
    found, cases, _ = read(tmp_path)
    assert found["reasons"] == ["rate: 10 /s, under its limit of 30 /s"]
    assert (verdict.exit_code, cases["rate"]) == (1, ["failure"])


def test_a_window_says_when_it_was(tmp_path: Path) -> None:
    target = Target("slow", "crm", "p99_ms", 300, window_s=2)
    run, verdict = simulated(Load(ms=400), SAMPLES[1], Targets((target,)))
    write_report(tmp_path, run, verdict)
    found, _, _ = read(tmp_path)
    assert found["reasons"] == ["slow: 400 ms for 2 s from second 0 on, over its limit of 300 ms"]
    assert (found["targets"][0]["window_s"], found["targets"][0]["from_s"]) == (2, 0)


def test_a_target_that_is_skipped_says_why_in_every_report_and_alone_makes_no_pass(tmp_path: Path) -> None:
    target = Target("slow", "crm", "p99_ms", 300, window_s=200)
    run, verdict = simulated(Load(), SAMPLES[1], Targets((target,)))
    write_report(tmp_path, run, verdict)
    found, cases, _ = read(tmp_path)
    assert (found["verdict"], cases["slow"]) == ("invalid", ["skipped"])
    assert found["targets"][0]["skipped_because"] == "the run was shorter than 200 s"
    for name in ("junit.xml", "report.html"):
        assert "the run was shorter than 200 s" in (tmp_path / name).read_text()
