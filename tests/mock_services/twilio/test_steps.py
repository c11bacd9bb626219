"""A caller does what its steps say: it interrupts, presses keys, falls silent and leaves, and measures the agent."""

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mock_services.twilio.protocol.noticed import BargeIn, KeyPressed, Turn
from mock_services.twilio.protocol.turns import Phase, Script
from tests.mock_services.twilio.talk import FRAME, NOISE, Talk

BASE = {"lines": ["short"], "quiet_gap_ms": 200, "reply_pause_ms": 100, "max_wait_ms": 1000}
INTERRUPT = {"do": "interrupt", "after_ms": 500, "line": "long"}


def talk(*steps: dict[str, Any], seed: int = 1, **fields: Any) -> Talk:
    return Talk(Script.model_validate({**BASE, **fields, "steps": steps}), seed)


def interrupted() -> Talk:
    """A call whose agent has a minute to say, at the moment at which the caller speaks over it."""
    call = talk({"do": "hear"}, INTERRUPT)
    call.ticks(5)
    call.agent_speaks(60.0)
    heard_at = call.now
    call.until(Phase.SPEAKING)
    assert call.now - heard_at == pytest.approx(0.5, abs=0.03)
    return call


def barge_ins(call: Talk) -> list[BargeIn]:
    return [event for event in call.caller.events if isinstance(event, BargeIn)]


def turns(call: Talk) -> list[Turn]:
    return [event for event in call.caller.events if isinstance(event, Turn)]


def test_an_agent_that_is_interrupted_and_clears_fell_silent_at_the_clear() -> None:
    call = interrupted()
    call.ticks(10)
    call.agent_clears()
    (barge_in,) = barge_ins(call)
    assert barge_in.latency_ms == pytest.approx(200)
    assert (barge_in.cleared, barge_in.timed_out) == (True, False)
    call.until(Phase.WAITING)
    call.ticks(10)
    call.agent_speaks(1.0)
    call.until(Phase.DONE)
    (turn,) = turns(call)
    assert turn.latency_ms == pytest.approx(200)
    assert not turn.overlapped


def test_an_agent_that_stops_by_itself_fell_silent_with_its_last_voice() -> None:
    call = talk({"do": "hear"}, INTERRUPT)
    for _ in range(40):  # it speaks in real time, and stops 300 ms after it was interrupted
        call.agent_speaks(FRAME)
        call.ticks(1)
    began = next(place for place, payload in enumerate(call.sent) if payload not in NOISE)
    call.until(Phase.WAITING)
    call.ticks(20)
    (barge_in,) = barge_ins(call)
    assert barge_in.latency_ms == pytest.approx((40 - began) * 20, abs=25)
    assert not barge_in.cleared


def test_a_breath_of_the_agent_is_not_its_silence() -> None:
    call = talk({"do": "hear"}, INTERRUPT)
    call.ticks(1)
    call.agent_speaks(0.6)
    call.agent_speaks(0.1, after=0.15)
    call.until(Phase.DONE)
    (barge_in,) = barge_ins(call)
    assert barge_in.latency_ms == pytest.approx(350, abs=25)


def test_an_answer_to_an_interruption_is_heard_after_the_old_words_have_ended() -> None:
    call = talk({"do": "hear"}, {**INTERRUPT, "line": "short"})
    call.ticks(1)
    call.agent_speaks(0.8)
    call.until(Phase.WAITING)
    call.ticks(40)
    call.agent_speaks(0.5)
    call.until(Phase.DONE)
    assert [turn.fields() for turn in turns(call)] == [{"index": 0, "latency_ms": pytest.approx(800)}]
    assert barge_ins(call)[0].latency_ms == pytest.approx(300, abs=25)


def test_an_agent_that_talks_on_ignored_the_interruption() -> None:
    call = interrupted()
    call.until(Phase.DONE)
    assert barge_ins(call) == [BargeIn(1000.0, timed_out=True, cleared=False)]
    assert [turn.overlapped for turn in turns(call)] == [True]


def test_an_agent_that_has_finished_is_spoken_to_and_not_interrupted() -> None:
    call = talk({"do": "hear"}, INTERRUPT)
    call.ticks(1)
    call.agent_speaks(0.1)
    call.until(Phase.DONE)
    assert b"long 1" in call.sent
    assert barge_ins(call) == []
    assert [turn.timed_out for turn in turns(call)] == [True]


def test_an_agent_that_finishes_just_then_was_not_interrupted() -> None:
    call = talk({"do": "hear"}, INTERRUPT)
    call.ticks(1)
    call.agent_speaks(0.45)
    call.until(Phase.DONE)
    assert barge_ins(call) == []


def test_keys_are_pressed_apart_and_nothing_is_said() -> None:
    call = talk({"do": "press", "digits": "1#", "gap_ms": 200})
    call.until(Phase.DONE)
    assert call.caller.events == [KeyPressed("1"), KeyPressed("#")]
    assert call.spoken() == []
    assert call.now - 500.0 == pytest.approx(0.6, abs=0.03)


