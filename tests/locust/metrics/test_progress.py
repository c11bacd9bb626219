"""A run as it goes on: in one line, and as a table on a terminal that breaks nothing that is written there."""

import contextlib
import logging
import os
import pty
import re
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from metrics.display import pause
from metrics.live_table import LiveTable
from metrics.progress import line, snapshot_of
from metrics.recorder import Recorder
from metrics.run import Run
from metrics.targets import Target, Targets
from metrics.verdict import Plan
from tests.support.locust_process import Locust, running

START = 1_700_000_000.0
TARGETS = Targets(
    (
        Target("errors", "all", "error_percent", 5),
        Target("users", "all", "users", 50),
        Target("quick", "crm", "avg_ms", 1000),
        Target("calendar", "calendar", "avg_ms", 800),
    )
)


@pytest.fixture
def run() -> Run:
    """Three seconds of a run in which every tenth request fails."""
    clock = [START]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    made = Run("run-1", 7, "http://t", TARGETS, None, START)
    for second in range(3):
        clock[0] = START + second
        for number in range(10):
            recorder.record("GET", "/api/crm/contacts", 20.0, exception=None if number else TimeoutError("x"))
        clock[0] = START + second + 0.9
        made.report("w", recorder.take(), clock[0])
        made.tick(4, clock[0])
    return made


def test_a_line_says_where_the_run_is_and_how_it_fares(run: Run) -> None:
    results = run.results_so_far(Plan(users=[50] * 60))
    assert line(snapshot_of(run, 4, 120, START + 65, results)) == (
        "1:05 of 2:00, 4 users: 10 requests a second, 30 so far, 3 failed (10 %), p50 20 ms, p95 20 ms; "
        "1 of 3 targets missed so far: errors"
    )


def test_what_is_yet_to_be_reached_is_not_missed(run: Run) -> None:
    results = run.results_so_far(Plan(users=[50] * 60))
    assert [result.target.name for result in results if result.ok is False] == ["errors", "users"]
    assert [result.target.name for result in snapshot_of(run, 4, None, START, results).missed] == ["errors"]


def test_a_run_that_has_made_no_request_can_be_shown() -> None:
    empty = Run("run-1", 7, "http://t", TARGETS, None, START)
    shown = line(snapshot_of(empty, 0, None, START, empty.results_so_far(Plan())))
    assert shown.startswith("0:00, 0 users: 0 requests a second, 0 so far, 0 failed (0 %), p50 – ms")
    assert shown.endswith("no target can be judged yet")


@pytest.mark.parametrize(
    ("elapsed", "every", "wait"), [(0, 5, 5.5), (0.5, 5, 5), (5.5, 5, 5), (7, 5, 3.5), (0.6, 1, 0.9)]
)
def test_pictures_follow_whole_seconds(elapsed: float, every: float, wait: float) -> None:
    assert pause(elapsed, every) == pytest.approx(wait)


@pytest.fixture
def terminal() -> Iterator[tuple[int, TextIO]]:
    """A terminal to write to, and the end from which it is read."""
    reading, writing = pty.openpty()
    os.set_blocking(reading, False)
    with os.fdopen(writing, "w") as stream:
        yield reading, stream
    os.close(reading)


def written(reading: int) -> str:
    """All that has been written to the terminal since it was last read."""
    parts = []
    with contextlib.suppress(BlockingIOError):
        while True:
            parts.append(os.read(reading, 65536))
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_what_is_logged_goes_above_the_table_as_it_is(
    run: Run, terminal: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, stream = terminal
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("tests.progress")
    monkeypatch.setattr(logger, "handlers", [handler])
    table = LiveTable(stream)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        table.show(snapshot_of(run, 4, 120, START + 65, run.results_so_far(Plan())))
        assert "run run-1" in written(reading)
        long = "[bold]a long line of a log[/bold] :warning: " * 10
        logger.warning(long)
        sys.stdout.write(f"{long}\n")
        found = written(reading)
        assert found.count(f"{long}\n") == 2
        assert found.count("targets missed so far: errors") == 2, "and the table is below them again"
        table.close()
        assert (sys.stdout, sys.stderr, handler.stream) == (stream, stream, stream)
        written(reading)
        sys.stdout.write("after\n")
        stream.flush()
        assert written(reading) == "after\n"


def test_a_terminal_that_was_stopped_does_not_stop_the_run(run: Run, terminal: tuple[int, TextIO]) -> None:
    _, stream = terminal
    os.set_blocking(stream.fileno(), False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(stream.fileno(), b"x" * 1024)
    os.set_blocking(stream.fileno(), True)  # a write would now wait for ever
    table = LiveTable(stream)
    table.show(snapshot_of(run, 4, 120, START, run.results_so_far(Plan())))
    table.close()


def test_a_run_in_a_pipe_logs_lines_and_one_can_have_none(
    tmp_path_factory: pytest.TempPathFactory, target: str
) -> None:
    arguments = ["--host", target, "--headless", "-r", "50", "-u", "2", "-t", "7s", "Reader"]
    runs = [Locust(tmp_path_factory.mktemp(mode), *arguments, TEST_PROGRESS=mode) for mode in ("auto", "off", "table")]
    with running(*runs):
        assert [run.finish() for run in runs] == [0, 0, 0], [run.output for run in runs]
    lines = [re.findall(r"INFO/metrics.display: 0:0\d of 0:07, 2 users: \d+ requests a second", r.output) for r in runs]
    assert [len(found) for found in lines] == [1, 0, 0]
    assert ["p95 now" in run.output for run in runs] == [False, False, True]
    assert all(run.output.count("pass: test\n") == 1 for run in runs)
