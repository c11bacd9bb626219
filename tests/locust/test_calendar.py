"""The calendar's content checks: what is listed belongs there, and what was sent came back."""

import copy
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from clients.calendar import CalendarApi, adding_up, calendar_file, instant, part_of_events, within
from clients.checks import fields
from clients.session import Session

EVENT: dict[str, Any] = {
    "id": "7b0e9f0a-9c55-4a3e-8f54-3a5a0f1f3c11",
    "tenant_id": "t",
    "title": "Memorial service",
    "start_time": "2025-02-03T09:00:00Z",
    "end_time": "2025-02-03T10:00:00Z",
    "event_type": "service",
    "status": "confirmed",
}
LATER = {**EVENT, "start_time": "2025-02-04T09:00:00Z", "end_time": "2025-02-04T10:00:00Z"}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"events": [LATER, EVENT]}, "events out of order"),
        ({"events": [EVENT, EVENT]}, None),  # occurrences of one event share its id
        ({"total": 1}, "a part of another size"),
        ({"skip": 1}, "another skip came back"),
        ({"limit": 100}, "another limit came back"),
        ({"events": [{**EVENT, "start_time": "soon"}]}, "start_time is no moment"),
        ({"events": [{}]}, "id is missing"),
        ({"events": None}, "events is of the wrong kind"),
    ],
)
def test_a_part_of_the_events_is_in_order_and_of_its_size(change: dict[str, Any], wrong: str | None) -> None:
    body = {"events": [EVENT, LATER], "total": 2, "skip": 0, "limit": 20, **change}
    assert part_of_events(0, 20, fields({"id": str, "start_time": str}))(body) == wrong


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        ("2025-02-03T00:00:00Z", "2025-02-04T00:00:00Z", True),
        ("2025-02-03T09:30:00Z", "2025-02-03T09:45:00Z", True),
        ("2025-02-03T10:30:00Z", "2025-02-04T00:00:00Z", False),
        ("2025-02-01T00:00:00Z", "2025-02-03T08:00:00Z", False),
    ],
)
def test_a_span_holds_only_what_shares_time_with_it(start: str, end: str, inside: bool) -> None:
    assert (within(start, end)(EVENT) is None) is inside


def test_figures_add_up() -> None:
    body = {"total_events": 3, "events_by_type": {"call": 1, "service": 2}, "events_by_status": {"confirmed": 3}}
    assert adding_up(body) is None
    assert adding_up({**body, "events_by_status": {}}) == "events_by_status does not add up"


def test_a_calendar_file_is_told_from_a_page() -> None:
    good = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n"
    assert calendar_file(good.encode()) == good
    for bad in ("", "<html></html>", good.replace("VEVENT", "VTODO"), good[:30]):
        with pytest.raises(ValueError, match="no calendar file"):
            calendar_file(bad.encode())
    with pytest.raises(UnicodeDecodeError):
        calendar_file(b"BEGIN:VCALENDAR\xff")


def test_moments_without_an_offset_are_utc() -> None:
    assert instant("2025-02-03T09:00:00") == instant("2025-02-03T10:00:00+01:00") == instant("2025-02-03T09:00:00Z")
    assert instant(None) is instant("soon") is None


class Answers:
    """Locust's HTTP client, answering with what it was given."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.failures: list[str] = []

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.sent.append((method, url, kwargs))
        return self

    status_code = 200
    headers: Any = None
    request_meta: Mapping[str, Any] = MappingProxyType({"exception": None})

    @property
    def content(self) -> bytes:
        return json.dumps(self.body).encode()

    def success(self) -> None:
        self.failures.append("")

    def failure(self, exc: Exception) -> None:
        self.failures.append(str(exc))

    def __enter__(self) -> "Answers":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def calendar(body: Any) -> tuple[CalendarApi, Answers]:
    http = Answers(copy.deepcopy(body))
    return CalendarApi(Session(http, "10.0.0.1", login=lambda session: pytest.fail("nobody logs in"))), http


SENT = {"title": EVENT["title"], "start_time": "2025-02-03T09:00:00Z", "end_time": "2025-02-03T10:00:00Z"}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({}, ""),
        ({"start_time": "2025-02-03T09:00:00+00:00"}, ""),
        ({"start_time": "2025-02-03T11:00:00Z"}, "another start_time came back"),
        ({"title": "Another"}, "another title came back"),
        ({"id": "1"}, "id is no UUID"),
    ],
)
def test_a_created_event_is_the_one_that_was_sent(answer: dict[str, str], failure: str) -> None:
    api, http = calendar({**EVENT, **answer})
    assert (api.create(SENT) is None) is bool(failure)
    assert http.failures == [failure]


def test_a_rule_that_a_target_ignores_is_not_taken_for_a_recurring_event() -> None:
    api, http = calendar(EVENT)
    assert api.create({**SENT, "recurrence_rule": "FREQ=DAILY;COUNT=2"}, "recurring") is None
    assert http.failures == ["another recurrence_rule came back"]
    assert http.sent[0][2]["name"] == "/api/calendar/events [recurring]"


def test_invitations_that_did_not_go_out_are_a_failure() -> None:
    api, http = calendar({"detail": "x", "sent_count": 1, "failed_count": 1})
    assert api.send_invitations("e", ["a", "b"], "Come.") is None
    assert http.failures == ["another sent_count came back"]
