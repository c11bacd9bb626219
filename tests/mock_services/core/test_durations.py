"""The distributions that doubles keep of their durations."""

from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.durations import LONGEST_MS, Milliseconds


def test_an_empty_distribution_says_only_that() -> None:
    assert Milliseconds().summary() == {"count": 0}


@given(st.lists(st.floats(0, LONGEST_MS), min_size=1, max_size=200))
def test_percentiles_are_exact_to_a_millisecond(durations: list[float]) -> None:
    distribution = Milliseconds()
    for duration in durations:
        distribution.add(duration)
    summary = distribution.summary()
    ordered = sorted(durations)
    assert summary["count"] == len(ordered)
    assert summary["max"] == round(ordered[-1], 3)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = next(value for rank, value in enumerate(ordered, 1) if rank >= share * len(ordered))
        assert summary[name] == int(exact)


def test_longer_than_the_longest_is_kept_as_the_longest_but_not_in_the_maximum() -> None:
    distribution = Milliseconds()
    distribution.add(25_000.0)
    assert (distribution.summary()["p50"], distribution.summary()["max"]) == (LONGEST_MS, 25_000.0)
