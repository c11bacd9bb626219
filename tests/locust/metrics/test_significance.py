"""The tests agree with scipy's answers, and keep what a test of significance promises."""

import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.histogram import Histogram
from metrics.significance import fisher, holm, mann_whitney, proportions, tail, values_needed


def histogram(values: Iterable[int]) -> Histogram:
    made = Histogram()
    for value in values:
        made.record(value)
    return made


samples = st.lists(st.integers(0, 10**7), min_size=1, max_size=60).map(histogram)


# The p-values below are those of scipy 1.16: mannwhitneyu(method="asymptotic"), fisher_exact, chi2_contingency and
# median_test (both with correction=False).
@pytest.mark.parametrize(
    ("first", "second", "p_value", "probability"),
    [
        (
            [1, 2, 2, 3, 5, 8, 8, 13, 21, 34],
            [2, 3, 3, 5, 8, 13, 21, 21, 34, 55, 89, 100],
            0.1273148902939365,
            0.6958333333333333,
        ),
        (
            [10] * 5 + [20] * 30 + [30] * 20,
            [10] * 3 + [20] * 20 + [30] * 25 + [40] * 9,
            0.0036292880876180973,
            0.6467304625199363,
        ),
    ],
)
def test_mann_whitney_equals_scipys(first: list[int], second: list[int], p_value: float, probability: float) -> None:
    found = mann_whitney(histogram(first), histogram(second))
    assert found.p_value == pytest.approx(p_value, rel=1e-9)
    assert found.probability == pytest.approx(probability, rel=1e-9)


@pytest.mark.parametrize(
    ("table", "p_value"),
    [
        ((1, 10, 11, 14), 0.0027594561852200836),
        ((0, 200, 4, 200), 0.12312266813128538),
        ((3, 100, 9, 100), 0.13376254234859514),
        ((5, 10, 5, 10), 1.0),
    ],
)
def test_fishers_test_equals_scipys(table: tuple[int, int, int, int], p_value: float) -> None:
    assert fisher(*table) == pytest.approx(p_value, rel=1e-6)


@pytest.mark.parametrize(
    ("table", "p_value"),
    [((30, 1000, 52, 1000), 0.0131057030456447), ((400, 1000, 350, 1000), 0.020921335337794004)],
)
def test_two_proportions_equal_scipys_chi_square(table: tuple[int, int, int, int], p_value: float) -> None:
    assert proportions(*table) == pytest.approx(p_value, rel=1e-9)


def test_small_counts_are_tested_exactly() -> None:
    assert proportions(0, 200, 4, 200) == fisher(0, 200, 4, 200)
    assert proportions(0, 0, 4, 200) == proportions(0, 10, 0, 10) == proportions(10, 10, 10, 10) == 1.0


def test_the_test_of_a_quantile_is_the_median_test_of_the_median() -> None:
    found = tail(histogram(range(1, 101)), histogram(range(41, 141)), 0.5)
    assert found == pytest.approx(1.5417257900280013e-08, rel=1e-9)


@given(samples, samples)
def test_which_sample_comes_first_does_not_matter(first: Histogram, second: Histogram) -> None:
    one, other = mann_whitney(first, second), mann_whitney(second, first)
    assert 0 <= one.p_value <= 1
    assert one.p_value == pytest.approx(other.p_value, rel=1e-9)
    assert one.probability == pytest.approx(1 - other.probability, abs=1e-9)
    assert tail(first, second, 0.95) == pytest.approx(tail(second, first, 0.95), rel=1e-6)


@given(samples)
def test_a_sample_does_not_differ_from_itself(sample: Histogram) -> None:
    found = mann_whitney(sample, sample)
    assert found.p_value == 1
    assert found.probability == pytest.approx(0.5)
    assert tail(sample, sample, 0.95) == pytest.approx(1, rel=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_correction_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    by_value = sorted(zip(p_values, corrected, strict=True))
    assert [after for _, after in by_value] == sorted(corrected)
    assert min(corrected) == pytest.approx(min(1, len(p_values) * min(p_values)))


def test_holms_correction_of_a_known_family() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_chance_alone_is_called_a_difference_as_often_as_the_level_says() -> None:
    chance = random.Random(7)
    alarms = 0
    for _ in range(400):
        first, second = (histogram(int(chance.lognormvariate(10, 0.5)) for _ in range(60)) for _ in range(2))
        alarms += mann_whitney(first, second).p_value < 0.05
    assert 8 <= alarms <= 34  # 20 expected; beyond these one in a thousand such tests


def test_as_many_values_as_are_needed_find_the_effect_as_often_as_they_should() -> None:
    chance = random.Random(7)
    needed = values_needed(0.05, 0.8, 0.64, 0.5)
    assert needed == pytest.approx(133.5, abs=0.1)
    shift = math.sqrt(2) * 0.3584587932 * 0.5  # of a lognormal's logarithm, which makes P(second > first) 0.64
    found = 0
    for _ in range(200):
        first = histogram(int(chance.lognormvariate(10, 0.5)) for _ in range(round(needed / 2)))
        second = histogram(int(chance.lognormvariate(10 + shift, 0.5)) for _ in range(round(needed / 2)))
        found += mann_whitney(first, second).p_value < 0.05
    assert found / 200 == pytest.approx(0.8, abs=0.1)
