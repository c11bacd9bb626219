"""The first failing exchanges of each kind are kept, in bounded room, and what is not kept is counted."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.failing import BODY_CHARACTERS, OF_A_KIND, OF_A_RUN, SHOWN, Failing, Failure, FailureLog
from metrics.recorder import Recorder
from metrics.redaction import HIDDEN

KINDS = st.tuples(st.sampled_from(["GET", "WS"]), st.integers(0, 70).map("/{}".format), st.sampled_from("abc"))


def answer(status: int = 500, sent: Any = None, content: Any = b"", **headers: str) -> SimpleNamespace:
    """A response as far as it is looked at."""
    request = SimpleNamespace(body=sent)
    return SimpleNamespace(status_code=status, request=request, _cached_content=content, headers=headers)


def failure(at: float = 5.0, reason: str = "no", **more: Any) -> Failure:
    """A failure, of one kind where nothing else is said."""
    given: dict[str, Any] = {"request_type": "GET", "name": "/a", "outcome": "content", "latency_ms": 1.0}
    return Failure(at=at, exception=ValueError(reason), **given | more)


def kept(one: Failure, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is kept of a failure."""
    failing = Failing(secrets)
    failing.note(one)
    (exchange,) = failing.take()["kept"]
    found: dict[str, Any] = exchange
    return found


@given(st.lists(st.tuples(st.integers(0, 2), KINDS), max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_the_first_of_each_kind_are_kept_and_all_others_counted(
    seen: list[tuple[int, tuple[str, str, str]]], reports: list[int]
) -> None:
    workers, log = [Failing(), Failing(), Failing()], FailureLog(0)
    for index, (worker, (method, name, reason)) in enumerate(seen):
        workers[worker].note(failure(index, reason, request_type=method, name=name))
        if index in reports:
            log.add(worker, 0.0, workers[worker].take())
    for number, worker_failing in enumerate(workers):
        log.add(number, 0.0, worker_failing.take())
    assert log.kept + log.left_out == len(seen)
    kinds = [kind for _, kind in seen]
    assert log.kept == min(OF_A_RUN, sum(min(OF_A_KIND, kinds.count(kind)) for kind in set(kinds)))
    assert len(log.first) == min(SHOWN, len(set(kinds)))


def test_no_number_of_kinds_fills_the_file_or_the_report() -> None:
    failing, log = Failing(), FailureLog(0)
    for number in range(3 * OF_A_RUN):
        failing.note(failure(reason=f"contact {number} is gone"))
    taken = failing.take()
    assert (len(taken["kept"]), taken["left_out"]) == (OF_A_RUN, 2 * OF_A_RUN)
    log.add(1, 0.0, taken)
    log.add(2, 0.0, taken)
    assert log.facts() == {"kept": OF_A_RUN, "left_out": 5 * OF_A_RUN}


@given(st.text() | st.binary(), st.text() | st.binary(), st.text(max_size=20), st.text(max_size=3000))
def test_whatever_was_exchanged_takes_bounded_room_and_travels(sent: Any, came: Any, header: str, reason: str) -> None:
    content = came.encode("utf-8", "surrogatepass") if isinstance(came, str) else came
    response = answer(500, sent, content * 500, **{"retry-after": header})
    line = json.dumps(kept(failure(reason=reason, response=response, url=f"http://t/a/{reason}")), ensure_ascii=False)
    assert len(line.encode()) < 16 * BODY_CHARACTERS


def test_a_kept_exchange_says_what_was_sent_and_what_came() -> None:
    body = {"email": "a@b.co", "password": "hush hush hush"}
    response = answer(
        429, json.dumps(body), b'{"input": "hush hush hush", "id": 3}', **{"retry-after": "7", "x-request-id": "r-1"}
    )
    context = {"scenario": "CrmUser", "user": 4}
    assert kept(failure(12.5, "status 429", response=response, context=context, url="http://t/a?token=x&page=2")) == {
        "at": 12.5,
        "scenario": "CrmUser",
        "user": 4,
        "method": "GET",
        "name": "/a",
        "path": "/a?token=[hidden]&page=2",
        "status": 429,
        "outcome": "content",
        "reason": "status 429",
        "latency_ms": 1.0,
        "request_body": f'{{"email":"a@b.co","password":"{HIDDEN}"}}',
        "response_body": f'{{"input":"{HIDDEN}","id":3}}',
        "retry_after": "7",
        "request_id": "r-1",
    }


def test_a_step_of_a_socket_or_a_call_says_what_it_waited_for_and_what_came_last() -> None:
    messages = [{"type": "hello", "token": "opaque-one", "n": number} for number in range(9)]
    exchange = {"call_sid": "CA1", "waited_for": "turn", "detail": "said nothing", "last_messages": messages}
    found = kept(failure(request_type="CALL", name="turn", context={"exchange": exchange}))
    assert (found["call_sid"], found["waited_for"], found["detail"]) == ("CA1", "turn", "said nothing")
    assert found["last_messages"][-1] == f'{{"type": "hello", "token": "{HIDDEN}", "n": 8}}'
    assert len(found["last_messages"]) == 5


def test_a_setting_that_is_secret_is_hidden_wherever_it_stands() -> None:
    response = answer(500, b"the dsn is postgres://u:hidden-one", b"again hidden-one")
    found = kept(failure(reason="no hidden-one", response=response, url="/a/hidden-one"), ("hidden-one", "a"))
    assert "hidden-one" not in json.dumps(found)


def test_a_body_that_broke_off_is_not_read_again() -> None:
    class Broken(SimpleNamespace):
        @property
        def content(self) -> bytes:
            raise AssertionError("read again")

    assert kept(failure(response=Broken(status_code=200, headers=None, request=None)))["response_body"] is None


def test_a_recorder_keeps_failures_alone_and_forgets_them_with_the_run() -> None:
    recorder = Recorder(clock=lambda: 9.0)
    recorder.record("GET", "/a", 1.0, response=answer(200))
    recorder.record("GET", "/a", 1.0, exception=ValueError("no"), url="http://t/a")
    taken = recorder.take()["failing"]
    assert [(each["at"], each["path"], each["reason"]) for each in taken["kept"]] == [(9.0, "/a", "no")]
    assert recorder.take()["failing"] == {"kept": [], "left_out": 0}
    recorder.record("GET", "/a", 1.0, exception=ValueError("no"))
    recorder.clear()
    assert recorder.take()["failing"] == {"kept": [], "left_out": 0}


def test_the_file_grows_with_each_report_and_tells_the_second_by_the_masters_clock(tmp_path: Path) -> None:
    failing, log = Failing(), FailureLog(100.0, tmp_path / "run" / "failures.jsonl")
    log.add(1, 0.0, failing.take())
    assert not (tmp_path / "run").exists()
    for count in (1, 2):
        failing.note(failure(163.25))
        log.add(3, 60.0, failing.take())
        lines = (tmp_path / "run" / "failures.jsonl").read_text().splitlines()
        assert len(lines) == count
    assert {key: json.loads(lines[0])[key] for key in ("at", "second", "worker")} == {
        "at": 103.25,
        "second": 3.25,
        "worker": 3,
    }


def test_a_file_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run").write_text("no directory")
    failing, log = Failing(), FailureLog(0, tmp_path / "run" / "failures.jsonl")
    for _ in range(2):
        failing.note(failure())
        log.add(1, 0.0, failing.take())
    (record,) = caplog.records
    assert "failures.jsonl cannot be written" in record.getMessage()
    assert log.facts() == {"kept": 0, "left_out": 2}
