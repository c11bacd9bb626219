"""The counts behind `/__lab/metrics`."""

from hypothesis import given
from hypothesis import strategies as st

from mock_services.deepgram.tally import LONGEST_MS, Milliseconds, Tally


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


def test_clearing_begins_anew_for_those_who_hold_the_tally() -> None:
    tally = held = Tally()
    tally.errors["X"] += 1
    tally.lateness_ms.add(3.0)
    tally.sessions += 2
    tally.clear()
    assert held.summary() == Tally().summary()
