"""Each reason of invalidity makes a run invalid, and is read in every report and in the exit code.

A run is simulated from what its workers report on: the merge, the verdict and the reports are the real ones.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import defusedxml.ElementTree
import pytest

from metrics.histogram import Histogram
from metrics.outbox import LIVE
from metrics.recorder import Recorder
from metrics.report import write_report
from metrics.run import Ending, Run
from metrics.sources.double_process import Bore
from metrics.targets import Target, Targets
from metrics.verdict import Plan

START = 1_700_000_000.0
TARGETS = Targets((Target("idle", "generator", "cpu_percent", 60),))
NONE = Targets()


class Losing:
    """A writer that turns out to have lost two points."""

    points_written = points_waiting = bytes_waiting = 0
    delay_s = 0.0
    points_lost = 2
    lost_because = "the disk is full"

    def start(self) -> None:
        """Nothing to begin."""

    def submit(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        """Take them."""

    def close(self) -> None:
        """Nothing to end."""


@dataclass
class Case:
    """What is wrong with a run, and what its reports say of that."""

    says: str
    cpu_percent: float = 20
    held_up: float = 3
    seconds: int = 4
    throttled: float = 0
    dropped: int = 0
    requests: int = 10
    names: int = 1
    scenarios: int = 1
    planned: list[str] = field(default_factory=lambda: ["Visitor"])
    lost: dict[str, str] = field(default_factory=dict)
    cpu_warning: bool = False
    task_errors: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    writer: Losing | None = None
    targets: Targets = NONE
    before_end: Callable[[Run], None] = lambda run: None


def double_is_busy(run: Run) -> None:
    for _ in range(10):
        run.saw_double("vendors", Bore(1, cpu=99.0, held_up=80, throttled=0))
        run.saw_double("twilio", Bore(1, cpu=30.0, held_up=5, throttled=50))


def double_is_held_up(run: Run) -> None:
    for _ in range(10):
        run.saw_double("twilio", Bore(1, cpu=3.0, held_up=40, throttled=0))


def double_is_throttled(run: Run) -> None:
    for _ in range(10):
        run.saw_double("twilio", Bore(1, cpu=50.0, held_up=40, throttled=90))


def frames_are_skipped(run: Run) -> None:
    run.saw_frames(1000, 21)


def double_is_lost(run: Run) -> None:
    run.lost_double("vendors", int(START) + 2)


CASES = {
    "generator saturated": Case("generator saturated: worker 1 used 97 % of a core", cpu_percent=97),
    "Locust's own warning": Case("generator saturated: Locust saw a process above 90 %", cpu_warning=True),
    "a target of the generator's": Case("idle: 70 %, over its limit of 60 %", cpu_percent=70, targets=TARGETS),
    "stub saturated": Case("stub saturated: vendors used 99 % of a core", before_end=double_is_busy),
    "generator held up": Case(
        "generator held up: worker 1 ran late for 40 % of the time .*, over 25 %; give it a processor",
        held_up=40,
        seconds=10,
    ),
    "generator throttled": Case(
        "generator held up: worker 1 .* its container's CPU limit stopped it in 60 % of the periods; raise that limit",
        held_up=40,
        throttled=60,
        seconds=10,
    ),
    "stub held up": Case(
        "stub held up: twilio ran late for 40 % of the time in its worst ten seconds", before_end=double_is_held_up
    ),
    "stub throttled": Case(
        "stub held up: twilio .* CPU limit stopped it in 90 % of the periods; .*raise that limit",
        before_end=double_is_throttled,
    ),
    "frames skipped": Case(
        "stub held up: the Twilio double was too late for 21 of 1,000 frames of audio .2.1 %., over 2 %",
        before_end=frames_are_skipped,
    ),
    "double lost": Case("double lost: vendors no longer answered in second 2 of the run", before_end=double_is_lost),
    "schedule missed": Case("schedule missed: nobody was free for 4 of 40 planned starts", dropped=1),
    "worker lost": Case("worker lost: worker 1 was gone before the run ended", lost={"w": ""}),
    "scenario without a task": Case("scenario Caller ran no task", planned=["Caller", "Visitor"]),
    "too many names": Case("too many names: 8 requests came under names after the 500th", requests=502, names=502),
    "too many scenarios": Case("too many scenarios: 8 requests came from .* the 100th", requests=102, scenarios=102),
    "points lost": Case("points lost: 2 of the run's points .*: the disk is full", writer=Losing()),
    "no target judged": Case(
        "no target was judged: each was skipped, such as slow turn: no request of its group was made",
        targets=Targets(
            (Target("slow turn", "telephony", "avg_ms", 5), Target("long", "all", "max_ms", 5, window_s=60))
        ),
    ),
    "no request": Case(
        "no request was made", requests=0, planned=[], targets=Targets((Target("slow", "all", "avg_ms", 5),))
    ),
    "tasks raised": Case(r"tasks raised 3 exceptions .* KeyError\('id'\)", task_errors={"KeyError('id')": 3}),
    "the lab failed": Case("the lab failed: the live metrics: KeyError", faults=["the live metrics: KeyError('x')"]),
    "interrupted": Case("interrupted after 2 of 60 s", plan=Plan(planned_s=60, interrupted_after_s=2)),
    "target silent at the end": Case("the target stopped answering: no answer", plan=Plan(unclean="no answer")),
}


def simulated(case: Case) -> Run:
    clock, used = [START], [0.0]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: used[0])
    run = Run("run", 7, "http://t", case.targets, case.writer, START)
    for second in range(case.seconds):
        clock[0] = START + second + 0.2
        for number in range(case.requests):
            name, scenario = f"/api/crm/{number % case.names}", number % case.scenarios
            recorder.record("GET", name, 20.0, context={"scenario": f"Visitor{scenario or ''}"})
            if case.dropped:
                recorder.record_start(dropped=number < case.dropped)
        clock[0], used[0] = START + second + 1, used[0] + case.cpu_percent / 100
        process = {"figures": {}, "lag": Histogram().encode(), "held_up": case.held_up, "throttled": case.throttled}
        run.report("w", recorder.take() | {"process": process}, clock[0])
        run.tick(4, clock[0])
    case.before_end(run)
    return run


@pytest.mark.parametrize("name", CASES)
def test_each_reason_is_read_in_every_report_and_in_the_exit_code(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    run = simulated(case)
    ending = Ending(case.planned, case.lost, case.cpu_warning, case.task_errors, case.plan, lambda: case.faults)
    verdict = run.finish(ending, 4, START + 4)
    write_report(tmp_path, run, verdict)
    found = json.loads((tmp_path / "verdict.json").read_text())
    assert (verdict.exit_code, found["exit_code"], found["verdict"]) == (2, 2, "invalid")
    (reason,) = found["reasons"]
    assert re.search(case.says, reason)
    assert found["invalid"] == [reason]
    suite = defusedxml.ElementTree.fromstring((tmp_path / "junit.xml").read_text())[0]
    validity = next(each for each in suite.iter("testcase") if each.get("name") == "the run is valid")
    assert [(child.tag, child.text) for child in validity] == [("error", reason)]
    assert (tmp_path / "summary.md").read_text().startswith("## INVALID: ")
    assert '<section class="verdict invalid">' in (tmp_path / "report.html").read_text()


def test_a_run_of_which_nothing_is_wrong_passes() -> None:
    assert simulated(Case("")).finish(Ending(["Visitor"], {}, False, {}), 4, START + 4).verdict == "pass"
