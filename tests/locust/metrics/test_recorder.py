"""A worker counts its requests by second, endpoint, scenario and outcome, in bounded room."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.histogram import Histogram
from metrics.recorder import OVERFLOW, Cell, Recorder


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def cells(delta: dict[str, Any]) -> dict[int, dict[tuple[str, str], Cell]]:
    return {
        second: {(request_type, name): Cell.decode(flat) for request_type, name, flat in found}
        for second, found in delta["seconds"]
    }


def recorder_at(now: float, **options: Any) -> tuple[Recorder, Clock, Clock]:
    clock, cpu = Clock(now), Clock(0.0)
    return Recorder(clock=clock, cpu_clock=cpu, **options), clock, cpu


def test_requests_are_counted_in_the_second_in_which_they_ended() -> None:
    recorder, clock, _ = recorder_at(100.2)
    recorder.record("GET", "/a", 12.5)
    clock.now = 100.9
    recorder.record("GET", "/a", 20.0, exception=TimeoutError())
    clock.now = 101.0
    recorder.record("GET", "/a", 7.0)
    found = cells(recorder.take())
    assert found[100][("GET", "/a")].requests == 2
    assert found[100][("GET", "/a")].failures == 1
    assert found[100][("GET", "/a")].outcomes == {"ok": 1, "timeout": 1}
    assert found[100][("GET", "/a")].latency.greatest == 20_000
    assert found[101][("GET", "/a")].latency.mean == 7000


def test_what_was_taken_is_not_given_again() -> None:
    recorder, _, _ = recorder_at(100)
    recorder.record("GET", "/a", 1.0, context={"scenario": "Reader"})
    recorder.take()
    delta = recorder.take()
    assert (delta["seconds"], delta["scenarios"], delta["overflow"]) == ([], {}, 0)


def test_scenarios_are_counted_with_their_failures() -> None:
    recorder, _, _ = recorder_at(100)
    recorder.record("GET", "/a", 1.0, context={"scenario": "Reader"})
    recorder.record("GET", "/a", 1.0, context={"scenario": "Reader"}, exception=ValueError())
    recorder.record("GET", "/a", 1.0)
    assert recorder.take()["scenarios"] == {"Reader": [2, 1], "(none)": [1, 0]}


def test_a_request_without_a_time_is_counted_and_has_no_latency() -> None:
    recorder, _, _ = recorder_at(100)
    recorder.record("WS", "/a", None)
    cell = cells(recorder.take())[100][("WS", "/a")]
    assert (cell.requests, cell.latency.count) == (1, 0)


def test_latency_counts_from_the_intended_start_as_well_when_there_is_one() -> None:
    recorder, _, _ = recorder_at(100)
    recorder.record("GET", "/a", 30.0, context={"intended_start": 99.5}, start_time=99.75)
    recorder.record("GET", "/a", 10.0)
    cell = cells(recorder.take())[100][("GET", "/a")]
    assert cell.latency.count == 2
    assert (cell.from_due.count, cell.from_due.greatest, cell.from_due.least) == (2, 280_000, 10_000)


def test_a_request_that_was_sent_when_it_was_due_has_one_latency_and_costs_no_second_histogram() -> None:
    recorder, _, _ = recorder_at(100)
    for _ in range(3):
        recorder.record("GET", "/a", 20.0, context={"late_s": 0.0})
    cell = cells(recorder.take())[100][("GET", "/a")]
    assert cell.intended is None
    assert cell.from_due is cell.latency


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5000), st.sampled_from([0, 0, 700])), max_size=40))
def test_cells_add_up_from_the_intended_start_whichever_of_them_were_late(found: list[tuple[int, int, int]]) -> None:
    parts = {number: Recorder(clock=lambda: 100.0) for number in (1, 2, 3)}
    for number, ms, late_ms in found:
        parts[number].record("GET", "/a", float(ms), context={"late_s": late_ms / 1000})
    sums = Cell.total()
    for recorder in parts.values():
        for cell in cells(recorder.take()).get(100, {}).values():
            sums.merge(cell)
    expected = Histogram()
    for _, ms, late_ms in found:
        expected.record((ms + late_ms) * 1000)
    assert sums.from_due.encode() == expected.encode()


def test_endpoints_beyond_the_bound_share_one_and_are_counted() -> None:
    recorder, clock, _ = recorder_at(100, max_endpoints=3)
    for second in (100, 101):
        clock.now = second
        for number in range(10):
            recorder.record("GET", f"/contacts/{number}", 1.0)
    delta = recorder.take()
    found = cells(delta)
    assert set(found[101]) == {("GET", "/contacts/0"), ("GET", "/contacts/1"), ("GET", "/contacts/2"), OVERFLOW}
    assert found[101][OVERFLOW].requests == 7
    assert delta["overflow"] == 14


def test_scenarios_are_bounded_too() -> None:
    recorder, _, _ = recorder_at(100)
    for number in range(200):
        recorder.record("GET", "/a", 1.0, context={"scenario": f"S{number}"})
    delta = recorder.take()
    scenarios = delta["scenarios"]
    assert len(scenarios) == 101
    assert delta["scenario_overflow"] == 100, "those without room are said"
    assert scenarios["(none)"] == [100, 0]


def test_cpu_is_the_share_of_one_core_since_the_last_take() -> None:
    recorder, clock, cpu = recorder_at(100)
    clock.now, cpu.now = 102, 0.5
    assert recorder.take()["cpu"] == pytest.approx(25)
    clock.now, cpu.now = 103, 1.5
    assert recorder.take()["cpu"] == pytest.approx(100)
    assert recorder.take()["cpu"] is None


def test_a_cleared_recorder_is_a_new_one() -> None:
    recorder, _, _ = recorder_at(100, max_endpoints=1)
    recorder.record("GET", "/a", 1.0)
    recorder.clear()
    recorder.record("GET", "/b", 1.0)
    assert list(cells(recorder.take())[100]) == [("GET", "/b")]
