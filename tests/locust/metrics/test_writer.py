"""Points are delivered in order, kept while InfluxDB is away, and counted when they are lost."""

# mypy: allow-untyped-calls

import time

import gevent
import gevent.event
import pytest
import urllib3.exceptions
from influxdb_client.rest import ApiException

from metrics import writer as writer_module
from metrics.writer import Influx, Writer

INFLUX = Influx("http://127.0.0.1:1", "t", "lab", "lab")


class Database:
    """What a writer writes to: answers each write with the next of `answers`, then takes everything."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.lines: list[str] = []
        self.tries = 0

    def write(self, lines: str) -> None:
        self.tries += 1
        if self.answers and (error := self.answers.pop(0)) is not None:
            raise error
        self.lines += lines.split("\n")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gevent.sleep", lambda seconds: None)


def writer_to(database: Database) -> Writer:
    return Writer(INFLUX, database.write)


def test_points_are_written_in_order_and_counted() -> None:
    database = Database()
    writer = writer_to(database)
    writer.submit(["a", "b"])
    writer.submit(["c"])
    writer.submit([])
    writer.close()
    assert database.lines == ["a", "b", "c"]
    assert (writer.points_written, writer.points_lost) == (3, 0)


@pytest.mark.parametrize(
    "error",
    [
        ApiException(status=503),
        ApiException(status=429),
        ConnectionRefusedError(),
        TimeoutError(),
        urllib3.exceptions.ProtocolError("reset"),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    database = Database(error, error)
    writer = writer_to(database)
    writer.submit(["a"])
    writer.close()
    assert (database.lines, database.tries) == (["a"], 3)
    assert (writer.points_written, writer.points_lost) == (1, 0)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422])
def test_what_is_refused_for_good_is_lost_at_once_and_the_rest_goes_on(status: int) -> None:
    database = Database(ApiException(status=status, reason="no"))
    writer = writer_to(database)
    writer.submit(["a", "b"])
    writer.submit(["c"])
    writer.close()
    assert (database.lines, database.tries) == (["c"], 2)
    assert (writer.points_written, writer.points_lost) == (1, 2)
    assert str(status) in writer.lost_because


def test_a_database_that_stays_away_loses_what_is_left_at_the_end() -> None:
    database = Database(*[ConnectionRefusedError()] * 50)
    writer = writer_to(database)
    writer.submit(["a", "b"])
    writer.submit(["c"])
    writer.close()
    assert database.lines == []
    assert (writer.points_written, writer.points_lost) == (0, 3)
    assert writer.lost_because == "InfluxDB does not answer (ConnectionRefusedError)"


def test_a_batch_waits_for_a_database_that_comes_back() -> None:
    database = Database(*[ConnectionRefusedError()] * 3)
    writer = writer_to(database)
    writer.submit(["a"])
    writer._deliver()
    writer.submit(["b"])
    writer.close()
    assert database.lines == ["a", "b"]
    assert (writer.points_written, writer.points_lost, writer.lost_because) == (2, 0, "")


def test_a_full_queue_drops_its_oldest_batches_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "QUEUE_POINTS", 3)
    database = Database()
    writer = writer_to(database)
    for batch in (["a", "b"], ["c", "d"], ["e"]):
        writer.submit(batch)
    assert writer.points_lost == 2
    writer.close()
    assert database.lines == ["c", "d", "e"]
    assert "queue" in writer.lost_because


def test_a_batch_dropped_while_it_was_being_written_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "QUEUE_POINTS", 2)
    writer: Writer

    def write(lines: str) -> None:
        if lines == "a":
            writer.submit(["b", "c"])

    writer = Writer(INFLUX, write)
    writer.submit(["a"])
    writer.close()
    assert (writer.points_written, writer.points_lost) == (3, 0)


def test_a_database_that_never_answers_holds_the_end_up_only_so_long() -> None:
    writer = Writer(INFLUX, lambda lines: gevent.event.Event().wait())
    writer.submit(["a", "b"])
    before = time.monotonic()
    writer.close(timeout=0.1)
    assert time.monotonic() - before < 5
    assert (writer.points_written, writer.points_lost) == (0, 2)
    assert writer.lost_because == "they were not delivered within 0.1 s of the run's end"


def test_the_greenlet_delivers_while_the_run_goes_on() -> None:
    database = Database(ConnectionRefusedError())
    writer = writer_to(database)
    writer.start()
    for batch in (["a"], ["b"]):
        writer.submit(batch)
    with gevent.Timeout(5):
        while writer.points_written < 2:
            gevent.idle()
    assert database.lines == ["a", "b"]
    writer.close()
