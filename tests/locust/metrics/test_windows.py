"""A window is so many whole seconds in a row, and the highest of a run decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.merge import Second
from metrics.recorder import Cell, Endpoint
from metrics.results import Measured, Users, results_of
from metrics.targets import Target, Targets
from metrics.windows import AT_LEAST, Window, Windows

CONTACTS: Endpoint = ("GET", "/api/crm/contacts")
LOGIN: Endpoint = ("POST", "/api/auth/login")
START = 1_700_000_000


def cell(requests: int, ms: float = 20, failures: int = 0) -> Cell:
    made = Cell()
    made.requests, made.failures = requests, failures
    for _ in range(requests):
        made.latency.record(int(ms * 1000))
    return made


def second(at: int, **endpoints: Cell) -> Second:
    names = {"contacts": CONTACTS, "login": LOGIN}
    return Second(START + at, {names[name]: made for name, made in endpoints.items()}, {}, Cell())


def watched(target: Target, seconds: list[Second], users: list[int] | None = None) -> Window | None:
    windows = Windows(Targets((target,)), START)
    for number, each in enumerate(seconds):
        windows.add(each, users[number] if users else 1)
    return windows.of(target).highest


SLOW = Target("slow", "crm", "avg_ms", 100, window_s=3)


def test_a_window_is_missed_only_by_so_many_seconds_together() -> None:
    quick, slow = cell(10), cell(10, ms=200)
    one = watched(SLOW, [second(at, contacts=slow if at == 4 else quick) for at in range(9)])
    assert one == Window(80, 30, 2), "one slow second of three, all alike in size: 80 ms together"
    two = watched(SLOW, [second(at, contacts=slow if at in (4, 5) else quick) for at in range(9)])
    assert two == Window(140, 30, 3)


def test_requests_of_other_groups_have_no_part_in_it() -> None:
    found = watched(SLOW, [second(at, contacts=cell(10), login=cell(10, ms=900)) for at in range(5)])
    assert found == Window(20, 30, 0)


def test_a_window_with_few_requests_proves_nothing() -> None:
    few = (AT_LEAST - 1) // 3
    assert watched(SLOW, [second(at, contacts=cell(few, ms=900)) for at in range(9)]) is None


def test_what_the_lab_lost_itself_is_no_error_of_a_window() -> None:
    errors = Target("errors", "crm", "error_percent", 1, window_s=3)
    lost = cell(20, failures=8)
    lost.outcomes = {"lab": 6, "timeout": 2}
    found = watched(errors, [second(at, contacts=lost) for at in range(3)])
    assert found == Window(100 * 6 / 42, 60, 0), "two of the fourteen a second that reached the target"


def test_a_run_shorter_than_the_window_has_none() -> None:
    assert watched(SLOW, [second(at, contacts=cell(50)) for at in range(2)]) is None


def test_users_are_sustained_when_every_second_of_a_window_has_them() -> None:
    users = Target("users", "all", "users", 50, window_s=3)
    counts = [10, 50, 60, 20, 55, 50, 52, 60]
    assert watched(users, [second(at) for at in range(8)], counts) == Window(50, 0, 4)


def test_a_rate_to_be_reached_counts_seconds_without_requests() -> None:
    rate = Target("rate", "all", "rate", 10, window_s=2)
    found = watched(rate, [second(0, contacts=cell(8)), second(1), second(2, contacts=cell(1))])
    assert found == Window(4, 8, 0)


def test_a_pace_is_counted_by_the_users_of_the_window() -> None:
    pace = Target("pace", "all", "requests_per_user_minute", 120, window_s=2)
    found = watched(pace, [second(at, contacts=cell(20)) for at in range(3)], [10, 10, 5])
    assert found == Window(40 * 60 / 15, 40, 1)


def test_a_second_that_comes_once_more_with_more_requests_replaces_itself() -> None:
    windows = Windows(Targets((SLOW,)), START)
    for at in range(5):
        windows.add(second(at, contacts=cell(20)), 1)
    windows.add(second(3, contacts=cell(80, ms=200)), 1)
    assert windows.of(SLOW).highest == Window(140, 120, 1)
    windows.clear()
    assert windows.of(SLOW).highest is None


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 500)), min_size=1, max_size=60), st.integers(1, 10))
def test_the_highest_window_is_that_of_all_of_them(seconds: list[tuple[int, int]], length: int) -> None:
    target = Target("t", "all", "avg_ms", 100, window_s=length)
    found = watched(target, [second(at, contacts=cell(n, ms)) for at, (n, ms) in enumerate(seconds)])
    averages = []
    for begins in range(len(seconds) - length + 1):
        window = seconds[begins : begins + length]
        requests = sum(n for n, _ in window)
        if requests >= AT_LEAST:
            averages.append(sum(n * ms for n, ms in window) / requests)
    assert (found.value if found else None) == (pytest.approx(max(averages)) if averages else None)


def test_only_a_target_that_is_to_stop_the_run_breaks_it() -> None:
    stopping = Target("stopping", "crm", "avg_ms", 100, window_s=3, stop=True)
    windows = Windows(Targets((SLOW, stopping)), START)
    for at in range(2):
        windows.add(second(at, contacts=cell(20, ms=200)), 1)
        assert list(windows.broken()) == []
    windows.add(second(2, contacts=cell(20, ms=200)), 1)
    assert list(windows.broken()) == [(stopping, Window(200, 60, 0))]


@pytest.mark.parametrize(("planned", "status"), [([50] * 75, "missed"), ([50] * 74, "skipped")])
def test_users_are_judged_where_the_run_was_to_have_them_for_long_enough(planned: list[int], status: str) -> None:
    sustained = Target("sustained", "all", "users", 50, window_s=60)
    windows = Windows(Targets((sustained,)), START)
    for at in range(75):
        windows.add(second(at), 40)
    (result,) = results_of(Measured({}, 75, Users(40, planned=planned), windows=windows), Targets((sustained,)))
    assert result.status == status


@pytest.mark.parametrize(
    ("target", "seconds", "users", "says"),
    [
        (SLOW, 2, [], "the run was shorter than 3 s"),
        (SLOW, 3, [], "no 3 s of the run had 20 requests of its group"),
        (Target("t", "calendar", "avg_ms", 1), 3, [], "no request of its group was made"),
        (Target("t", "all", "users", 50), 3, [49] * 600, "the run was never to have 50 users"),
        (
            Target("t", "all", "users", 50, 60),
            3,
            [50] * 74 + [0] + [50] * 9,
            "the run was to have 50 users for 74 s only",
        ),
        (Target("t", "all", "users", 50), 3, [], "nobody said how many users the run was to have, and when"),
        (Target("t", "all", "requests_per_user_minute", 50), 3, [], "nobody counted the users"),
        (Target("t", "generator", "cpu_percent", 50), 3, [], "the generator said nothing of it"),
    ],
)
def test_what_cannot_be_judged_is_skipped_and_says_why(
    target: Target, seconds: int, users: list[int], says: str
) -> None:
    targets = Targets((target,))
    windows = Windows(targets, START)
    for at in range(seconds):
        windows.add(second(at, contacts=cell(1)), 1)
    measured = Measured({CONTACTS: cell(3)}, 3, Users(planned=users), windows=windows)
    (result,) = results_of(measured, targets)
    assert (result.status, result.value, result.why_skipped) == ("skipped", None, says)
