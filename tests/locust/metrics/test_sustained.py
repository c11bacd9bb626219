"""A process is busy by the ten seconds in which it used most of a core, however long the run goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.sustained import Bearing, Sustained


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], 0),
        ([100, 100], 0),
        ([100, 100, 100], 100),
        ([10] * 30 + [95] * 10 + [10] * 30, 95),
        ([10] * 30 + [100] * 5 + [10] * 30, 55),
    ],
)
def test_cpu_is_judged_over_ten_seconds(samples: list[float], expected: float) -> None:
    assert Sustained(samples).worst == pytest.approx(expected)


@given(st.lists(st.floats(0, 400), min_size=10, max_size=50))
def test_the_busiest_ten_seconds_are_those_of_the_whole_run(samples: list[float]) -> None:
    use = Sustained()
    assert use.latest is None
    for sample in samples:
        use.add(sample)
    assert use.latest == samples[-1]
    assert use.worst == pytest.approx(max(sum(samples[at : at + 10]) / 10 for at in range(len(samples) - 9)))


def test_a_standstill_in_a_run_of_less_than_ten_seconds_is_not_what_it_bore() -> None:
    bearing = Bearing()
    for held_up in (0, 0, 100, 100, 100, 0, 0, 0, 0):
        bearing.held_up.add(held_up)
    assert bearing.worst.held_up == 0
    bearing.held_up.add(0)
    assert bearing.worst.held_up == 30


def test_seconds_that_were_not_looked_at_one_by_one_count_each() -> None:
    use = Sustained([10] * 8)
    use.add(40, seconds=2)
    assert use.worst == 16
    use.add(50, seconds=3600)
    assert use.worst == 50
