"""The number of series of a run is known before it: it grows neither with ids nor with time."""

import random
from typing import Any

import pytest

from clients.platform import CrmApi, TelephonyApi
from clients.session import Answer
from metrics.recorder import MAX_ENDPOINTS, Recorder
from metrics.run import Ending, Run
from metrics.targets import Target, Targets
from tests.locust.metrics.test_run import Writer

START = 1_800_000_000.0
IDS = 10_000
SO_FAR = Ending(planned=[], workers_lost={}, cpu_warning=False, task_errors={})


class Naming:
    """A session that sends nothing and keeps the names under which its requests would be counted."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []

    def send(self, method: str, path: str, *, name: str | None = None, **_rest: Any) -> Answer:
        self.names.append((method, name or path))
        return Answer(status=404, body=None, ok=False)


def names_of_a_suite_with_ids() -> list[tuple[str, str]]:
    """What requests of the suite's own clients are called, each with an id of its own."""
    session = Naming()
    crm, telephony = CrmApi(session), TelephonyApi(session)  # type: ignore[arg-type]
    for number in range(IDS // 4):
        crm.contact(f"contact-{number}")
        telephony.messages(f"call-{number}")
        telephony.transcript(f"call-{number}")
        telephony.summary(f"call-{number}")
    assert len(session.names) == IDS
    return session.names


def series_after(minutes: list[int], names: list[tuple[str, str]], a_second: int) -> list[int]:
    """How many series a run has after so many minutes, with a clock moved by hand."""
    clock, writer, chance = [START], Writer(), random.Random(1)
    targets = Targets((Target("crm", "crm", "p95_ms", 1000), Target("all", "all", "error_percent", 1)))
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("r", 1, "http://t", targets, writer, START)
    # Whatever can happen to a name has happened to it in the first minute.
    for endpoint in dict.fromkeys(names) if len(set(names)) < MAX_ENDPOINTS else []:
        recorder.record(*endpoint, 3.0, context={"scenario": "CrmUser"})
        recorder.record(*endpoint, 3.0, exception=TimeoutError(), context={"scenario": "CrmUser"})
    seen: set[str] = set()
    found = []
    for second in range(60 * max(minutes)):
        for number in range(a_second):
            clock[0] = START + second + number / a_second
            failed = TimeoutError() if chance.random() < 0.01 else None
            endpoint = names[(second * a_second + number) % len(names)]
            recorder.record(*endpoint, chance.uniform(1, 900), exception=failed, context={"scenario": "CrmUser"})
        clock[0] = START + second + 0.99
        run.report("w", recorder.take(), clock[0])
        run.tick(5, clock[0] + 0.1, by_scenario={"CrmUser": 5}, so_far=SO_FAR)
        seen |= set(map(key, writer.lines))
        writer.lines.clear()
        if (second + 1) % 60 == 0 and (second + 1) // 60 in minutes:
            found.append(len(seen))
    return found


def key(line: str) -> str:
    """A line's measurement and tags."""
    at = line.find(" ")
    while line[at - 1] == "\\":
        at = line.find(" ", at + 1)
    return line[:at]


def test_half_an_hour_with_ten_thousand_ids_has_the_series_of_its_first_minute() -> None:
    first, last = series_after([1, 30], names_of_a_suite_with_ids(), a_second=IDS // (30 * 60) + 1)
    assert first == last
    assert last < 60


def test_names_that_do_hold_ids_are_bounded_and_counted() -> None:
    names = [("GET", f"/api/crm/contacts/{number}") for number in range(IDS)]
    (found,) = series_after([1], names, a_second=IDS // 60 + 1)
    # An endpoint has its own point, its buckets, and a series for each of the two outcomes here.
    assert found <= 4 * (MAX_ENDPOINTS + 1) + 30


@pytest.mark.parametrize("number", [MAX_ENDPOINTS, MAX_ENDPOINTS + 7])
def test_requests_beyond_the_bound_are_one_endpoint(number: int) -> None:
    recorder = Recorder()
    for each in range(number):
        recorder.record("GET", f"/{each}", 1.0)
    cells = sum(len(cells) for _, cells in recorder.take()["seconds"])
    assert cells == min(number, MAX_ENDPOINTS) + (number > MAX_ENDPOINTS)
