"""From the Twilio double's events to counted steps."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.call_steps import REASONS, CallSteps, Step
from clients.failures import CALL_OUTCOMES
from clients.waits import ENOUGH, Waits

DIALING = {"event": "dialing", "call_sid": "CA1", "at_ms": 0.2}
ANSWERED = {"event": "answered", "call_sid": "CA1", "at_ms": 12.5, "latency_ms": 12.3}
CONNECTED = {"event": "connected", "call_sid": "CA1", "at_ms": 20.0, "latency_ms": 7.5}
FIRST_AUDIO = {"event": "first_audio", "call_sid": "CA1", "at_ms": 600.0, "latency_ms": 579.0}
GREETED = [ANSWERED, CONNECTED, FIRST_AUDIO]
TURN = {"event": "turn", "call_sid": "CA1", "at_ms": 3000.0, "index": 0, "latency_ms": 800.0}
ENDED = {
    "event": "ended",
    "call_sid": "CA1",
    "at_ms": 9000.0,
    "status": "completed",
    "reason": "caller-hangup",
    "duration_ms": 8990,
    "media": {"frames_sent": 400},
    "callbacks": {
        "sent": 1,
        "failed": 0,
        "answers": [{"status": 200, "body": '{"status":"ok"}', "latency_ms": 4.5}],
    },
}


def follow(*events: dict[str, Any], cut_short: bool = False) -> tuple[list[Step], CallSteps]:
    call = CallSteps()
    if cut_short:
        call.cut_short(100)
    return [step for event in events for step in call.feed(event)], call


def failed(step: str, reason: str, at_ms: float) -> dict[str, Any]:
    return {"event": "failed", "step": step, "reason": reason, "detail": "why", "at_ms": at_ms, "duration_ms": 9}


def test_a_good_call_is_its_steps_with_the_doubles_own_latencies() -> None:
    steps, call = follow(
        DIALING, ANSWERED, CONNECTED, FIRST_AUDIO, TURN, {**TURN, "index": 1, "latency_ms": 900}, ENDED
    )
    assert steps == [
        Step("answer", 12.3),
        Step("connect", 7.5),
        Step("first audio", 579.0),
        Step("turn", 800.0),
        Step("turn", 900.0),
        Step("complete", 4.5),
    ]
    assert call.over
    assert call.call_sid == "CA1"
    assert call.media == {"frames_sent": 400}


def test_an_answer_with_the_platforms_error_twiml_is_a_failed_answer() -> None:
    steps, call = follow(DIALING, failed("answer", "call-rejected", 15.0))
    assert steps == [Step("answer", 15.0, "call-rejected")]
    assert call.over
    assert call.detail == "why"


@pytest.mark.parametrize(
    ("before", "event", "step"),
    [
        ([], failed("dial", "unknown-number", 1.0), Step("answer", 1.0, "unknown-number")),
        ([ANSWERED], failed("connect", "stream-handshake", 40.0), Step("connect", 27.5, "stream-handshake")),
        (GREETED[:2], failed("media", "stream-lost", 120.0), Step("first audio", 100.0, "stream-lost")),
        (GREETED, failed("media", "stream-lost", 700.0), Step("turn", 100.0, "stream-lost")),
        (GREETED, failed("callback", "webhook-timeout", 9e3), Step("complete", None, "webhook-timeout")),
        ([], failed("answer", "something new and unbounded 123", 5.0), Step("answer", 5.0, "other")),
    ],
)
def test_a_failure_belongs_to_the_step_that_the_call_was_in(
    before: list[dict[str, Any]], event: dict[str, Any], step: Step
) -> None:
    assert follow(*before, event)[0][-1] == step


def test_a_turn_without_an_answer_is_a_failure_and_its_time_the_wait() -> None:
    steps, _ = follow(ANSWERED, CONNECTED, FIRST_AUDIO, {**TURN, "timed_out": True, "latency_ms": 8000})
    assert steps[-1] == Step("turn", 8000, "turn-timeout")


def test_a_call_that_ends_before_the_agent_spoke_has_failed_unless_it_was_cut_short() -> None:
    assert follow(ANSWERED, CONNECTED, ENDED)[0][2:] == [
        Step("first audio", 8980.0, "no-agent-audio"),
        Step("complete", 4.5),
    ]
    assert follow(ANSWERED, CONNECTED, ENDED, cut_short=True)[0][2:] == [Step("complete", 4.5)]


@pytest.mark.parametrize(
    ("events", "waited_ms", "overdue"),
    [
        ([], 14_900, []),
        ([], 15_000, [Step("answer", 15_000, "webhook-timeout")]),
        ([ANSWERED, CONNECTED], 7900, []),
        ([ANSWERED, CONNECTED], 8000, [Step("first audio", 8000, "no-agent-audio")]),
        ([ANSWERED, CONNECTED, FIRST_AUDIO], 9000, []),
    ],
)
def test_hanging_up_does_not_hide_what_was_overdue(
    events: list[dict[str, Any]], waited_ms: float, overdue: list[Step]
) -> None:
    call = CallSteps()
    for event in events:
        call.feed(event)
    assert call.cut_short(waited_ms) == overdue
    refused = ENDED | {"status": "canceled", "callbacks": {"answers": [{"status": 200, "body": '{"status": "error"}'}]}}
    assert call.feed(ENDED if events else refused) == ([Step("complete", 4.5)] if events else [])
    assert call.over


@pytest.mark.parametrize(
    ("unanswered_ms", "slowest_ms", "cut_short", "counted"),
    [
        (1300.5, 2500, True, []),  # a turn that took longer was a success
        (1300.5, 600, True, [Step("turn", 1300.5, "turn-timeout")]),
        (1100, 500, True, []),
        (None, 600, True, []),
        (1300.5, 600, False, []),
    ],
)
def test_a_turn_that_was_overdue_when_the_run_ended_is_counted(
    unanswered_ms: float | None, slowest_ms: float, cut_short: bool, counted: list[Step]
) -> None:
    waits = Waits()
    for _ in range(ENOUGH):
        other = CallSteps(waits)
        for event in [*GREETED, TURN | {"latency_ms": slowest_ms}]:
            other.feed(event)
    call = CallSteps(waits)
    for event in GREETED:
        call.feed(event)
    if cut_short:
        assert call.cut_short(9000) == [], "only the double knows since when the caller has waited"
    assert call.feed(ENDED | {"media": {"unanswered_ms": unanswered_ms}}) == [*counted, Step("complete", 4.5)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"callbacks": {"sent": 0, "failed": 1}}, "callback-failed"),
        ({"callbacks": {}, "status": "no-answer"}, "not-completed"),
        ({"callbacks": {"answers": [{"status": 500, "body": ""}]}}, "callback-refused"),
        ({"callbacks": {"answers": [{"status": 200, "body": '{"status": "error"}'}]}}, "callback-refused"),
    ],
)
def test_a_call_that_did_not_end_as_it_should_is_a_failure(change: dict[str, Any], reason: str) -> None:
    steps, _ = follow(ANSWERED, CONNECTED, FIRST_AUDIO, TURN, {**ENDED, **change})
    assert steps[-1] == Step("complete", None, reason)


def test_an_agent_that_talks_over_the_caller_has_no_turn_latency() -> None:
    steps, _ = follow(*GREETED, {**TURN, "latency_ms": 0.0, "overlapped": True})
    assert steps[-1] == Step("turn", None)


def test_a_call_that_the_phone_lost_fails_in_its_step_and_once() -> None:
    call = CallSteps()
    call.feed(ANSWERED)
    assert call.broken("control-lost", 30.0) == [Step("connect", 30.0, "control-lost")]
    assert call.broken("control-lost") == []
    assert call.feed(CONNECTED) == []


def test_a_double_that_goes_amid_a_turn_says_nothing_of_the_targets_latency() -> None:
    call = CallSteps()
    for event in GREETED:
        call.feed(event)
    assert call.broken("control-lost", 4609.0) == [Step("turn", None, "control-lost")]


def test_what_was_not_measured_is_not_zero() -> None:
    steps, _ = follow({"event": "answered"}, {"event": "connected", "latency_ms": "soon"}, failed("media", "x", -1))
    assert [step.latency_ms for step in steps] == [None, None, None]


def test_an_interruption_and_keys_are_counted_beside_the_steps() -> None:
    barge_in = {"event": "barge_in", "at_ms": 2000.0, "latency_ms": 180.0, "cleared": True}
    keys = [{"event": "dtmf", "at_ms": 2500.0, "digit": digit} for digit in "4#"]
    steps, call = follow(*GREETED, barge_in, *keys, TURN, ENDED)
    assert steps[3:] == [
        Step("barge-in", 180.0),
        Step("dtmf", None),
        Step("dtmf", None),
        Step("turn", 800.0),
        Step("complete", 4.5),
    ]
    assert call.over


def test_an_agent_that_does_not_let_itself_be_interrupted_has_failed() -> None:
    steps, _ = follow(*GREETED, {"event": "barge_in", "latency_ms": 8000.0, "timed_out": True})
    assert steps[-1] == Step("barge-in", 8000.0, "agent-talked-on")


WORDS = [
    "barge_in",
    "dtmf",
    "dialing",
    "answered",
    "connected",
    "first_audio",
    "turn",
    "ended",
    "failed",
    "completed",
    "callback",
    "new",
]
events = st.dictionaries(
    st.sampled_from(["event", "step", "reason", "latency_ms", "at_ms", "timed_out", "status", "callbacks", "media"]),
    st.none()
    | st.booleans()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.dictionaries(st.sampled_from(["failed"]), st.integers()),
)


@given(st.lists(events))
def test_no_events_break_a_call_and_the_words_are_bounded(sent: list[dict[str, Any]]) -> None:
    steps, call = follow(*sent)
    for step in steps:
        assert step.name in {"answer", "connect", "first audio", "turn", "barge-in", "dtmf", "complete"}
        assert step.failure is None or step.failure in REASONS | {"other"}
        assert step.latency_ms is None or 0 <= step.latency_ms < math.inf
    assert call.over == any(event.get("event") in ["ended", "failed"] for event in sent)


def test_every_reason_with_an_outcome_is_a_known_reason() -> None:
    assert CALL_OUTCOMES.keys() <= REASONS
