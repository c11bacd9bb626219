"""An open model's schedule: the same for the same seed, and every start somebody's."""

import itertools
import math
import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.schedule import Share, fall_to, shares, starts

WEIGHTS = {"CrmUser": 4, "CalendarUser": 3, "AuthUser": 2, "TelephonyUser": 1}
CLASSES = st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.integers(0, 7), max_size=4)


def test_one_seed_gives_one_schedule_and_another_gives_another() -> None:
    one, again, other = (list(itertools.islice(starts(seed, 20, WEIGHTS), 200)) for seed in (7, 7, 8))
    assert one == again
    assert one != other
    assert [start.offset_s for start in one[:3]] == [0, 0.05, 0.1]


def test_by_chance_starts_are_a_poisson_process_of_the_rate() -> None:
    offsets = [start.offset_s for start in itertools.islice(starts(7, 20, WEIGHTS, poisson=True), 4001)]
    gaps = [after - before for before, after in itertools.pairwise(offsets)]
    assert statistics.mean(gaps) == pytest.approx(1 / 20, rel=0.05)
    assert statistics.stdev(gaps) == pytest.approx(1 / 20, rel=0.05)  # an exponential distribution's is its mean
    assert statistics.median(gaps) == pytest.approx(math.log(2) / 20, rel=0.05)
    again = [start.offset_s for start in itertools.islice(starts(7, 20, WEIGHTS, poisson=True), 4001)]
    assert again == offsets


def test_classes_start_in_proportion_to_their_weights() -> None:
    dealt = Counter(start.user_class for start in itertools.islice(starts(1, 5, WEIGHTS), 1000))
    assert dealt == {name: 100 * weight for name, weight in WEIGHTS.items()}


def test_the_order_of_the_classes_does_not_matter() -> None:
    backwards = dict(reversed(WEIGHTS.items()))
    assert list(itertools.islice(starts(1, 5, WEIGHTS), 50)) == list(itertools.islice(starts(1, 5, backwards), 50))


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), CLASSES, min_size=1, max_size=4), st.integers(0, 500))
def test_each_start_falls_to_exactly_one_process_that_has_such_a_user(
    users: dict[str, dict[str, int]], serial: int
) -> None:
    dealt = shares(users)
    for name in WEIGHTS:
        takers = [process for process, own in dealt.items() if name in own and own[name].takes(serial)]
        assert len(takers) == (1 if any(classes.get(name) for classes in users.values()) else 0)
        assert all(users[process][name] for process in takers)


def test_a_process_takes_as_much_as_it_has_users() -> None:
    dealt = shares({"one": {"CrmUser": 3}, "two": {"CrmUser": 1}})
    assert dealt == {"one": {"CrmUser": Share(0, 3, 4)}, "two": {"CrmUser": Share(3, 1, 4)}}
    taken = Counter(process for serial in range(400) for process, own in dealt.items() if own["CrmUser"].takes(serial))
    assert taken == {"one": 300, "two": 100}


def test_what_falls_to_some_users_within_a_time_can_be_counted() -> None:
    dealt = shares({"a": WEIGHTS, "b": WEIGHTS})
    counts = [fall_to(starts(7, 20, WEIGHTS), own, 1.0, 6.0) for own in dealt.values()]
    assert sum(counts) == 100
    assert counts == pytest.approx([50, 50], abs=5)
    assert fall_to(starts(7, 20, WEIGHTS), {}, 1.0, 6.0) == 0
