"""A run turns reports into points, moments and a verdict, with its own clock."""

import json
from collections.abc import Sequence
from pathlib import Path

from metrics.outbox import LIVE
from metrics.recorder import Recorder
from metrics.report import console_block, write_report
from metrics.run import Ending, Run
from metrics.targets import Target, Targets

START = 1_700_000_000.4
ENDING = Ending(planned=["Reader"], workers_lost={}, cpu_warning=False, task_errors={})

NONE = Targets()


class Writer:
    """Keeps what it is given; `lose` of it turns out at the end to be lost."""

    def __init__(self, lose: int = 0) -> None:
        self.lines: list[str] = []
        self.summaries: list[str] = []
        self.points_written = self.points_lost = self.points_waiting = self.bytes_waiting = 0
        self.delay_s = 0.0
        self.lost_because = ""
        self.lose = lose

    def start(self) -> None:
        pass

    def submit(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        (self.lines if bucket == LIVE else self.summaries).extend(lines)

    def close(self) -> None:
        self.points_lost = self.lose
        self.points_written = len(self.lines) - self.lose


def measured(writer: Writer | None, targets: Targets = NONE) -> Run:
    clock = [START]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("r", 7, "http://t", targets, writer, START)
    for second in range(3):
        clock[0] = START + second
        recorder.record("GET", "/api/crm/contacts", 20.0 + second, context={"scenario": "Reader"})
        clock[0] = START + second + 0.9
        run.report("w", recorder.take(), clock[0])
        run.tick(users=second + 1, now=clock[0])
    return run


def test_a_run_writes_its_seconds_its_users_and_its_events() -> None:
    writer = Writer()
    verdict = measured(writer).finish(ENDING, 0, START + 3)
    kinds = [line.split(",")[2].split(" ")[0] for line in writer.lines if line.startswith("events,")]
    assert kinds == ["kind=start", "kind=stop", "kind=verdict"]
    seconds = {line.rpartition(" ")[2] for line in writer.lines if line.startswith("requests,")}
    assert len(seconds) == 4
    assert any(line.startswith("users,run_id=r users=3i,workers=1i") for line in writer.lines)
    assert (verdict.verdict, verdict.generator.points_written) == ("pass", len(writer.lines))


def test_what_had_no_answer_yet_is_said_and_is_no_request(tmp_path: Path) -> None:
    run = measured(None)
    for waited_s in (0.2, 1.4, 0.7):
        recorder = Recorder()
        recorder.record_unanswered(waited_s)
        run.report(f"w{waited_s}", recorder.take(), START + 3)
    verdict = run.finish(ENDING, 0, START + 3)
    assert (verdict.verdict, run.merge.overall.requests, run.merge.overall.failures) == ("pass", 3, 0)
    write_report(tmp_path, run, verdict)
    facts = json.loads((tmp_path / "verdict.json").read_text())
    assert facts["generator"]["unanswered"] == 3
    assert facts["generator"]["longest_unanswered_s"] == 1.4
    assert "3 had no answer yet when their users' time was up, after 1.4 s at most" in console_block(verdict, tmp_path)
    assert "3 more had no answer yet when their users' time was up." in (tmp_path / "summary.md").read_text()
    assert "3 more had no answer yet" in (tmp_path / "report.html").read_text()


def test_points_that_turn_out_to_be_lost_at_the_very_end_make_the_run_invalid() -> None:
    verdict = measured(Writer(lose=2)).finish(ENDING, 0, START + 3)
    assert verdict.verdict == "invalid"
    assert verdict.reasons == ["points lost: 2 of the run's points are not in InfluxDB"]


def test_a_run_without_influxdb_has_a_verdict_and_moments_all_the_same() -> None:
    run = measured(None, Targets((Target("slow", "crm", "max_ms", 21),)))
    verdict = run.finish(ENDING, 0, START + 3)
    assert verdict.verdict == "fail"
    moments = [(moment.second, moment.requests, moment.users) for moment in run.moments.listed()]
    assert moments == [(0, 1, 0), (1, 1, 1), (2, 1, 2), (3, 0, 0)]
    assert run.most_users == 3


def test_a_turn_without_the_agents_part_is_the_targets_own() -> None:
    own = Target("own part of a turn", "telephony", "own_turn_avg_ms", 100)
    clock = [START]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("r", 1, "http://t", Targets((own,)), None, START)
    run.saw_agent(50, 700.0)
    for ms in (800, 1000):
        recorder.record("CALL", "turn", ms, context={"scenario": "Reader"})
    clock[0] += 1
    run.report("w", recorder.take(), clock[0])
    run.saw_agent(52, (50 * 700 + 2 * 750) / 52)
    verdict = run.finish(ENDING, 1, clock[0])
    (result,) = verdict.results
    assert result.value is not None
    assert round(result.value) == 150
    assert (result.ok, verdict.verdict) == (False, "fail")


def test_a_reset_counts_from_then_on_and_is_said(tmp_path: Path) -> None:
    writer, clock = Writer(), [START]
    rate = Target("rate", "all", "rate", 4)
    pace = Target("pace", "all", "requests_per_user_minute", 60)
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("r", 7, "http://t", Targets((rate, pace)), writer, START)
    for second in range(4):
        if second == 2:
            run.reset(START + 2)
        for _ in range(4):
            clock[0] = START + second
            recorder.record("GET", "/api/crm/contacts", 20.0, context={"scenario": "Reader"})
        run.report("w", recorder.take(), START + second + 0.9)
        run.tick(users=4, now=START + second + 0.9)
    verdict = run.finish(ENDING, 4, START + 4)
    assert [round(result.value or 0) for result in verdict.results] == [4, 40]
    kinds = [line.split(",")[2].split(" ")[0] for line in writer.lines if line.startswith("events,")]
    assert kinds == ["kind=start", "kind=reset", "kind=stop", "kind=verdict"]
    (summary,) = [line for line in writer.summaries if line.startswith("run_summary")]
    assert "count=8i" in summary
    assert "rps=4.0" in summary
    write_report(tmp_path, run, verdict)
    assert "the statistics were begun anew in second 2" in (tmp_path / "report.html").read_text()
    assert "The statistics were begun anew in second 2" in (tmp_path / "summary.md").read_text()
