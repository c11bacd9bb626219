"""Points are delivered in order, wait while InfluxDB or the disk takes nothing, and are counted when they are lost."""

# mypy: allow-untyped-calls

import errno
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import gevent
import gevent.event
import pytest
from influxdb_client.rest import ApiException

from metrics import writer as writer_module
from metrics.faults import Faults
from metrics.outbox import LIVE, RUNS, Batch, Outbox
from metrics.writer import Writer


class Database:
    """What a writer writes to: answers each write with the next of `answers`, then takes everything."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.lines: list[str] = []
        self.buckets: list[str] = []
        self.closed = False

    def write(self, bucket: str, lines: str) -> None:
        if self.answers and (error := self.answers.pop(0)) is not None:
            raise error
        self.buckets.append(bucket)
        self.lines += lines.split("\n")

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PAUSE_S", 0.01)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def left_in(outbox: Outbox) -> int:
    """How many points whoever opens it next finds."""
    again = Outbox(outbox.directory)
    again.close()
    return again.waiting


def points(*names: str) -> list[str]:
    return [f"m,name={name} v=1i 1" for name in names]


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.001)


def figures(writer: Writer) -> tuple[int, int, int]:
    return writer.points_written, writer.points_waiting, writer.points_lost


def test_points_are_written_in_order_and_counted(outbox: Outbox) -> None:
    database = Database()
    writer = Writer(outbox, database)
    for batch in (points("a", "b"), points("c"), []):
        writer.submit(batch)
    writer.submit(points("d"), RUNS)
    writer.close()
    assert database.lines == points("a", "b", "c", "d")
    assert database.buckets[-1] == RUNS
    assert figures(writer) == (4, 0, 0)
    assert database.closed
    assert not outbox.directory.exists()


def test_the_greenlets_deliver_while_the_run_goes_on(outbox: Outbox) -> None:
    database = Database(ConnectionRefusedError())
    writer = Writer(outbox, database)
    writer.start()
    writer.submit(points("a"))
    writer.submit(points("b"))
    until(lambda: writer.points_written == 2)
    writer.close()
    assert database.lines == points("a", "b")


def test_without_an_influxdb_points_wait_on_the_disk(outbox: Outbox) -> None:
    writer = Writer(outbox, None)
    writer.start()
    writer.submit(points("a", "b"))
    writer.close()
    assert figures(writer) == (0, 2, 0)
    assert left_in(outbox) == 2


def test_points_wait_while_influxdb_is_away_and_follow_in_order(outbox: Outbox) -> None:
    database = Database(*[ConnectionRefusedError()] * 20)
    writer = Writer(outbox, database)
    writer.start()
    writer.submit(points("a"))
    until(lambda: len(database.answers) < 10)
    writer.submit(points("b"))
    until(lambda: writer.points_written == 2)
    writer.close()
    assert database.lines == points("a", "b")
    assert figures(writer) == (2, 0, 0)


def test_what_is_not_delivered_when_the_run_ends_waits_for_a_replay(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(outbox, Database(*[ConnectionRefusedError()] * 1000), "http://there")
    writer.start()
    writer.submit(points("a", "b"))
    writer.close(timeout=0.5)
    assert figures(writer) == (0, 2, 0)
    assert f"2 points wait in {outbox.directory}: scripts/replay brings them to http://there." in caplog.text
    assert left_in(outbox) == 2


def test_an_influxdb_that_never_answers_holds_the_end_up_only_so_long(outbox: Outbox) -> None:
    class Silent(Database):
        def write(self, bucket: str, lines: str) -> None:
            gevent.event.Event().wait()

    writer = Writer(outbox, Silent())
    writer.start()
    writer.submit(points("a"))
    before = time.monotonic()
    writer.close(timeout=0.2)
    assert time.monotonic() - before < 5
    assert figures(writer) == (0, 1, 0)


def test_refused_points_are_lost_and_named_and_the_rest_goes_on(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(ApiException(status=400, reason="no"))
    writer = Writer(outbox, database, "http://there")
    writer.submit(points("a"))
    writer._store()
    writer._deliver_next()
    writer.submit(points("b"))
    writer.close()
    assert database.lines == points("b")
    assert figures(writer) == (1, 0, 1)
    assert "400" in writer.lost_because
    assert points("a")[0] in caplog.text


class FullDisk(Outbox):
    """An outbox whose disk is full while `full` says so."""

    full = True

    def append(self, bucket: str, lines: Sequence[str]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(bucket, lines)


def test_on_a_full_disk_points_go_to_influxdb_from_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database()
    writer = Writer(FullDisk(tmp_path / "outbox"), database)
    writer.start()
    writer.submit(points("a"))
    writer.submit(points("b"))
    until(lambda: writer.points_written == 2)
    writer.close()
    assert database.lines == points("a", "b")
    assert figures(writer) == (2, 0, 0)
    assert caplog.text.count("No space left on device; points wait in memory") == 1


def test_with_a_full_disk_and_no_influxdb_points_wait_in_memory_until_there_is_room(tmp_path: Path) -> None:
    outbox = FullDisk(tmp_path / "outbox")
    writer = Writer(outbox, None)
    writer.start()
    writer.submit(points("a"))
    writer.submit(points("b"))
    until(lambda: writer._disk_full)
    outbox.full = False
    until(lambda: outbox.waiting == 2)
    writer.close()
    assert figures(writer) == (0, 2, 0)


def test_what_found_no_room_anywhere_is_lost_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MEMORY_POINTS", 3)
    writer = Writer(FullDisk(tmp_path / "outbox"), None)
    for batch in (points("a", "b"), points("c", "d"), points("e")):
        writer.submit(batch)
    assert figures(writer) == (0, 3, 2)
    assert "3 points waited in memory" in writer.lost_because
    writer.close()
    assert figures(writer) == (0, 0, 5)


class BadDisk(Outbox):
    """An outbox whose disk gives nothing while there is an error."""

    error: Exception | None = OSError(errno.EIO, "Input/output error")

    def next(self) -> Batch | None:
        if self.error is not None:
            raise self.error
        return super().next()


def test_a_disk_that_gives_nothing_for_a_while_is_said_once_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database, outbox = Database(), BadDisk(tmp_path / "outbox")
    writer = Writer(outbox, database)
    writer.start()
    writer.submit(points("a"))
    until(lambda: writer._unreadable)
    writer.submit(points("b"))
    until(lambda: outbox.waiting == 2)
    outbox.error = None
    until(lambda: writer.points_written == 2)
    writer.close()
    assert database.lines == points("a", "b")
    assert caplog.text.count("cannot be read: Input/output error; its points wait") == 1
    assert caplog.text.count("can be read again") == 1


def test_a_disk_that_gives_nothing_any_more_leaves_the_points_there(tmp_path: Path) -> None:
    outbox = BadDisk(tmp_path / "outbox")
    writer = Writer(outbox, Database())
    writer.start()
    writer.submit(points("a"))
    writer.close(timeout=0.1)
    assert figures(writer) == (0, 1, 0)
    assert left_in(outbox) == 1


def test_a_segment_that_is_gone_is_lost_by_its_name_while_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(tmp_path / "outbox", segment_bytes=1)
    database = Database(*[ConnectionRefusedError()] * 20)
    writer = Writer(outbox, database)
    writer.start()
    writer.submit(points("a"))
    writer.submit(points("b"))
    until(lambda: outbox.waiting == 2)
    (outbox.directory / "000001.live.gz").unlink()
    until(lambda: writer.points_written == 1)
    writer.submit(points("c"))
    until(lambda: writer.points_written == 2)
    writer.close()
    assert database.lines == points("b", "c")
    assert figures(writer) == (2, 0, 1)
    assert writer.lost_because == "000001.live.gz was deleted"
    assert "1 point in" in caplog.text


def test_what_nobody_thought_of_is_a_fault_with_a_name_and_the_rest_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults, outbox, database = Faults(), BadDisk(tmp_path / "outbox"), Database()
    outbox.error = ValueError("odd")
    writer = Writer(outbox, database, faults=faults)
    writer.start()
    writer.submit(points("a"))
    until(lambda: faults.sentences)
    outbox.error = None
    until(lambda: writer.points_written == 1)
    writer.close()
    assert faults.sentences == ["delivering points: ValueError('odd')"]
    assert caplog.text.count("delivering points failed, which makes the run invalid") == 1


def test_nothing_is_taken_after_the_end(outbox: Outbox) -> None:
    writer = Writer(outbox, None)
    writer.close()
    writer.submit(points("a"), LIVE)
    assert figures(writer) == (0, 0, 0)
