"""Percentiles are those of the raw values to 0.1 %, whatever was merged or sent over the wire in between."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.histogram import EXACT, LARGEST, PARTS, Histogram, Total, middle_of

micros = st.one_of(st.integers(0, 5000), st.integers(0, LARGEST))
samples = st.lists(micros, min_size=1, max_size=300)
quantiles = st.integers(0, PARTS).map(lambda parts: parts / PARTS)


def recorded(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def exact_percentile(values: list[int], quantile: float) -> int:
    return sorted(values)[max(1, math.ceil(Fraction(round(quantile * PARTS), PARTS) * len(values))) - 1]


@given(samples, quantiles)
def test_a_percentile_is_within_a_thousandth_of_the_exact_one(values: list[int], quantile: float) -> None:
    exact = exact_percentile(values, quantile)
    found = recorded(values).percentile(quantile)
    assert found is not None
    assert abs(found - exact) <= exact * 0.001


@given(st.integers(1, 3_000), st.decimals(0, 100, places=3))
def test_a_rank_is_that_of_the_percent_as_it_is_written(count: int, percent: Decimal) -> None:
    rank = max(1, math.ceil(Fraction(percent) * count / 100))
    histogram = recorded([1] * (rank - 1) + [2] + [3] * (count - rank))
    assert histogram.percentile(float(percent) / 100) == 2


@given(samples, st.lists(quantiles, min_size=1, max_size=6))
def test_percentiles_in_one_pass_are_those_one_by_one(values: list[int], wanted: list[float]) -> None:
    histogram = recorded(values)
    assert histogram.percentiles(sorted(wanted)) == [histogram.percentile(quantile) for quantile in sorted(wanted)]


@given(samples, samples)
def test_merged_histograms_are_the_histogram_of_all_values(first: list[int], second: list[int]) -> None:
    merged = recorded(first)
    merged.merge(recorded(second))
    assert merged.encode() == recorded(first + second).encode()
    assert merged.count == len(first) + len(second)


@given(st.lists(samples, min_size=1, max_size=5), st.lists(quantiles, min_size=1, max_size=6))
def test_a_total_has_the_percentiles_of_the_histograms_in_it(parts: list[list[int]], wanted: list[float]) -> None:
    total, plain = Total(), recorded([value for part in parts for value in part])
    for part in parts:
        total.merge(recorded(part))
    assert total.percentiles(sorted(wanted)) == plain.percentiles(sorted(wanted))
    assert total.encode() == plain.encode()


@given(st.lists(micros, max_size=300))
def test_what_was_encoded_decodes_to_the_same(values: list[int]) -> None:
    histogram = recorded(values)
    decoded = Histogram.decode(histogram.encode())
    assert decoded.encode() == histogram.encode()
    assert (decoded.count, decoded.mean) == (histogram.count, histogram.mean)


@given(samples)
def test_count_mean_and_extremes_are_exact(values: list[int]) -> None:
    histogram = recorded(values)
    assert histogram.count == len(values)
    assert histogram.mean == sum(values) / len(values)
    assert (histogram.least, histogram.greatest) == (min(values), max(values))
    assert histogram.percentile(1) == max(values) or histogram.percentile(1) == pytest.approx(max(values), rel=0.0005)


def bucket_of(value: int) -> int:
    (index,) = recorded([value]).buckets
    return index


@given(micros)
def test_buckets_rise_with_their_values_and_hold_them(value: int) -> None:
    assert bucket_of(value) <= bucket_of(value + 1) <= bucket_of(value) + 1
    assert bucket_of(int(middle_of(bucket_of(value)))) == bucket_of(value)


def test_an_empty_histogram_has_no_percentile_and_no_mean() -> None:
    assert Histogram().percentile(0.5) is None
    assert Histogram().mean is None


def test_values_out_of_range_are_kept_at_its_ends() -> None:
    histogram = recorded([-5, LARGEST * 3])
    assert (histogram.least, histogram.greatest) == (0, LARGEST)


def test_a_day_of_values_takes_a_bounded_number_of_buckets() -> None:
    assert bucket_of(LARGEST) < 30 * EXACT


@pytest.mark.parametrize("bad", [[], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4, -1], [1, 2, 3.0], [True, 2, 3], ["a", 2, 3]])
def test_what_no_histogram_wrote_is_refused(bad: list[int]) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        Histogram.decode(bad)
