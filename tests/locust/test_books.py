"""The books of doubles and target: read, measured from the run's beginning, and compared once nothing moves."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from metrics.reconciliation import SENDGRID, STRIPE, SUITE, TARGET, TWILIO, Tally
from utils.books import LIMIT_S, SETTLED_S, Books, Source
from utils.plain_http import NoAnswer, Refused

SENT = {"sms": Tally(Counter(["+1555"]))}
FILLED: dict[str, Any] = {"sms to": {"ids": {"+1555": 1}, "unnamed": 0, "uncertain": 0}}


class Double:
    """One side: what it says, as a function of the time."""

    base_url = "http://127.0.0.1:1"

    def __init__(self, answer: Callable[[float], Any], clock: "Clock") -> None:
        self.answer = answer
        self.clock = clock
        self.asked: list[str] = []

    def call(self, method: str, path: str, *, params: dict[str, str], within_s: float) -> Any:
        self.asked.append(params["run_id"])
        found = self.answer(self.clock.now)
        if isinstance(found, Exception):
            raise found
        return found


class Clock:
    """Time that passes only where somebody sleeps."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def page(kinds: Any = None, under_way: int = 0, since: float = 1.0) -> dict[str, Any]:
    return {"run_id": "r", "since": since, "under_way": under_way, "kinds": kinds or {}}


def empty(_: float) -> Any:
    return page()


def books(clock: Clock, **answers: Callable[[float], Any]) -> Books:
    keys = {TWILIO: "twilio", SENDGRID: "sendgrid", STRIPE: "stripe", TARGET: "target"}
    doubles: dict[str, Any] = {name: Double(answers.get(key, empty), clock) for name, key in keys.items()}
    found = Books("r", {name: Source(double, "/__lab/reckoning") for name, double in doubles.items()})
    found.begin()
    clock.now += 1  # the run
    return found


def test_sides_that_agree_are_done_at_once() -> None:
    clock = Clock()
    found = books(clock, twilio=lambda now: page(FILLED) if now else page())
    assert found.settle(SENT, "", clock, clock.sleep).differences == []
    assert clock.now == 1


def test_what_is_still_on_its_way_is_waited_for() -> None:
    clock = Clock()
    found = books(clock, twilio=lambda now: page(FILLED) if now > 7 else page(under_way=1 if now else 0))
    assert found.settle(SENT, "", clock, clock.sleep).differences == []
    assert 7 < clock.now < 8


def test_a_difference_counts_once_nothing_has_moved_for_a_while() -> None:
    clock = Clock()
    found = books(
        clock, target=lambda now: page({"sms": {"ids": {}, "unnamed": 1, "uncertain": 0}}) if now > 2 else page()
    )
    assert len(found.settle(SENT, "", clock, clock.sleep).differences) == 2
    assert 2 + SETTLED_S <= clock.now <= 3 + SETTLED_S


def test_kinds_that_a_side_had_no_room_for_are_said_and_not_lost() -> None:
    clock = Clock()
    found = books(clock, sendgrid=lambda now: page() | {"uncounted": 3 if now else 1})
    outcome = found.settle(SENT | {"mail": Tally(Counter(["a@b"]))}, "", clock, clock.sleep)
    assert outcome.differences == ["sms lost between the suite and the Twilio double: 1 of 1 (+1555)"]
    assert outcome.not_compared == ("2 items of the SendGrid stub were not compared: it had no room for their kinds",)


def test_what_never_ends_is_given_up() -> None:
    clock = Clock()
    found = books(clock, twilio=lambda now: page(under_way=1 if now else 0))
    outcome = found.settle(SENT, "", clock, clock.sleep)
    assert outcome.differences == ["sms lost between the suite and the Twilio double: 1 of 1 (+1555)"]
    assert outcome.not_compared == (
        "1 items were still under way 15 s after the users' end, and compared as they stood",
    )
    assert clock.now <= 2 + LIMIT_S


def test_what_an_earlier_run_of_that_name_left_does_not_count() -> None:
    clock = Clock()
    found = books(clock, twilio=lambda now: page(FILLED))
    assert found.settle({}, "", clock, clock.sleep).rows == ()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda now: Refused("GET", "x", 404), "shows none (it has no /__lab/reckoning)"),
        (lambda now: {"status": "ok"}, "shows none (it has no /__lab/reckoning)"),
        (lambda now: [1], "shows none (it has no /__lab/reckoning)"),
        (lambda now: NoAnswer("http://127.0.0.1:1 does not answer (timed out)", 5.0), "does not answer (timed out)"),
        (lambda now: page(since=1.0 + (now > 0)), "was started anew or reset during the run"),
        (lambda now: page() | {"forgotten": int(now > 0)}, "forgot a part of the run, to have room for newer ones"),
    ],
)
def test_a_side_that_cannot_be_read_is_left_out_with_the_reason(answer: Callable[[float], Any], why: str) -> None:
    clock = Clock()
    found = books(clock, twilio=answer)
    outcome = found.settle(SENT, "", clock, clock.sleep)
    assert outcome.differences == []
    (sentence,) = outcome.not_compared
    assert why in sentence
    assert sentence.startswith("what concerns the Twilio double was not compared: http://127.0.0.1:1")


def test_what_belongs_to_no_run_is_asked_for_only_where_the_target_shows_nothing() -> None:
    clock = Clock()
    plain = books(clock)
    plain.read(SENT)
    assert set(plain.sources[TWILIO].http.asked) == {"r"}  # type: ignore[attr-defined]

    clock = Clock()
    calls = iter(range(100))

    def strays(now: float) -> Any:
        return page(FILLED) if now and next(calls) % 2 else page()

    secretive = books(clock, target=lambda now: Refused("GET", "x", 404), twilio=strays)
    assert set(secretive.sources[TWILIO].http.asked) == {"r", ""}  # type: ignore[attr-defined]
    outcome = secretive.settle(SENT, "", clock, clock.sleep)
    assert outcome.differences == []
    assert [(row.kind, row.suite) for row in outcome.rows] == [("sms", 1)]


def test_a_suite_that_lost_a_worker_is_not_held_against_anyone() -> None:
    clock = Clock()
    found = books(clock, twilio=lambda now: page(FILLED) if now else page())
    outcome = found.settle(None, "worker 1 was lost", clock, clock.sleep)
    assert outcome.differences == []
    assert outcome.not_compared == (f"what concerns {SUITE} was not compared: worker 1 was lost",)
