"""Doubles as they are, over HTTP, become points of what they did since the run began."""

import contextlib
import json
import urllib.request
from typing import Any

import pytest

from metrics.points import strange_in
from metrics.sources.doubles import DoublesSource, Http, NoAnswer
from metrics.sources.sampling import SourceError
from tests.support.doubles import serving
from tests.support.ports import free_port


class Canned:
    """Answers each look with the next of what it was given, then with the last."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def __call__(self, url: str, /) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def close(self) -> None:
        pass


def metrics(requests: int = 0, refused: int = 0, **more: Any) -> dict[str, Any]:
    answers = {"GET /v1/x": {"200": requests, "429": refused}}
    return {"service": "openai", "in_flight": 2, "requests": answers, "openai": {"lateness_ms": {"p99": 4}}, **more}


def fields(lines: list[str], series: str) -> dict[str, str]:
    (found,) = [line for line in lines if line.startswith(series + " ")]
    return dict(pair.split("=") for pair in found.split(" ")[1].split(","))


def test_a_double_counts_from_the_runs_start() -> None:
    source = DoublesSource("http://d", Canned(metrics(100, 5), metrics(103, 7)))
    source.look("r", 1)
    lines = source.look("r", 2)
    assert fields(lines, "doubles,run_id=r,double=openai") == {
        **{"up": "1i", "in_flight": "2i", "faults": "0i", "lateness_p99": "4.0"},
        **{"requests": "5i", "errors": "2i", "limited": "2i", "faulted": "0i", "webhooks": "0i"},
        **{"requests_total": "5i", "errors_total": "2i", "limited_total": "2i", "faulted_total": "0i"},
        "webhooks_total": "0i",
    }
    journal = "journal,run_id=r,double=openai,operation=GET\\ /v1/x,status=429"
    assert [line for line in lines if line.startswith(journal)] == [f"{journal} count=2i,count_total=2i 2000"]


def test_faults_have_points_and_events_when_they_come_and_go() -> None:
    slow = {"in_force": ["slow"], "hits": {"slow": 3, "reset": 0}, "injected": {"delay": 3}}
    over = {"in_force": [], "hits": {"slow": 4, "reset": 0}, "injected": {"delay": 4}}
    source = DoublesSource("http://d", Canned(metrics(), metrics(faults=slow), metrics(faults=over)))
    source.look("r", 1)
    lines = source.look("r", 2)
    assert {strange_in(each) for each in lines} == {""}
    assert fields(lines, "faults,run_id=r,double=openai,fault=slow") == {
        "in_force": "1i",
        "hits": "3i",
        "hits_total": "3i",
    }
    assert fields(lines, "doubles,run_id=r,double=openai")["faulted"] == "3i"
    (begins,) = [line for line in lines if line.startswith("events,run_id=r,kind=fault ")]
    assert 'text="slow in openai begins",tags="run,fault"' in begins
    lines = source.look("r", 3)
    assert fields(lines, "faults,run_id=r,double=openai,fault=slow")["in_force"] == "0i"
    assert any('text="slow in openai ends"' in line for line in lines)


def test_a_double_that_does_not_answer_is_down() -> None:
    source = DoublesSource("http://d", Canned(metrics(), SourceError("http://d does not answer")))
    source.look("r", 1)
    with pytest.raises(SourceError, match="does not answer") as error:
        source.look("r", 2)
    assert error.value.lines == ["doubles,run_id=r,double=openai up=0i 2000"]


@pytest.mark.parametrize("answer", [[], {}, {"service": "x"}, {"service": "x", "requests": [], "in_flight": 0}])
def test_what_is_no_double_is_said_to_be_none(answer: Any) -> None:
    with pytest.raises(SourceError, match="no double's metrics"):
        DoublesSource("http://d", Canned(answer)).look("r", 1)


def test_a_target_that_is_no_double_is_asked_once() -> None:
    asked: list[str] = []

    class Real(Canned):
        def __call__(self, url: str, /) -> Any:
            asked.append(url)
            return {"detail": "Not Found"}

    source = DoublesSource("http://t", Real(), optional=True)
    assert [source.look("r", second) for second in (1, 2, 3)] == [[], [], []]
    assert asked == ["http://t/__lab/metrics"]


def test_nobody_there_and_somebody_else_there_are_told_apart() -> None:
    http = Http()
    with pytest.raises(SourceError, match="does not answer"):
        http("http://127.0.0.1:1/x")
    with serving("sendgrid") as address:
        with pytest.raises(SourceError, match="answers 404"):
            http(f"http://{address}/__lab/nothing")
        http.close()


@pytest.mark.parametrize("module", ["twilio", "vendors", "backend"])
def test_every_double_can_be_looked_at(module: str) -> None:
    turns: list[tuple[int, int, float]] = []
    with serving(module) as address:
        http = Http()
        source = DoublesSource(f"http://{address}", http, lambda *turn: turns.append(turn))
        source.look("r", 1)
        request = urllib.request.Request(f"http://{address}/nothing/here")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=10)
        lines = source.look("r", 2)
        source.close()
    names = {line.partition(",double=")[2].partition(" ")[0] for line in lines if line.startswith("doubles,")}
    vendors = {"deepgram", "elevenlabs", "openai", "sendgrid", "stripe"}
    assert names == (vendors if module == "vendors" else {module})
    assert any(line.startswith("calls,run_id=r active=0i,streams=0i,") for line in lines) == (module == "twilio")
    if module == "vendors":
        assert turns == [(1, 0, 0.0), (2, 0, 0.0)]
    else:
        assert "requests=1i" in "".join(line for line in lines if line.startswith("doubles,"))
    assert json.dumps(lines)


REFUSED, SILENT = NoAnswer("it does not answer", refused=True), NoAnswer("it does not answer", refused=False)


@pytest.mark.parametrize(
    ("answers", "lost_in"),
    [
        ([metrics(), REFUSED], [2]),
        ([metrics(), SILENT, SILENT, metrics(), SILENT, SILENT, metrics()], []),
        ([metrics(), SILENT, SILENT, SILENT, SILENT, metrics()], [4]),
        ([metrics(), SourceError("it answers 503")] * 3, []),
        ([REFUSED, REFUSED, metrics()], []),
    ],
)
def test_a_double_is_lost_when_nobody_listens_there_or_nothing_comes_for_three_looks(
    answers: list[Any], lost_in: list[int]
) -> None:
    told: list[int] = []
    source = DoublesSource("http://d", Canned(*answers), on_lost=told.append)
    for second in range(1, len(answers) + 1):
        with contextlib.suppress(SourceError):
            source.look("r", second)
    assert told == lost_in


def test_a_double_that_died_between_two_runs_is_lost_in_the_second() -> None:
    known: set[str] = set()
    DoublesSource("http://d", Canned(metrics()), known=known).look("r", 1)
    told: list[int] = []
    with pytest.raises(SourceError):
        DoublesSource("http://d", Canned(REFUSED), on_lost=told.append, known=known).look("r2", 9)
    assert told == [9]


def test_nobody_listening_is_told_from_silence() -> None:
    http = Http()
    with pytest.raises(NoAnswer, match="does not answer") as caught:
        http(f"http://127.0.0.1:{free_port()}/")
    assert caught.value.refused
    http.close()


def test_frames_that_were_due_and_those_skipped_are_told_from_the_runs_start() -> None:
    def calls(sent: int, skipped: int, blocked: int) -> dict[str, Any]:
        media = {"frames_sent": sent, "frames_late": 0, "frames_skipped": skipped, "frames_blocked": blocked}
        gauges = {"calls": {"active": 1, "streams": 1}, "media": media | {"lateness_ms": {}}}
        return {"service": "twilio", "in_flight": 0, "requests": {}, **gauges}

    told: list[tuple[int, int]] = []
    source = DoublesSource(
        "http://d",
        Canned(calls(500, 90, 9), calls(580, 100, 19)),
        on_frames=lambda due, skipped: told.append((due, skipped)),
    )
    source.look("r", 1)
    source.look("r", 2)
    assert told == [(100, 10)], "a frame that the target did not take was due, and it is not the double that was late"
