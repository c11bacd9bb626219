"""Counts of others grow from the run's start, second by second, whatever happens to who keeps them."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.sources.counters import Counters


def test_what_was_there_before_the_run_is_none_of_its_own() -> None:
    counters: Counters[str] = Counters()
    assert counters.at(1, {"a": 100}) == {"a": (0, 0)}
    assert counters.at(2, {"a": 103, "b": 2}) == {"a": (3, 3), "b": (2, 2)}
    assert counters.at(3, {"a": 103, "b": 3}) == {"a": (0, 3), "b": (1, 3)}


def test_a_second_that_is_written_twice_has_all_of_its_growth_in_the_second_point() -> None:
    counters: Counters[str] = Counters()
    counters.at(1, {"a": 0})
    assert counters.at(2, {"a": 3}) == {"a": (3, 3)}
    assert counters.at(2, {"a": 5}) == {"a": (5, 5)}
    assert counters.at(3, {"a": 6}) == {"a": (1, 6)}


def test_a_double_that_was_started_anew_goes_on_counting() -> None:
    counters: Counters[str] = Counters()
    counters.at(1, {"a": 10})
    counters.at(2, {"a": 14})
    assert counters.at(3, {"a": 2}) == {"a": (2, 6)}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), min_size=1))
def test_the_growth_of_all_seconds_is_the_growth_so_far(steps: list[tuple[int, int]]) -> None:
    counters: Counters[str] = Counters()
    second, count, by_second, so_far = 0, 7, {}, 0
    for later, more in [(0, 0), *steps]:
        second, count = second + later, count + more
        by_second[second], so_far = counters.at(second, {"a": count})["a"]
    assert sum(by_second.values()) == so_far == count - 7
