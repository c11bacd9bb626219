"""An open model in one process: starts on their schedule, drops counted, and both latencies kept."""

from typing import Any

import gevent
import pytest

from metrics.recorder import Cell, Recorder
from scenarios.arrivals import Arrivals, keep_intended
from utils.schedule import Share, starts

RATE = 50.0
ALL = Share(0, 1, 1)


def run(work_s: float, users: int, seconds: float) -> tuple[list[float], list[bool]]:
    """The times at which starts were due, and for each start of the schedule whether it was dropped."""
    dues: list[float] = []
    dropped: list[bool] = []
    arrivals = Arrivals(dropped.append)

    def user() -> None:
        while True:
            dues.append(arrivals.next_start("CrmUser"))
            gevent.sleep(work_s)  # type: ignore[no-untyped-call]

    crew = [gevent.spawn(user) for _ in range(users)]  # type: ignore[no-untyped-call]
    arrivals.begin(starts(1, RATE, {"CrmUser": 1}), {"CrmUser": Share(0, users, users)})
    gevent.sleep(seconds)  # type: ignore[no-untyped-call]
    arrivals.stop()
    gevent.killall(crew)  # type: ignore[no-untyped-call]
    return dues, dropped


def test_starts_are_due_on_the_schedule_whatever_the_tasks_take() -> None:
    dues, dropped = run(work_s=0.15, users=30, seconds=0.6)
    assert len(dues) >= 10
    assert not any(dropped)
    places = [(due - dues[0]) * RATE for due in dues]
    assert places == [pytest.approx(round(place), abs=1e-3) for place in places]
    assert [round(place) for place in places] == list(range(len(places)))


def test_a_start_that_finds_nobody_free_is_dropped_and_not_made_up_for() -> None:
    dues, dropped = run(work_s=0.2, users=1, seconds=0.7)
    assert dropped.count(False) == len(dues)
    assert 1 <= len(dues) <= 5
    assert dropped.count(True) > 10


def test_a_user_that_is_stopped_while_it_waits_takes_no_start_with_it() -> None:
    dropped: list[bool] = []
    arrivals = Arrivals(dropped.append)
    gone = gevent.spawn(arrivals.next_start, "CrmUser")  # type: ignore[no-untyped-call]
    gevent.sleep(0)  # type: ignore[no-untyped-call]
    gone.kill()
    stays = gevent.spawn(arrivals.next_start, "CrmUser")  # type: ignore[no-untyped-call]
    arrivals.begin(starts(1, RATE, {"CrmUser": 1}), {"CrmUser": ALL})
    assert stays.get(timeout=5) > 0
    arrivals.stop()
    assert dropped[0] is False


def test_a_request_of_a_late_task_has_its_latency_from_the_send_and_from_when_it_was_due() -> None:
    recorder = Recorder(clock=lambda: 1000.0)
    context: dict[str, Any] = {"scenario": "CrmUser", "late_s": 0.5}
    request: dict[str, Any] = {
        "request_type": "GET",
        "name": "/x",
        "response_time": 200.0,
        "start_time": 999.0,
        "context": context,
    }
    keep_intended(**request)
    recorder.record(**request)
    assert context["intended_start"] == 998.5
    ((_, ((*_, flat),)),) = recorder.take()["seconds"]
    cell = Cell.decode(flat)
    assert cell.latency.mean == pytest.approx(200_000)
    assert cell.intended is not None
    assert cell.intended.mean == pytest.approx(700_000)


def test_a_request_of_a_closed_model_is_left_alone() -> None:
    context = {"scenario": "CrmUser"}
    keep_intended(context=context, start_time=999.0)
    keep_intended(context=None)
    assert context == {"scenario": "CrmUser"}
