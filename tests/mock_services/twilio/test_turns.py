"""A caller waits, speaks and listens by its script, measures the agent's answers, and always comes to an end."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mock_services.core.latency import Fixed
from mock_services.twilio.protocol.noticed import FirstAudio, Turn
from mock_services.twilio.protocol.turns import Phase, Script
from tests.mock_services.twilio.talk import FRAME, Talk

BREATH = Fixed(100)
QUICK = Script(
    turns=1, lines=("short",), quiet_gap_ms=200, reply_pause_ms=BREATH, hang_up_pause_ms=BREATH, max_wait_ms=1000
)


def test_a_call_with_greeting_and_answer() -> None:
    talk = Talk(QUICK)
    talk.ticks(25)
    talk.agent_speaks(1.0)
    talk.until(Phase.SPEAKING)
    assert talk.now - 501.5 == pytest.approx(0.3, abs=0.03)  # quiet for the gap and a breath
    talk.until(Phase.WAITING)
    ended = talk.now
    talk.ticks(20)
    talk.agent_speaks(0.5)
    talk.until(Phase.DONE)
    assert talk.spoken() == [b"short 1", b"short 2"]
    first, turn = talk.caller.events
    assert isinstance(first, FirstAudio)
    assert first.latency_ms == pytest.approx(500.0)
    assert isinstance(turn, Turn)
    assert turn.latency_ms == pytest.approx(400.0)
    assert (turn.index, turn.timed_out, turn.overlapped) == (0, False, False)
    assert talk.now - (ended + 0.4 + 0.5) == pytest.approx(0.3, abs=0.03)


def test_latency_counts_to_when_voice_is_heard_not_to_when_it_arrived() -> None:
    talk = Talk(QUICK)
    talk.agent_speaks(0.2, after=0.5)
    talk.ticks(10)
    assert talk.caller.events == []
    talk.until(Phase.LISTENING)
    assert [event.fields() for event in talk.caller.events] == [{"latency_ms": pytest.approx(500.0)}]


def test_voice_that_is_cleared_before_it_is_heard_was_not_heard() -> None:
    talk = Talk(QUICK)
    talk.agent_speaks(0.2, after=0.5)
    talk.ticks(10)
    talk.agent_clears()
    talk.ticks(20)
    assert talk.caller.events == []
    assert talk.caller.phase is Phase.GREETING


def test_an_agent_that_never_speaks_costs_patience_and_no_more() -> None:
    talk = Talk(QUICK.model_copy(update={"turns": 2}))
    talk.until(Phase.DONE)
    assert talk.caller.events == [
        Turn(0, 1000.0, timed_out=True, overlapped=False),
        Turn(1, 1000.0, timed_out=True, overlapped=False),
    ]
    assert talk.now - 500.0 == pytest.approx(3.0 + 4 * FRAME, abs=0.15)


def test_a_caller_that_hangs_up_amid_a_turn_knows_how_long_it_had_waited() -> None:
    talk = Talk(QUICK)
    talk.agent_speaks(1.0)
    talk.until(Phase.WAITING)
    talk.ticks(20)
    talk.caller.leave()
    assert talk.caller.unanswered_ms == pytest.approx(400)
    assert talk.caller.phase is Phase.DONE


@pytest.mark.parametrize("until", [Phase.GREETING, Phase.LISTENING, Phase.SPEAKING, Phase.DONE])
def test_a_caller_that_waits_for_nothing_has_waited_for_nothing(until: Phase) -> None:
    talk = Talk(QUICK)
    if until is not Phase.GREETING:
        talk.agent_speaks(1.0)
    talk.until(until)
    talk.caller.leave()
    assert talk.caller.unanswered_ms is None


def test_an_agent_that_never_stops_is_interrupted_and_the_turn_says_so() -> None:
    talk = Talk(QUICK.model_copy(update={"max_listen_ms": 500}))
    talk.agent_speaks(60.0)
    talk.until(Phase.DONE)
    assert talk.caller.events[1] == Turn(0, 0.0, timed_out=False, overlapped=True)


def test_the_caller_waits_on_while_the_agent_takes_a_breath() -> None:
    talk = Talk(QUICK)
    talk.ticks(1)
    talk.agent_speaks(0.5)
    talk.agent_speaks(0.5, after=0.15)
    talk.until(Phase.SPEAKING)
    assert talk.now - 500.0 == pytest.approx(0.02 + 1.15 + 0.3, abs=0.03)


def test_a_caller_that_does_not_wait_for_a_greeting_speaks_at_once() -> None:
    talk = Talk(QUICK.model_copy(update={"wait_for_greeting": False}))
    assert talk.until(Phase.SPEAKING) <= 1


def test_a_call_without_turns_ends_after_the_greeting() -> None:
    talk = Talk(QUICK.model_copy(update={"turns": 0}))
    talk.ticks(1)
    talk.agent_speaks(0.1)
    talk.until(Phase.DONE)
    assert talk.spoken() == []
    assert [type(event) for event in talk.caller.events] == [FirstAudio]


def test_no_call_outlasts_its_limit() -> None:
    talk = Talk(Script(turns=1, lines=("long",), wait_for_greeting=False, max_call_ms=500))
    talk.until(Phase.DONE)
    assert talk.now - 500.0 == pytest.approx(0.5, abs=0.03)


def test_lines_come_in_order_and_again() -> None:
    talk = Talk(QUICK.model_copy(update={"turns": 3, "lines": ("short", "long"), "max_wait_ms": 100}))
    talk.until(Phase.DONE)
    assert [payload for payload in talk.spoken() if payload.endswith(b" 1")] == [b"short 1", b"long 1", b"short 1"]


def test_what_is_said_by_chance_comes_from_the_seed() -> None:
    def said(seed: int) -> list[bytes]:
        talk = Talk(Script(turns=2, max_wait_ms=100, wait_for_greeting=False), seed)
        talk.until(Phase.DONE)
        return talk.sent

    assert said(1) == said(1)
    assert len({tuple(said(seed)) for seed in range(10)}) > 1


Wait = Iterable[tuple[int, float, float]]


@given(
    st.builds(
        Script,
        turns=st.integers(0, 3),
        wait_for_greeting=st.booleans(),
        max_wait_ms=st.integers(100, 500),
        quiet_gap_ms=st.integers(100, 500),
        max_listen_ms=st.integers(100, 1000),
        reply_pause_ms=st.builds(Fixed, st.floats(0, 300)),
        hang_up_pause_ms=st.builds(Fixed, st.floats(0, 300)),
        talk_ms=st.none() | st.builds(Fixed, st.floats(0, 2000)),
    ),
    st.lists(st.tuples(st.integers(0, 30), st.floats(0.02, 3), st.floats(0, 1)), max_size=30),
)
def test_whatever_the_agent_does_every_turn_is_told_once_and_the_call_ends(script: Script, agent: Wait) -> None:
    talk = Talk(script)
    for frames, seconds, after in agent:
        talk.ticks(frames)
        talk.agent_speaks(seconds, after)
    talk.until(Phase.DONE, 60_000)
    turns = [event for event in talk.caller.events if isinstance(event, Turn)]
    assert [turn.index for turn in turns] == list(range(script.turns))
    assert all(turn.latency_ms == script.max_wait_ms for turn in turns if turn.timed_out)
    assert all(0 <= turn.latency_ms <= script.max_wait_ms + 20.1 for turn in turns)
    assert sum(isinstance(event, FirstAudio) for event in talk.caller.events) <= 1


@pytest.mark.parametrize(
    "values",
    [{"turns": -1}, {"turns": 1000}, {"max_wait_ms": 0}, {"lines": []}, {"quiet_gap_ms": "soon"}, {"patience": 3}],
)
def test_a_script_has_bounds(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Script.model_validate(values)
