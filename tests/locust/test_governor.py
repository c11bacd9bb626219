"""The governor: at most 120 requests in any minute, and none while the target said to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.governor import LIMIT, LONGEST_HOLD_S, PERIOD_S, Governor

pauses = st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=600)


def departures(governor: Governor, thinking: list[float]) -> list[float]:
    """When requests leave that a user makes with these pauses between them."""
    now, left = 1000.0, []
    for pause in thinking:
        now += pause
        now += governor.delay(now)
        governor.record(now)
        left.append(now)
    return left


@given(pauses)
def test_no_minute_holds_more_than_the_limit(thinking: list[float]) -> None:
    left = departures(Governor(), thinking)
    for first, beyond in zip(left, left[LIMIT:], strict=False):
        assert beyond - first >= PERIOD_S


@given(pauses, st.floats(min_value=0, max_value=1))
def test_a_fixed_window_that_opens_with_any_arrival_holds_no_more(thinking: list[float], delay: float) -> None:
    """The platform's way to count: a window opens with a request, lasts 60 s, and the next opens after it."""
    counted, opened = 0, float("-inf")
    for arrival in (moment + delay for moment in departures(Governor(), thinking)):
        if arrival - opened >= PERIOD_S:
            counted, opened = 0, arrival
        counted += 1
        assert counted <= LIMIT


def test_the_first_requests_of_a_minute_are_not_held_up() -> None:
    governor = Governor()
    for _ in range(LIMIT):
        assert governor.delay(5.0) == 0
        governor.record(5.0)
    assert governor.delay(5.0) >= PERIOD_S
    assert governor.delay(5.0 + PERIOD_S + 1) == 0


@given(st.floats(min_value=0, max_value=LONGEST_HOLD_S), st.floats(min_value=0, max_value=LONGEST_HOLD_S))
def test_nothing_leaves_while_the_target_said_to_wait(one: float, other: float) -> None:
    governor = Governor()
    governor.hold(0.0, one)
    governor.hold(0.0, other)
    assert governor.delay(0.0) == pytest.approx(max(one, other))
    assert governor.delay(max(one, other)) == 0


def test_an_absurd_wait_is_cut() -> None:
    governor = Governor()
    governor.hold(0.0, 1e9)
    assert governor.delay(0.0) == LONGEST_HOLD_S
