"""The histogram of lateness keeps exact counts, never flatters, and merges without loss."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.twilio.lateness import Lateness

SAMPLES = st.lists(st.floats(-1, 30), min_size=1)


def of(samples: list[float]) -> Lateness:
    lateness = Lateness()
    for sample in samples:
        lateness.record(sample)
    return lateness


def test_without_frames_there_are_no_figures() -> None:
    assert Lateness().summary() == {"p50": None, "p99": None, "max": None}


@given(SAMPLES, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_at_most_a_step_above_the_true_one(samples: list[float], share: float) -> None:
    lateness = of(samples)
    true = max(0.0, sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)])
    found = lateness.percentile(share)
    assert found is not None
    assert found >= true - 1e-6
    if true < 24.9:
        assert found <= true + 0.1 + 1e-6


@given(SAMPLES, SAMPLES)
def test_merging_equals_recording_all(one: list[float], other: list[float]) -> None:
    merged = of(one)
    merged.merge(of(other))
    both = of(one + other)
    assert (merged.summary(), merged.frames, merged.late) == (both.summary(), both.frames, both.late)


@given(SAMPLES)
def test_late_means_half_a_frame_or_more(samples: list[float]) -> None:
    assert of(samples).late == sum(sample >= 10.0 for sample in samples)


def test_the_maximum_is_exact_beyond_the_buckets() -> None:
    assert of([1.0, 123.456]).summary()["max"] == pytest.approx(123.456)
