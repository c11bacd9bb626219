"""What a failed write means: it may pass, nothing can be written, or some lines are the reason and are found."""

# mypy: allow-untyped-calls

import pytest
import urllib3.exceptions
from influxdb_client.rest import ApiException

from metrics.influx import Client, Influx, Unavailable, deliver
from metrics.outbox import LIVE, RUNS
from tests.support.influx import Influx as RunningInflux


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gevent.sleep", lambda seconds: None)


class Database:
    """Answers each write with the next of `answers`, then takes everything but lines that hold "bad"."""

    def __init__(self, *answers: Exception | None, status: int = 422) -> None:
        self.answers = list(answers)
        self.status = status
        self.lines: set[str] = set()
        self.tries = 0

    def write(self, bucket: str, lines: str) -> None:
        self.tries += 1
        if self.answers and (error := self.answers.pop(0)) is not None:
            raise error
        if "bad" in lines:
            raise ApiException(status=self.status, reason="a line is bad")
        self.lines |= set(lines.split("\n"))


PASSING = [
    ApiException(status=503),
    ApiException(status=429),
    ConnectionRefusedError(),
    TimeoutError(),
    urllib3.exceptions.ProtocolError("reset"),
]


@pytest.mark.parametrize("error", PASSING)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    database = Database(error, error)
    assert deliver(database.write, LIVE, ["a"]) == []
    assert (database.lines, database.tries) == ({"a"}, 3)


@pytest.mark.parametrize("error", PASSING)
def test_what_does_not_pass_leaves_the_points_waiting(error: Exception) -> None:
    database = Database(*[error] * 3)
    with pytest.raises(Unavailable, match="InfluxDB "):
        deliver(database.write, LIVE, ["a"])
    assert database.tries == 3


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_bucket_is_no_fault_of_the_points_which_wait(status: int) -> None:
    database = Database(ApiException(status=status, reason="no"))
    with pytest.raises(Unavailable, match=f"InfluxDB answers {status}: no"):
        deliver(database.write, LIVE, ["a"])
    assert database.tries == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_lines_that_are_the_reason_are_found_and_the_others_written(status: int) -> None:
    database = Database(status=status)
    lines = [f"{'bad' if number in (3, 40) else 'good'}{number}" for number in range(64)]
    refused = deliver(database.write, LIVE, lines)
    assert [line for line, _ in refused] == ["bad3", "bad40"]
    assert str(status) in refused[0][1]
    assert database.lines == set(lines) - {"bad3", "bad40"}
    assert database.tries <= 30


def test_a_batch_of_which_nothing_was_taken_is_not_searched() -> None:
    database = Database(ApiException(status=422, reason="partial write: points beyond retention policy dropped=3"))
    assert len(deliver(database.write, LIVE, ["a", "b", "c"])) == 3
    assert database.tries == 1


def test_summaries_go_to_a_bucket_beside_that_of_live_points() -> None:
    influx = Influx("http://i", "t", "o", "lab")
    assert (influx.bucket_named(LIVE), influx.bucket_named(RUNS)) == ("lab", "lab/runs")


def test_a_real_influxdb_is_told_from_its_answers(influx: RunningInflux) -> None:
    def refused_of(lines: list[str], **other: str) -> list[str]:
        client = Client(Influx(**{"url": influx.url, "token": influx.token, "org": "lab", "bucket": "lab"} | other))
        try:
            return [line for line, _ in deliver(client.write, LIVE, lines)]
        finally:
            client.close()

    good = ["told,run_id=t v=1i 1700000000000", "told,run_id=t v=2i 1700000001000"]
    bad = ["told,run_id=t v=3.5 1700000002000", "told,run_id= v=1i 1700000003000", "not a line"]
    assert refused_of([good[0], *bad, good[1]]) == bad
    assert [row["v"] for row in influx.query("SELECT v FROM told")] == [1, 2]
    for wrong in ({"token": "another"}, {"bucket": "none"}, {"org": "none"}):
        with pytest.raises(Unavailable, match=r"InfluxDB answers 40[14]: "):
            refused_of(good, **wrong)


def test_an_answer_that_is_not_influxdbs_takes_no_point(target: str) -> None:
    """A page to log in at, a proxy, another server: what says 200 there has kept nothing."""
    client = Client(Influx(f"{target}/status/200", "t", "lab", "lab"))
    with pytest.raises(Unavailable, match=r"^InfluxDB answers 200: 204 was expected, so this is no InfluxDB$"):
        deliver(client.write, LIVE, ["a v=1i 1"])
    client.close()
