"""A schedule decides by seed, order and time alone, and each fault hits just what it says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.faults.rules import Conditions
from mock_services.core.faults.schedule import Schedule, Subject

REQUEST = Subject("request", "GET /things/{id}", "/things/7", "run-1", b"/things/7?\n")
SECONDS = st.floats(0, 100)
CHOICES = st.one_of(
    st.just({}),
    st.builds(lambda share: {"probability": share}, st.floats(0.01, 1)),
    st.builds(lambda n: {"every": n}, st.integers(1, 5)),
    st.builds(lambda n: {"first": n}, st.integers(1, 5)),
)
WINDOWS = st.one_of(
    st.just({}), st.builds(lambda start, length: {"from_s": start, "for_s": length}, SECONDS, st.floats(0.1, 50))
)
FILTERS = st.sampled_from([{}, {"path": "/things/*"}, {"operation": "GET /other"}, {"run": "run-1"}, {"call": "CA1"}])


def faults(*given: dict[str, Any]) -> Conditions:
    named = [{"name": f"fault {n}", "description": "why", "kind": "timeout", **each} for n, each in enumerate(given)]
    return Conditions.model_validate({"faults": named})


def hits(schedule: Schedule, times: list[float], subject: Subject = REQUEST) -> list[str | None]:
    return [None if (hit := schedule.choose(subject, now)) is None else hit.fault.name for now in times]


@given(
    st.lists(
        st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, CHOICES, WINDOWS, FILTERS),
        max_size=5,
    ),
    st.lists(st.tuples(SECONDS, st.sampled_from(["/things/7", "/other"]), st.sampled_from([b"", b"CA1"])), max_size=20),
    st.text(min_size=1, max_size=5),
)
def test_the_same_seed_and_order_hit_the_same_requests(
    rules: list[dict[str, Any]], requests: list[tuple[float, str, bytes]], seed: str
) -> None:
    conditions = faults(*rules)
    outcomes = []
    for _ in range(2):
        schedule = Schedule(conditions.faults, seed, 0.0)
        outcomes.append(
            [
                hit and (hit.fault.name, hit.random.random())
                for at, path, text in sorted(requests)
                for hit in [schedule.choose(REQUEST._replace(path=path, text=text), at)]
            ]
        )
    assert outcomes[0] == outcomes[1]


@given(CHOICES, WINDOWS, st.lists(SECONDS, max_size=50))
def test_nothing_is_hit_outside_of_its_time(
    choice: dict[str, Any], window: dict[str, float], times: list[float]
) -> None:
    schedule = Schedule(faults({**choice, **window}).faults, "lab", 0.0)
    start, end = window.get("from_s", 0.0), window.get("from_s", 0.0) + window.get("for_s", float("inf"))
    for now, name in zip(sorted(times), hits(schedule, sorted(times)), strict=True):
        assert name is None or start <= now < end


@given(st.integers(1, 7), st.integers(0, 40))
def test_every_nth_is_every_nth_and_the_first_n_are_the_first(n: int, requests: int) -> None:
    times = [0.0] * requests
    every = hits(Schedule(faults({"every": n}).faults, "lab", 0.0), times)
    assert [place for place, name in enumerate(every, 1) if name] == list(range(n, requests + 1, n))
    first = hits(Schedule(faults({"first": n}).faults, "lab", 0.0), times)
    assert [name is not None for name in first] == [True] * min(n, requests) + [False] * max(0, requests - n)


def test_probability_is_the_share_that_is_hit() -> None:
    schedule = Schedule(faults({"probability": 0.2}).faults, "lab", 0.0)
    hit = sum(name is not None for name in hits(schedule, [0.0] * 10_000))
    assert hit == pytest.approx(2_000, rel=0.1)


@given(st.floats(0.01, 1), st.integers(1, 5))
def test_what_one_fault_draws_does_not_shift_what_another_hits(share: float, first: int) -> None:
    alone = hits(Schedule(faults({}, {"probability": share}).faults[1:], "lab", 0.0), [0.0] * 20)
    below = hits(Schedule(faults({"run": "another"}, {"probability": share}).faults, "lab", 0.0), [0.0] * 20)
    assert alone == below


def test_the_first_fault_that_hits_is_the_one_and_those_below_are_not_asked() -> None:
    schedule = Schedule(faults({"every": 2}, {"first": 2}).faults, "lab", 0.0)
    assert hits(schedule, [0.0] * 4) == ["fault 1", "fault 0", "fault 1", "fault 0"]
    assert [(count.seen, count.hits) for count in schedule.counts(0.0)] == [(4, 2), (2, 2)]


@pytest.mark.parametrize(
    ("rule", "subject", "hit"),
    [
        ({"path": "/things/*"}, REQUEST, True),
        ({"path": "/things"}, REQUEST, False),
        ({"path": "*7"}, REQUEST, True),
        ({"path": "/things/[7]"}, REQUEST, False),
        ({"operation": "GET /things/{id}"}, REQUEST, True),
        ({"operation": "POST *"}, REQUEST, False),
        ({"run": "run-1"}, REQUEST, True),
        ({"run": "run-2"}, REQUEST, False),
        ({"call": "CA77"}, REQUEST._replace(text=b"/voice?\nCallSid=CA77&From=1"), True),
        ({"call": "CA77"}, REQUEST, False),
        ({"kind": "webhook-duplicate"}, REQUEST, False),
        ({"kind": "webhook-duplicate"}, REQUEST._replace(place="webhook"), True),
        ({"kind": "drop", "after_s": 1}, REQUEST._replace(place="socket"), True),
        ({"kind": "truncate"}, REQUEST._replace(place="socket"), False),
    ],
)
def test_filters_ask_for_what_they_name(rule: dict[str, Any], subject: Subject, hit: bool) -> None:
    schedule = Schedule(faults(rule).faults, "lab", 0.0)
    assert (schedule.choose(subject, 0.0) is not None) == hit


def test_a_schedule_begun_anew_is_as_it_was_at_first() -> None:
    schedule = Schedule(faults({"probability": 0.5, "from_s": 1, "for_s": 2}).faults, "lab", 0.0)
    times = [n / 20 for n in range(80)]
    before = hits(schedule, times)
    schedule.begin(100.0)
    assert hits(schedule, [100 + now for now in times]) == before
    assert [count.in_force for count in schedule.counts(102.0)] == [True]
    assert [count.in_force for count in schedule.counts(103.0)] == [False]
