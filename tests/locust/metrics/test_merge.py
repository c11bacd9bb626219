"""What workers send adds up to what one recorder of all requests would hold, second by second and over the run."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metrics.merge import KEEP_S, Merge, Second
from metrics.recorder import OVERFLOW, Cell, Recorder

START = 1000

events = st.lists(
    st.tuples(
        st.sampled_from(["w1", "w2", "w3"]),
        st.floats(0, 9.9),
        st.sampled_from(["/api/crm/a", "/api/auth/b", "/c"]),
        st.floats(0, 5000),
        st.booleans(),
    ),
    max_size=80,
)


def delta_at(now: float, requests: list[tuple[float, str, float]], **more: Any) -> dict[str, Any]:
    clock = [float(START)]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    for ended, name, ms in requests:
        clock[0] = ended
        recorder.record("GET", name, ms)
    clock[0] = now
    return recorder.take() | more


@given(events)
def test_merged_seconds_and_totals_equal_those_of_one_recorder(
    found: list[tuple[str, float, str, float, bool]],
) -> None:
    clock = [0.0]
    recorders = {name: Recorder(clock=lambda: clock[0]) for name in ("w1", "w2", "w3", "all")}
    merge, alone = Merge(START), Merge(START)
    seconds: dict[int, Second] = {}
    ordered = sorted(found, key=lambda event: event[1])
    for second in range(11):
        for worker, at, name, ms, failed in ordered:
            if second <= at < second + 1:
                clock[0] = START + at
                for recorder in (recorders[worker], recorders["all"]):
                    recorder.record("GET", name, ms, exception=TimeoutError() if failed else None)
        clock[0] = START + second + 1
        for worker in ("w1", "w2", "w3"):
            merge.add(worker, recorders[worker].take(), clock[0])
        alone.add("all", recorders["all"].take(), clock[0])
        seconds |= {whole.time: whole for whole in merge.closed(clock[0])}
    assert merge.overall.encode() == alone.overall.encode()
    assert {key: cell.encode() for key, cell in merge.endpoints.items()} == {
        key: cell.encode() for key, cell in alone.endpoints.items()
    }
    assert {name: cell.encode() for name, cell in merge.areas.items()} == {
        name: cell.encode() for name, cell in alone.areas.items()
    }
    assert list(seconds) == list(range(START, START + 11))
    summed = Cell()
    for closed in seconds.values():
        summed.merge(closed.overall)
    assert summed.encode() == merge.overall.encode()


def test_a_second_is_whole_once_every_worker_has_reported_a_later_time() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 1.4, [(START + 0.5, "/a", 1)]), START + 1.4)
    merge.add("w2", delta_at(START + 0.8, [(START + 0.6, "/a", 1)]), START + 0.8)
    assert merge.closed(START + 1.5) == []
    merge.add("w2", delta_at(START + 1.8, [(START + 0.9, "/a", 1)]), START + 1.8)
    (second,) = merge.closed(START + 1.9)
    assert (second.time, second.overall.requests) == (START, 3)


def test_of_a_long_time_in_which_nobody_looked_only_seconds_with_requests_are_handed_over() -> None:
    merge = Merge(START)
    for at in (3, 8 * 3600):
        merge.add("w", delta_at(START + at + 1, [(START + at, "/a", 5.0)]), START + at + 1)
    times = [second.time - START for second in merge.closed(START + 8 * 3600 + 2.5, everything=True)]
    assert times == [3, *range(8 * 3600 + 3 - KEEP_S, 8 * 3600 + 3)]


def test_a_silent_worker_holds_a_second_up_only_for_a_while() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 1, []), START + 1)
    merge.add("w2", delta_at(START + 9, [(START + 2.5, "/a", 1)]), START + 9)
    assert [second.time for second in merge.closed(START + 9)] == list(range(START, START + 9))


def test_a_late_report_opens_its_second_again_with_the_fuller_values() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 6, [(START + 0.5, "/a", 1)]), START + 6)
    assert [second.overall.requests for second in merge.closed(START + 6)] == [1, 0, 0, 0, 0, 0]
    merge.add("w2", delta_at(START + 6, [(START + 0.7, "/a", 1)]), START + 6)
    assert [(second.time, second.overall.requests) for second in merge.closed(START + 6)] == [(START, 2)]
    assert merge.overall.requests == 2


def test_a_report_that_is_very_late_still_counts_once() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 90, []), START + 90)
    merge.closed(START + 90)
    merge.add("w2", delta_at(START + 90, [(START + 1, "/a", 1)]), START + 90)
    (second,) = merge.closed(START + 91)[:1]
    assert second.time >= START + 89 - KEEP_S
    assert second.overall.requests == 1


def test_the_end_hands_over_what_is_not_whole_yet() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 0.9, [(START + 0.5, "/a", 1)]), START + 0.9)
    assert [second.overall.requests for second in merge.closed(START + 0.9, everything=True)] == [1]


def test_a_worker_whose_clock_is_off_is_set_right() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 1.5, [(START + 0.5, "/a", 1)]), START + 1.5)
    merge.add("w2", delta_at(START + 61.5, [(START + 60.5, "/a", 1)]), START + 1.5)
    (second,) = merge.closed(START + 1.6)
    assert (second.time, second.overall.requests) == (START, 2)
    assert merge.workers["w2"].clock_offset == 60


def test_a_report_that_comes_late_says_nothing_of_its_workers_clock() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 1.1, [(START + 0.5, "/a", 1)]), START + 1.2)
    merge.add("w1", delta_at(START + 2.1, [(START + 1.5, "/a", 1)]), START + 7.0)
    assert merge.workers["w1"].clock_offset == 0
    assert [second.time for second in merge.closed(START + 7.1, everything=True) if second.overall.requests] == [
        START,
        START + 1,
    ]


def test_endpoints_of_all_workers_together_are_bounded() -> None:
    merge = Merge(START, max_endpoints=2)
    for worker in ("w1", "w2"):
        names = [(START + 0.5, f"/{worker}/{number}", 1.0) for number in range(2)]
        merge.add(worker, delta_at(START + 1, names), START + 1)
    assert set(merge.endpoints) == {("GET", "/w1/0"), ("GET", "/w1/1"), OVERFLOW}
    assert merge.overflow == 2


def test_the_span_of_an_outcome_is_known() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 9, [(START + 2.5, "/a", 1), (START + 7.5, "/a", 1)]), START + 9)
    assert merge.outcome_span == {"ok": (START + 2, START + 7)}


def test_reset_starts_the_sums_anew() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 1, [(START + 0.5, "/a", 1)]), START + 1)
    merge.reset()
    assert (merge.overall.requests, merge.endpoints) == (0, {})


def test_requests_that_are_reported_too_late_for_their_second_are_counted_as_such() -> None:
    merge = Merge(START)
    merge.add("w1", delta_at(START + 60, [(START + 59.5, "/a", 1)]), START + 60)
    merge.closed(START + 61)
    merge.add("w1", delta_at(START + 61, [(START + 1.5, "/a", 1), (START + 60.5, "/a", 1)]), START + 61)
    assert (merge.overall.requests, merge.late) == (3, 1)