def test_a_caller_that_falls_silent_does_so_whatever_the_agent_says() -> None:
    call = talk({"do": "fall_silent", "ms": 1000}, {"do": "speak", "answer": False})
    call.ticks(10)
    call.agent_speaks(60.0)
    call.until(Phase.SPEAKING)
    assert call.now - 500.0 == pytest.approx(1.0, abs=0.03)


def test_a_caller_may_leave_amid_its_own_words() -> None:
    call = talk({"do": "speak", "line": "long", "talk_ms": 100, "answer": False}, {"do": "hang_up"}, INTERRUPT)
    call.until(Phase.DONE)
    assert call.spoken() == [f"long {place}".encode() for place in range(5)]
    assert turns(call) == []


def test_a_caller_that_speaks_longer_than_a_line_goes_on_with_the_next() -> None:
    call = talk({"do": "speak", "talk_ms": 100, "answer": False}, lines=["short", "long"])
    call.until(Phase.DONE)
    assert call.spoken() == [b"short 1", b"short 2", b"long 0", b"long 1", b"long 2"]


def test_an_answer_that_came_and_went_while_the_caller_spoke_is_none() -> None:
    call = talk({"do": "speak", "line": "long"})
    call.ticks(5)
    call.agent_speaks(0.2)
    call.until(Phase.WAITING)
    call.ticks(10)
    call.agent_speaks(0.2)
    call.until(Phase.DONE)
    assert [turn.fields() for turn in turns(call)] == [{"index": 0, "latency_ms": pytest.approx(200)}]


def test_an_answer_that_is_buffered_but_not_heard_yet_is_waited_for() -> None:
    call = talk({"do": "speak", "line": "long"})
    call.ticks(5)
    call.agent_speaks(0.2, after=1.4)
    call.until(Phase.DONE)
    assert [turn.fields() for turn in turns(call)] == [{"index": 0, "latency_ms": pytest.approx(500)}]


def test_talk_times_are_distributed_as_the_script_says_and_come_from_the_seed() -> None:
    def spoken_ms(seed: int) -> int:
        call = talk({"do": "speak", "talk_ms": "lognormal:1000,3000", "answer": False}, seed=seed)
        call.until(Phase.DONE, 60_000)
        return len(call.spoken()) * 20

    times = [spoken_ms(seed) for seed in range(300)]
    assert statistics.median(times) == pytest.approx(1000, rel=0.2)
    assert sum(time > 3000 for time in times) / 300 == pytest.approx(0.05, abs=0.035)
    assert spoken_ms(7) == spoken_ms(7)


STEPS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.sampled_from(
        [
            {"do": "hear"},
            {"do": "listen"},
            {"do": "speak"},
            {"do": "speak", "talk_ms": 300, "answer": False},
            {**INTERRUPT, "after_ms": "uniform:0,700"},
            {"do": "press", "digits": "42"},
            {"do": "fall_silent", "ms": 300},
        ]
    ),
    max_size=8,
)
AGENT = st.lists(st.tuples(st.integers(0, 40), st.floats(0.02, 3), st.floats(0, 1), st.booleans()), max_size=20)


@given(STEPS, AGENT, st.integers(0, 9))
def test_whatever_both_do_the_call_ends_and_nothing_is_told_that_was_not_so(
    steps: list[dict[str, Any]], agent: list[tuple[int, float, float, bool]], seed: int
) -> None:
    call = talk(*steps, seed=seed, max_listen_ms=1000)
    for frames, seconds, after, clears in agent:
        call.ticks(frames)
        if clears:
            call.agent_clears()
        call.agent_speaks(seconds, after)
    call.until(Phase.DONE, 60_000)
    answered = [step for step in steps if step["do"] in {"speak", "interrupt"} and step.get("answer", True)]
    assert [turn.index for turn in turns(call)] == list(range(len(answered)))
    assert len(barge_ins(call)) <= sum(step["do"] == "interrupt" for step in steps)
    assert all(0 < barge_in.latency_ms <= 1000 for barge_in in barge_ins(call))
    assert sum(isinstance(event, KeyPressed) for event in call.caller.events) == 2 * sum(
        step["do"] == "press" for step in steps
    )


@pytest.mark.parametrize(
    "step",
    [
        {"do": "sing"},
        {"do": "press", "digits": "12x"},
        {"do": "press", "digits": ""},
        {"do": "fall_silent"},
        {"do": "fall_silent", "ms": "soon"},
        {"do": "fall_silent", "ms": True},
        {"do": "speak", "loudly": True},
        {"do": "interrupt", "after_ms": -1},
    ],
)
def test_a_step_that_does_not_fit_is_refused(step: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Script.model_validate({"steps": [step]})


@given(st.integers(0, 1000), st.floats(0, 1000))
def test_a_script_is_written_as_it_is_read(pause_ms: int, silence_ms: float) -> None:
    steps = [{"do": "fall_silent", "ms": silence_ms}, {"do": "speak", "talk_ms": "lognormal:300,900"}]
    script = Script.model_validate({"reply_pause_ms": pause_ms, "steps": steps})
    assert TypeAdapter(Script).validate_json(script.model_dump_json()) == script
