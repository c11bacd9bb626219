"""Two runs are compared by what they stored, and "not enough data" is an answer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.compare import ALL, BETTER, NO_WORSE, ONLY_FIRST, ONLY_SECOND, SAME, TOO_FEW, WORSE, Comparison, Rules
from metrics.compare import compare as compare_by
from metrics.histogram import Histogram
from metrics.recorder import Cell, Endpoint
from metrics.stored import StoredRun

CONTACTS, LOGIN = ("GET", "/api/crm/contacts"), ("POST", "/api/auth/login")


def compare(first: StoredRun, second: StoredRun) -> Comparison:
    return compare_by(first, second, Rules())


def cell(seed: int, requests: int, ms: float = 50, failures: int = 0, slow_share: float = 0) -> Cell:
    """Lognormal latencies around a median, some of them ten times as long."""
    chance = random.Random(seed)
    made = Cell()
    made.requests, made.failures = requests, failures
    for _ in range(requests):
        micros = chance.lognormvariate(0, 0.3) * ms * 1000
        made.latency.record(int(micros * (10 if chance.random() < slow_share else 1)))
    return made


def run(**endpoints: Cell) -> StoredRun:
    names: dict[str, Endpoint] = {"contacts": CONTACTS, "login": LOGIN}
    return StoredRun("run", 7, 60, {names[name]: made for name, made in endpoints.items()})


def answers(found: Comparison) -> dict[Endpoint, str]:
    return {row.endpoint: row.answer for row in found.rows}


@given(seed=st.integers(0, 10**6), requests=st.integers(1, 400), failures=st.integers(0, 400))
def test_a_run_is_never_different_from_itself(seed: int, requests: int, failures: int) -> None:
    same = run(contacts=cell(seed, requests, failures=min(failures, requests)))
    found = compare(same, same)
    assert {row.answer for row in found.rows} <= {SAME, TOO_FEW}
    assert found.answer in {NO_WORSE, TOO_FEW}


def test_two_runs_of_the_same_system_are_no_different() -> None:
    found = compare(run(contacts=cell(1, 500), login=cell(2, 500)), run(contacts=cell(3, 500), login=cell(4, 500)))
    assert answers(found) == {CONTACTS: SAME, LOGIN: SAME, ALL: SAME}
    assert (found.answer, found.exit_code) == (NO_WORSE, 0)


@given(seed=st.integers(0, 10**6), factor=st.floats(1.4, 5))
def test_a_shift_is_found_in_both_directions(seed: int, factor: float) -> None:
    quick, slow = run(contacts=cell(seed, 300)), run(contacts=cell(seed + 1, 300, ms=50 * factor))
    found = compare(quick, slow)
    assert (found.answer, found.exit_code) == (WORSE, 1)
    assert found.rows[0].changes["p50"] == WORSE
    back = compare(slow, quick)
    assert (back.answer, back.exit_code) == (NO_WORSE, 0)
    assert answers(back)[CONTACTS] == BETTER


def test_a_tail_that_the_median_does_not_show_is_found() -> None:
    found = compare(run(contacts=cell(1, 1000)), run(contacts=cell(2, 1000, slow_share=0.1)))
    assert found.rows[0].changes == {"p95": WORSE}
    assert found.exit_code == 1


def test_errors_are_found_in_an_endpoint_and_in_the_run() -> None:
    found = compare(run(contacts=cell(1, 500)), run(contacts=cell(2, 500, failures=20)))
    assert [(row.endpoint, dict(row.changes)) for row in found.rows] == [
        (CONTACTS, {"errors": WORSE}),
        (ALL, {"errors": WORSE}),
    ]


def test_what_is_certain_and_does_not_matter_is_no_difference() -> None:
    found = compare(run(contacts=cell(1, 20_000)), run(contacts=cell(2, 20_000, ms=52)))
    (row,) = (row for row in found.rows if row.endpoint == CONTACTS)
    assert row.p_values["p50"] < 1e-6
    assert row.answer == SAME
    assert compare(run(contacts=cell(1, 20_000, ms=1)), run(contacts=cell(2, 20_000, ms=3))).exit_code == 0, "2 ms"


@pytest.mark.parametrize("requests", [1, 19, 40])
def test_too_few_requests_are_no_answer(requests: int) -> None:
    found = compare(run(contacts=cell(1, requests)), run(contacts=cell(2, requests)))
    assert answers(found)[CONTACTS] == TOO_FEW
    assert (found.answer, found.exit_code) == (TOO_FEW, 2)


def test_a_difference_that_few_requests_prove_is_one_all_the_same() -> None:
    assert compare(run(contacts=cell(1, 40)), run(contacts=cell(2, 40, ms=500))).exit_code == 1


def test_an_answer_rests_on_most_requests_of_both_runs() -> None:
    found = compare(run(contacts=cell(1, 900), login=cell(2, 10)), run(contacts=cell(3, 900), login=cell(4, 10)))
    assert answers(found)[LOGIN] == TOO_FEW
    assert found.exit_code == 0, "the rare endpoint holds one percent of the requests"
    moved = compare(run(contacts=cell(1, 900)), run(login=cell(2, 900)))
    assert answers(moved) == {CONTACTS: ONLY_FIRST, LOGIN: ONLY_SECOND, ALL: SAME}
    assert (moved.answer, moved.covered_percent) == (TOO_FEW, 0)


def test_latencies_from_the_intended_start_are_compared_when_asked_for() -> None:
    first, second = cell(1, 300), cell(2, 300)
    first.intended, second.intended = cell(3, 300).latency, cell(4, 300, ms=200).latency
    runs = run(contacts=first), run(contacts=second)
    assert compare(*runs).exit_code == 0
    assert compare_by(*runs, Rules(), intended=True).exit_code == 1
    first.intended = second.intended = None
    assert compare_by(*runs, Rules(), intended=True).exit_code == 0, "all were sent when they were due"


def test_nothing_at_all_is_not_enough_data() -> None:
    empty = StoredRun("empty", 7, 60, {})
    assert compare(empty, empty).exit_code == 2
    untimed = Cell()
    untimed.requests = 5
    untimed.latency = Histogram()
    assert compare(run(contacts=untimed), run(contacts=untimed)).exit_code == 2
