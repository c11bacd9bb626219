"""An open model in one process: starts on their schedule, waits and drops counted, and how late each was."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from collections.abc import Callable

import gevent
import gevent.event
import pytest

from scenarios.arrivals import Arrivals
from utils.schedule import Share, starts

RATE = 50.0
ALL = Share(0, 1, 1)


class Office:
    """Users of one class: how late they began their starts, and for each start whether it was dropped."""

    def __init__(self, users: int, work: Callable[[], object], waits_s: float = 10.0) -> None:
        self.late: list[float] = []
        self.dropped: list[bool] = []
        self.arrivals = Arrivals(self.dropped.append, waits_s)
        self.work = work
        self.crew = [gevent.spawn(self.serve) for _ in range(users)]
        self.arrivals.begin(starts(1, RATE, {"CrmUser": 1}), {"CrmUser": Share(0, users, users)})

    def serve(self) -> None:
        while True:
            self.late.append(self.arrivals.next_start("CrmUser"))
            self.work()

    def until(self, condition: Callable[[], bool]) -> None:
        with gevent.Timeout(10):
            while not condition():
                gevent.sleep(0.005)

    def close(self) -> None:
        self.arrivals.stop()
        gevent.killall(self.crew)


def working(seconds: float) -> Callable[[], object]:
    return lambda: gevent.sleep(seconds)


def test_starts_are_begun_on_the_schedule_whatever_the_tasks_take() -> None:
    office = Office(30, working(0.15))
    office.until(lambda: len(office.late) >= 20)
    office.close()
    assert not any(office.dropped)
    assert sorted(office.late)[len(office.late) // 2] < 0.1, "each when it was due"


def test_a_start_that_finds_nobody_free_waits_and_says_how_late_it_was_begun() -> None:
    stalled = gevent.event.Event()
    office = Office(1, stalled.wait)
    office.until(lambda: len(office.late) == 1)
    office.until(lambda: len(office.arrivals._waiting["CrmUser"]) >= 20)
    stalled.set()
    office.work = working(0)
    office.until(lambda: len(office.late) >= 21)
    office.close()
    assert not any(office.dropped)
    assert office.dropped.count(False) >= 21
    waited = office.late[1:21]
    assert waited[0] >= 19 / RATE - 0.01
    assert waited == sorted(waited, reverse=True), "the one that was due first is begun first"


def test_a_start_that_nobody_takes_in_time_is_dropped_and_not_made_up_for() -> None:
    office = Office(1, gevent.event.Event().wait, waits_s=0.1)
    office.until(lambda: office.dropped.count(True) >= 10)
    office.close()
    assert office.dropped.count(False) == len(office.late) == 1


def test_what_still_waits_when_the_schedule_ends_is_dropped_only_if_it_has_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(1, gevent.event.Event().wait)
    office.until(lambda: len(office.arrivals._waiting["CrmUser"]) >= 3)
    office.close()
    assert office.dropped == [False]
    monkeypatch.setattr("scenarios.arrivals.CUT_OFF_S", 0.0)
    office = Office(1, gevent.event.Event().wait)
    office.until(lambda: len(office.arrivals._waiting["CrmUser"]) >= 3)
    office.close()
    assert office.dropped.count(True) >= 3


def test_a_user_that_is_stopped_while_it_waits_takes_no_start_with_it() -> None:
    dropped: list[bool] = []
    arrivals = Arrivals(dropped.append)
    gone = gevent.spawn(arrivals.next_start, "CrmUser")
    gevent.sleep(0)
    gone.kill()
    stays = gevent.spawn(arrivals.next_start, "CrmUser")
    arrivals.begin(starts(1, RATE, {"CrmUser": 1}), {"CrmUser": ALL})
    assert stays.get(timeout=5) >= 0
    arrivals.stop()
    assert dropped[0] is False
