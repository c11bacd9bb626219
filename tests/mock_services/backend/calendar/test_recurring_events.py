"""The lab's extension of the calendar: events that recur, in everything that lists or counts events."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.calendar.recurring_schemas import RecurringEventView
from mock_services.backend.calendar.schemas import EventView
from mock_services.backend.settings import Settings
from tests.mock_services.backend.calendar.support import EVENTS, VISIT, add_attendee, add_event, titles
from tests.mock_services.backend.support import Member

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"extensions": True})


async def days(member: Member, path: str = "", **params: Any) -> list[str]:
    answer = await member.call("GET", EVENTS + path, params=params)
    content = answer.json()
    return [event["start_time"][5:10] for event in (content if path else content["events"])]


async def test_an_event_recurs_in_lists_ranges_and_the_summary(member: Member) -> None:
    event = await add_event(member, recurrence_rule="FREQ=WEEKLY;COUNT=4", description="Rounds")
    await add_event(member, title="Once", on="2026-03-10")
    assert set(event) == set(RecurringEventView.model_fields)
    assert event["recurrence_rule"] == "FREQ=WEEKLY;COUNT=4"
    assert event["start_time"] == VISIT["start_time"]
    assert (await member.call("GET", f"{EVENTS}/{event['id']}")).json() == event

    content = (await member.call("GET", EVENTS, params={"limit": 3})).json()
    assert (content["total"], len(content["events"])) == (5, 3)
    second = content["events"][1]
    times = {"start_time": "2026-03-09T10:00:00Z", "end_time": "2026-03-09T11:00:00Z"}
    assert second == event | times
    assert content["events"][2]["recurrence_rule"] is None
    assert await days(member) == ["03-02", "03-09", "03-10", "03-16", "03-23"]
    assert await days(member, "/range", start="2026-03-09", end="2026-03-17") == ["03-09", "03-10", "03-16"]
    assert await days(member, start_date="2026-03-16") == ["03-16", "03-23"]
    summary = (await member.call("GET", f"{EVENTS}/stats/summary", params={"month": 3, "year": 2026})).json()
    assert summary["total_events"] == 5


async def test_a_change_is_one_of_all_occurrences(member: Member, backend: Backend) -> None:
    rows = backend.rows.used
    event = await add_event(member, recurrence_rule="FREQ=DAILY;COUNT=3")
    path = f"{EVENTS}/{event['id']}"
    assert backend.rows.used == rows + 3

    async def change(**fields: Any) -> int:
        return (await member.call("PUT", path, json=fields)).status_code

    assert await change(title="Rounds") == 200
    assert await titles(member) == ["Rounds"] * 3
    assert await change(start_time="2026-03-05T10:00:00Z", end_time="2026-03-05T12:00:00Z") == 200
    assert await days(member) == ["03-05", "03-06", "03-07"]
    assert await change(recurrence_rule="FREQ=DAILY;INTERVAL=2;UNTIL=20260309") == 200
    assert await days(member) == ["03-05", "03-07", "03-09"]
    later = {"start_time": "2026-03-10T10:00:00Z", "end_time": "2026-03-10T12:00:00Z"}
    assert await change(**later) == 400  # after the rule's end
    assert await days(member) == ["03-05", "03-07", "03-09"]
    assert await change(**later, recurrence_rule=None) == 200
    assert await days(member) == ["03-10"]
    assert backend.rows.used == rows + 1
    assert await change(recurrence_rule="FREQ=DAILY") == 200
    assert backend.rows.used == rows + 52
    await add_attendee(member, event)
    assert (await member.call("DELETE", path)).status_code == 200
    assert await days(member) == []
    assert backend.rows.used == rows


@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=WEEKLY;COUNT=100", "FREQ=DAILY;UNTIL=20991231"])
async def test_no_rule_gives_more_than_52_occurrences(member: Member, rule: str) -> None:
    await add_event(member, recurrence_rule=rule)
    assert (await member.call("GET", EVENTS)).json()["total"] == 52


@pytest.mark.parametrize("rule", ["FREQ=HOURLY", "weekly", "", 7, "FREQ=DAILY;UNTIL=20260301"])
async def test_a_rule_that_does_not_fit_is_refused(member: Member, rule: Any) -> None:
    answer = await member.call("POST", EVENTS, json=VISIT | {"recurrence_rule": rule})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body.recurrence_rule"]
    assert (await member.call("GET", EVENTS)).json()["total"] == 0


@pytest.mark.parametrize(
    ("rule", "all_day", "written"),
    [
        ("freq=weekly;count=4", False, "FREQ=WEEKLY;COUNT=4"),
        ("COUNT=4;INTERVAL=2;FREQ=DAILY", True, "FREQ=DAILY;INTERVAL=2;COUNT=4"),
        ("FREQ=DAILY;UNTIL=20260309", False, "FREQ=DAILY;UNTIL=20260309T235959Z"),
        ("FREQ=DAILY;UNTIL=20260309T120000Z", True, "FREQ=DAILY;UNTIL=20260309"),
    ],
)
async def test_a_calendar_file_writes_the_rule_as_the_start_asks(
    client: httpx.AsyncClient, member: Member, rule: str, all_day: bool, written: str
) -> None:
    event = await add_event(member, recurrence_rule=rule, all_day=all_day)
    lines = (await client.get(f"{EVENTS}/{event['id']}/ics")).text.split("\n")
    assert f"RRULE:{written}" in lines
    assert lines.count("BEGIN:VEVENT") == 1


async def test_the_extension_is_marked_and_can_be_switched_off(client: httpx.AsyncClient, settings: Settings) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    for name in ("RecurringEventCreate", "RecurringEventUpdate", "RecurringEventView"):
        marked = {field for field, schema in schemas[name]["properties"].items() if "x-lab-extension" in schema}
        assert marked == {"recurrence_rule"}, name
    plain = Backend(settings.model_copy(update={"extensions": False}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(plain), base_url="http://plain") as other:
        text = (await other.get("/openapi.json")).text
    assert "x-lab-extension" not in text
    assert "recurrence_rule" not in text
    assert set(EventView.model_fields) == set(RecurringEventView.model_fields) - {"recurrence_rule"}
