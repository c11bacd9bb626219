"""A process is busy by the ten seconds in which it used most of a core, however long the run goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.core_use import CoreUse


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
    assert CoreUse(samples).busiest == pytest.approx(expected)


@given(st.lists(st.floats(0, 400), min_size=10, max_size=50))
def test_the_busiest_ten_seconds_are_those_of_the_whole_run(samples: list[float]) -> None:
    use = CoreUse()
    assert use.latest is None
    for sample in samples:
        use.add(sample)
    assert use.latest == samples[-1]
    assert use.busiest == pytest.approx(max(sum(samples[at : at + 10]) / 10 for at in range(len(samples) - 9)))
