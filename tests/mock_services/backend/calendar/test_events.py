"""Section 3 of the contract: events, lists, ranges, the month's summary."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.calendar.schemas import EventView
from mock_services.backend.settings import Settings
from tests.mock_services.backend.calendar.support import EVENTS, UNKNOWN, VISIT, add_attendee, add_event, titles
from tests.mock_services.backend.support import SECRET, Founder, Member

pytestmark = pytest.mark.anyio


async def test_an_event_is_created_read_changed_and_deleted(member: Member) -> None:
    ignored = {"recurrence_rule": "FREQ=DAILY", "reminder_minutes": 5, "notes": "x"}
    answer = await member.call("POST", EVENTS, json=VISIT | ignored)
    assert answer.status_code == 200  # never 201
    event = answer.json()
    assert set(event) == set(EventView.model_fields)
    assert (event["event_type"], event["status"], event["all_day"]) == ("appointment", "confirmed", False)
    assert event["user_id"] == event["created_by_user_id"] == member.user["id"]
    assert event["tenant_id"] == member.organization["id"]
    assert event["contact_name"] is event["contact_business"] is event["contact_id"] is None
    path = f"{EVENTS}/{event['id']}"
    assert (await member.call("GET", path)).json() == event

    changed = (await member.call("PUT", path, json={"title": "Service", "status": "tentative"})).json()
    assert (changed["title"], changed["status"]) == ("Service", "tentative")
    assert changed["updated_at"] > event["updated_at"]
    assert changed["start_time"] == event["start_time"] == VISIT["start_time"]
    assert (await member.call("GET", path)).json() == changed
    assert (await member.call("PATCH", path, json={})).status_code == 405

    gone = await member.call("DELETE", path)
    assert (gone.status_code, gone.json()) == (200, {"detail": "Event deleted successfully"})
    for method in ("GET", "PUT", "DELETE"):
        assert (await member.call(method, path, **({"json": {}} if method == "PUT" else {}))).status_code == 404


async def test_an_event_keeps_all_that_it_is_given(founder: Founder) -> None:
    member = await founder.found()
    colleague = await founder.join(member)
    contact = await member.contact(contact_name="Ada Rose", business_name="Rose & Sons")
    given = {
        "title": "Burial",
        "start_time": "2026-03-02T10:00:00",  # without an offset it is UTC
        "end_time": "2026-03-02T13:30:00+02:00",
        "description": "By the yew",
        "all_day": True,
        "location": "Plot 7",
        "event_type": "service",
        "status": "tentative",
        "event_metadata": {"rows": [1, {"x": None}]},
        "contact_id": contact["id"],
        "user_id": colleague.user["id"],
    }
    event = await add_event(member, **given)
    stored = {"start_time": "2026-03-02T10:00:00Z", "end_time": "2026-03-02T11:30:00Z"}
    assert {name: event[name] for name in given} == given | stored
    assert (event["contact_name"], event["contact_business"]) == ("Ada Rose", "Rose & Sons")
    assert event["created_by_user_id"] == member.user["id"]
    await member.call("PATCH", f"/api/crm/contacts/{contact['id']}", json={"contact_name": "Ada Thorn"})
    assert (await member.call("GET", EVENTS)).json()["events"] == [event | {"contact_name": "Ada Thorn"}]
    assert (await add_event(member, event_metadata={}))["event_metadata"] == {}
    assert (await add_event(member))["event_metadata"] is None


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"title": ...}, 422, "body.title"),
        ({"title": ""}, 422, "body.title"),
        ({"title": "x" * 201}, 422, "body.title"),
        ({"start_time": ...}, 422, "body.start_time"),
        ({"end_time": "soon"}, 422, "body.end_time"),
        ({"end_time": VISIT["start_time"]}, 422, "body.end_time"),
        ({"end_time": "2026-03-02T11:00:00+02:00"}, 422, "body.end_time"),
        ({"end_time": "2026-03-02T09:59:59"}, 422, "body.end_time"),
        ({"end_time": "9999-12-31T23:59:59-01:00"}, 422, "body.end_time"),
        ({"status": "scheduled"}, 422, "body.status"),
        ({"status": "completed"}, 422, "body.status"),
        ({"event_type": "consultation"}, 422, "body.event_type"),
        ({"event_metadata": [1]}, 422, "body.event_metadata"),
        ({"event_metadata": {"n": 2**64}}, 422, "body.event_metadata"),
        ({"contact_id": "7"}, 422, "body.contact_id"),
        ({"contact_id": UNKNOWN}, 400, None),
        ({"user_id": UNKNOWN}, 400, None),
    ],
)
async def test_an_event_that_does_not_fit_is_refused(
    member: Member, change: dict[str, Any], status: int, field: str | None
) -> None:
    body = {name: value for name, value in (VISIT | change).items() if value is not ...}
    answer = await member.call("POST", EVENTS, json=body)
    assert answer.status_code == status
    if field:
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await member.call("GET", EVENTS)).json()["total"] == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"end_time": VISIT["start_time"]}, 400),
        ({"start_time": VISIT["end_time"]}, 400),
        ({"end_time": "2026-03-02T12:00:00"}, 200),
        ({"start_time": "2026-03-03T10:00:00Z", "end_time": "2026-03-03T09:00:00Z"}, 400),
        ({"start_time": "2026-03-03T10:00:00Z", "end_time": "2026-03-03T11:00:00Z"}, 200),
        ({"contact_id": UNKNOWN}, 400),
        ({"contact_id": None, "description": None, "event_metadata": None}, 200),
        ({"status": "scheduled"}, 422),
        ({"title": ""}, 422),
        ({"title": None}, 422),
        ({"start_time": None}, 422),
        ({"status": None}, 422),
        ({}, 200),
    ],
)
async def test_a_change_is_held_to_what_is_stored(member: Member, change: dict[str, Any], status: int) -> None:
    event = await add_event(member)
    path = f"{EVENTS}/{event['id']}"
    assert (await member.call("PUT", path, json=change)).status_code == status
    if status != 200:
        assert (await member.call("GET", path)).json() == event


async def test_whose_an_event_is_does_not_change(founder: Founder, member: Member) -> None:
    colleague, event = await founder.join(member), await add_event(member)
    for user_id in (colleague.user["id"], UNKNOWN, None):
        changed = await member.call("PUT", f"{EVENTS}/{event['id']}", json={"user_id": user_id})
        assert (changed.status_code, changed.json()["user_id"]) == (200, event["user_id"])


async def test_another_tenants_calendar_does_not_exist(founder: Founder) -> None:
    member, other = await founder.found(), await founder.found()
    event = await add_event(other)
    attendee = await add_attendee(other, event)
    path = f"{EVENTS}/{event['id']}"
    for method, target, body in (
        ("GET", path, None),
        ("PUT", path, {"title": "x"}),
        ("DELETE", path, None),
        ("GET", f"{path}/attendees", None),
        ("POST", f"{path}/attendees", {"attendee_type": "external", "external_email": "a@example.com"}),
        ("DELETE", f"{path}/attendees/{attendee['id']}", None),
        ("POST", f"{path}/send-invitations", {"attendee_ids": [attendee["id"]]}),
        ("GET", f"{EVENTS}/{UNKNOWN}", None),
    ):
        answer = await member.call(method, target, **({"json": body} if body else {}))
        assert answer.status_code == 404, (method, target)
        assert set(answer.json()) == {"detail", "available_endpoints"}
    foreign = await other.contact()
    for name, value in (("contact_id", foreign["id"]), ("user_id", other.user["id"])):
        assert (await member.call("POST", EVENTS, json=VISIT | {name: value})).status_code == 400
    assert await titles(member) == []
    assert (await member.call("GET", f"{EVENTS}/7")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/range"),
        ("GET", "/stats/summary"),
        ("POST", ""),
        ("PUT", f"/{UNKNOWN}"),
        ("DELETE", f"/{UNKNOWN}"),
        ("GET", f"/{UNKNOWN}/attendees"),
        ("POST", f"/{UNKNOWN}/send-invitations"),
    ],
)
async def test_a_token_is_needed_before_anything_is_looked_at(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await client.request(method, EVENTS + path)).status_code == 403
    bad = {"Authorization": "Bearer nonsense"}
    assert (await client.request(method, EVENTS + path, headers=bad)).status_code == 401


async def test_a_deactivated_user_still_sees_the_calendar(founder: Founder, member: Member) -> None:
    user = await founder.join(member)
    await member.call("DELETE", f"/api/organizations/{member.organization['id']}/users/{user.user['id']}")
    assert (await user.call("GET", "/api/auth/me")).status_code == 400
    assert (await user.call("GET", EVENTS)).status_code == 200


async def test_events_are_listed_by_start_with_skip_and_limit(member: Member) -> None:
    for day in (5, 3, 4, 1, 2):
        await add_event(member, title=f"E{day}", on=f"2026-03-0{day}")
    for skip, limit, shown in (
        (0, 100, ["E1", "E2", "E3", "E4", "E5"]),
        (1, 2, ["E2", "E3"]),
        (4, 1000, ["E5"]),
        (5, 1, []),
        (10**30, 1, []),
    ):
        content = (await member.call("GET", EVENTS, params={"skip": skip, "limit": limit})).json()
        assert [event["title"] for event in content["events"]] == shown
        assert (content["total"], content["skip"], content["limit"]) == (5, skip, limit)
    content = (await member.call("GET", EVENTS, params={"page": 2, "page_size": 2})).json()
    assert (len(content["events"]), set(content)) == (5, {"events", "total", "skip", "limit"})


async def test_a_changed_event_moves_in_the_list(member: Member) -> None:
    first, second = await add_event(member, title="A", on="2026-03-01"), await add_event(member, title="B")
    times = {"start_time": "2026-04-01T10:00:00Z", "end_time": "2026-04-01T11:00:00Z"}
    await member.call("PUT", f"{EVENTS}/{first['id']}", json=times)
    assert await titles(member) == ["B", "A"]
    await member.call("DELETE", f"{EVENTS}/{second['id']}")
    assert await titles(member) == ["A"]


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({"start_date": "2026-03-02"}, ["B", "C"]),
        ({"start_date": "2026-03-02T10:59:59Z"}, ["B", "C"]),  # B is still under way
        ({"start_date": "2026-03-02T11:00:00Z"}, ["C"]),
        ({"end_date": "2026-03-02"}, ["A", "B"]),  # a day is meant to its end
        ({"end_date": "2026-03-02T10:00:00Z"}, ["A"]),
        ({"end_date": "2026-03-02T10:00:01"}, ["A", "B"]),
        ({"end_date": "9999-12-31"}, ["A", "B", "C"]),
        ({"start_date": "2026-03-02", "end_date": "2026-03-02"}, ["B"]),
        ({"start_date": "2026-03-03", "end_date": "2026-03-02"}, []),
        ({"event_type": "service"}, ["B"]),
        ({"event_type": "no such type"}, []),
        ({"status": "tentative"}, ["C"]),
        ({"status": ""}, ["A", "B", "C"]),
        ({"user_id": UNKNOWN}, []),
        ({"contact_id": UNKNOWN}, []),
    ],
)
async def test_lists_are_filtered(member: Member, params: dict[str, str], shown: list[str]) -> None:
    await add_event(member, title="C", on="2026-03-03", status="tentative")
    await add_event(member, title="A", on="2026-03-01")
    await add_event(member, title="B", on="2026-03-02", event_type="service")
    assert await titles(member, **params) == shown
    assert (await member.call("GET", EVENTS, params=params)).json()["total"] == len(shown)


async def test_lists_and_ranges_are_filtered_by_person(founder: Founder, member: Member) -> None:
    colleague, contact = await founder.join(member), await member.contact()
    await add_event(member, title="mine", contact_id=contact["id"])
    await add_event(colleague, title="theirs")
    span = {"start": "2026-03-01", "end": "2026-04-01"}
    assert await titles(member, user_id=colleague.user["id"]) == ["theirs"]
    assert await titles(member, contact_id=contact["id"]) == ["mine"]
    assert await titles(member, "/range", **span) == ["mine", "theirs"]
    assert await titles(member, "/range", **span, user_id=member.user["id"]) == ["mine"]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-03-02", "2026-03-03", True),
        ("2026-03-02", "2026-03-02", True),  # a day is meant to its end
        ("2026-03-01", "2026-03-01", False),
        ("2026-03-03", "2026-03-03", False),
        ("2026-03-02T10:30:00Z", "2026-03-02T10:40:00Z", True),  # within the event
        ("2026-03-02T09:00:00Z", "2026-03-02T10:30:00Z", True),  # over its start
        ("2026-03-02T10:30:00Z", "2026-03-02T12:00:00Z", True),  # over its end
        ("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z", True),
        ("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", False),  # up to its start
        ("2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z", False),  # from its end
        ("2026-03-02T10:30:00Z", "2026-03-02T10:30:00Z", False),  # no time at all
        ("2026-03-02T10:50:00Z", "2026-03-02T10:10:00Z", False),  # reversed
        ("2026-04-01", "2026-03-01", False),
    ],
)
async def test_a_range_finds_what_shares_time_with_it(member: Member, start: str, end: str, found: bool) -> None:
    await add_event(member)
    assert bool(await titles(member, "/range", start=start, end=end)) is found


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("", {"skip": "-1"}, "query.skip"),
        ("", {"limit": "0"}, "query.limit"),
        ("", {"limit": "1001"}, "query.limit"),
        ("", {"start_date": "soon"}, "query.start_date"),
        ("", {"start_date": "0001-01-01T00:00:00+14:00"}, "query.start_date"),
        ("", {"user_id": "7"}, "query.user_id"),
        ("/range", {"start_date": "2026-03-01", "end_date": "2026-03-02"}, "query.start"),
        ("/range", {"start": "2026-03-01"}, "query.end"),
        ("/range", {"start": "2026-03-01", "end": "2026-02-30"}, "query.end"),
        ("/stats/summary", {"month": "13"}, "query.month"),
        ("/stats/summary", {"year": "1999"}, "query.year"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(
    member: Member, path: str, params: dict[str, str], field: str
) -> None:
    answer = await member.call("GET", EVENTS + path, params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_month_is_summed_up(member: Member) -> None:
    for on, kind, status in (
        ("2025-11-30", "call", "confirmed"),  # the day before
        ("2025-12-01", "call", "confirmed"),
        ("2025-12-31", "service", "cancelled"),
        ("2025-12-31", "call", "confirmed"),
        ("2026-01-01", "call", "confirmed"),
    ):
        await add_event(member, on=on, event_type=kind, status=status)
    answer = await member.call("GET", f"{EVENTS}/stats/summary", params={"month": 12, "year": 2025, "period": "week"})
    assert answer.json() == {
        "month": 12,
        "year": 2025,
        "total_events": 3,
        "events_by_type": {"call": 2, "service": 1},
        "events_by_status": {"confirmed": 2, "cancelled": 1},
        "date_range": {"start": "2025-12-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    }


async def test_the_summary_is_this_months_unless_said(member: Member) -> None:
    before = datetime.now(UTC)
    content = (await member.call("GET", f"{EVENTS}/stats/summary")).json()
    assert (content["year"], content["month"]) in {(t.year, t.month) for t in (before, datetime.now(UTC))}
    assert content["events_by_type"] == content["events_by_status"] == {}
    assert (await member.call("GET", f"{EVENTS}/stats/summary", params={"month": 2})).json()["month"] == 2


async def test_a_contact_that_is_deleted_leaves_the_calendar(member: Member) -> None:
    contact, other = await member.contact(), await member.contact()
    event = await add_event(member, contact_id=contact["id"])
    second = await add_event(member, title="Other", contact_id=other["id"])
    for each in (contact, other):
        await add_attendee(member, second, attendee_type="contact", contact_id=each["id"])
    assert (await member.call("DELETE", f"/api/crm/contacts/{contact['id']}")).status_code == 200
    left = (await member.call("GET", f"{EVENTS}/{event['id']}")).json()
    assert (left["contact_id"], left["contact_name"]) == (None, None)
    attendees = (await member.call("GET", f"{EVENTS}/{second['id']}/attendees")).json()
    assert [each["contact_id"] for each in attendees["attendees"]] == [other["id"]]
    await member.call("PUT", f"{EVENTS}/{second['id']}", json={"contact_id": None})
    assert (await member.call("DELETE", f"{EVENTS}/{second['id']}")).status_code == 200
    assert (await member.call("DELETE", f"/api/crm/contacts/{other['id']}")).status_code == 200


async def test_events_and_attendees_count_as_rows_and_go_with_a_reset(member: Member, backend: Backend) -> None:
    rows = backend.rows.used
    event = await add_event(member, contact_id=(await member.contact())["id"])
    await add_attendee(member, event)
    assert backend.rows.used == rows + 3
    assert (await member.client.get("/__lab/metrics")).json()["events"] == 1
    await member.call("DELETE", f"{EVENTS}/{event['id']}")
    assert backend.rows.used == rows + 1
    await add_event(member)
    await member.client.post("/__lab/reset")
    assert (len(backend.calendar), backend.rows.used) == (0, 0)


async def test_a_full_store_takes_no_more_events() -> None:
    backend = Backend(Settings(bcrypt_rounds=4, rate_limit_requests=0, jwt_secret=SECRET, max_rows=3))
    transport = httpx.ASGITransport(backend)
    async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
        member = await Founder(client).found()
        event = await add_event(member)
        refused = await member.call("POST", EVENTS, json=VISIT)
        assert (refused.status_code, refused.json()["status_code"]) == (500, 500)
        body = {"attendee_type": "external", "external_email": "a@example.com"}
        assert (await member.call("POST", f"{EVENTS}/{event['id']}/attendees", json=body)).status_code == 500
        assert await titles(member) == ["Visit"]
