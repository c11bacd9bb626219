"""An open model in one process: starts on their schedule, waits and drops counted, and how late each was."""

# mypy: allow-untyped-calls
# gevent has no annotations.

import time
from collections.abc import Callable

import gevent
import gevent.event
import pytest

from scenarios.arrivals import Arrivals
from utils.schedule import Share, Start, starts

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


def test_what_falls_to_a_process_can_be_dealt_anew_while_the_schedule_goes_on() -> None:
    schedule = [Start(number / RATE, "CrmUser", number) for number in range(40)]
    begun: list[float] = []
    arrivals = Arrivals(lambda dropped: None)

    def user() -> None:
        while True:
            late_s = arrivals.next_start("CrmUser")
            begun.append(time.monotonic() - late_s)

    crew = [gevent.spawn(user) for _ in range(3)]
    arrivals.begin(schedule, {"CrmUser": Share(0, 1, 2)})
    arrivals.begin(schedule, {"CrmUser": ALL}, elapsed_s=0.1, from_s=0.4)
    with gevent.Timeout(10):
        gevent.joinall([arrivals._ticking])
    gevent.sleep(0)
    gevent.killall(crew)
    places = [round((due - begun[0]) * RATE) for due in begun]
    assert places == [*range(0, 20, 2), *range(20, 40)]


def test_a_process_that_comes_later_joins_the_schedule_where_it_is() -> None:
    schedule = [Start(number / RATE, "CrmUser", number) for number in range(40)]
    counted: list[bool] = []
    arrivals = Arrivals(counted.append)
    crew = [gevent.spawn(arrivals.next_start, "CrmUser") for _ in range(30)]
    began = time.monotonic()
    arrivals.begin(schedule, {"CrmUser": ALL}, elapsed_s=0.3, from_s=0.5)
    with gevent.Timeout(10):
        gevent.joinall([arrivals._ticking])
    assert counted == [False] * 15, "from second 0.5 on"
    assert time.monotonic() - began >= 39 / RATE - 0.3
    gevent.killall(crew)


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
