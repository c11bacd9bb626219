"""A run's moments take no more room however long it goes on, and keep its worst seconds."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.moments import LATE_S, MOST_KEPT, Moment, Moments, Presence


def moment(second: int, p95: float | None = 5.0, requests: int = 1) -> Moment:
    failed = {"timeout": requests} if requests > 1 else {}
    return Moment(second, requests, 0, 1.0, p95, None, 3, failed, {"slow": p95})


def test_a_second_that_is_handed_over_again_takes_its_own_place() -> None:
    moments = Moments()
    moments.put(moment(0, 9.0))
    moments.put(moment(1))
    moments.put(moment(0, 4.0, requests=7))
    assert [(m.second, m.p95, m.requests) for m in moments.listed()] == [(0, 4.0, 7), (1, 5.0, 1)]
    assert (moments.step, moments.seconds) == (1, 2)


def test_a_run_of_a_day_is_kept_in_two_hours_room_with_its_worst_second() -> None:
    moments = Moments()
    for second in range(24 * 3600):
        worst = second == 70_001
        moments.put(moment(second, 900.0 if worst else None if second % 3 else 5.0, requests=50 if worst else 1))
    listed = moments.listed()
    assert moments.seconds == 24 * 3600
    assert moments.step == 16
    assert MOST_KEPT / 2 <= len(listed) <= MOST_KEPT
    assert [m.second for m in listed] == list(range(0, 24 * 3600, 16))
    (worst_one,) = [m for m in listed if m.p95 == 900]
    assert worst_one.second <= 70_001 < worst_one.second + 16
    assert (worst_one.requests, worst_one.failed, worst_one.targets) == (50, {"timeout": 50}, {"slow": 900})


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=200), st.data())
def test_users_are_counted_once_a_second_also_where_it_is_noted_again(
    seconds: list[tuple[int, int]], data: st.DataObject
) -> None:
    presence, told = Presence(), dict[int, int]()
    assert presence.users_at(0) == 0
    for second, (users, more) in enumerate(seconds):
        presence.note(second, users, users + more)
        told[second] = users + more
        again = data.draw(st.integers(max(0, second - LATE_S + 1), second))
        presence.note(again, users, users)
        told[again] = users
        assert presence.users_at(again) == users
    assert presence.user_s == sum(told.values())
    assert presence.users_at(len(seconds) + 5) == presence.users_at(len(seconds) - 1)
    presence.clear()
    assert presence.user_s == 0
    presence.note(len(seconds) - 1, 4, 5)
    assert presence.user_s == 5, "a second of before that is noted again counts"
