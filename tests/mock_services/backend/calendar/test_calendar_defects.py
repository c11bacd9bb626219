"""The calendar's defects on the platform, each shown where its switch is on."""

from __future__ import annotations

from typing import Any

import pytest

from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from tests.mock_services.backend.calendar.support import EVENTS, INTERNAL_ERROR, UNKNOWN, VISIT, add_attendee, add_event
from tests.mock_services.backend.support import Member

pytestmark = pytest.mark.anyio

NAIVE, AWARE = "2026-03-02T12:00:00", "2026-03-02T12:00:00Z"


def shown(*defects: Defect) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", [frozenset(defects)], indirect=True)


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update={"defects": request.param})


@shown(Defect.CALENDAR_CONTACT_EVENT)
async def test_an_event_with_a_contact_is_stored_and_spoils_what_holds_it(member: Member) -> None:
    contact = await member.contact()
    harmless = await add_event(member, on="2026-05-01")
    answer = await member.call("POST", EVENTS, json=VISIT | {"contact_id": contact["id"]})
    assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
    assert (await member.call("GET", EVENTS)).status_code == 500
    assert (await member.call("GET", EVENTS, params={"start_date": "2026-04-01"})).json()["events"] == [harmless]
    span = {"start": "2026-03-01", "end": "2026-04-01"}
    assert (await member.call("GET", f"{EVENTS}/range", params=span)).status_code == 500
    summary = await member.call("GET", f"{EVENTS}/stats/summary", params={"month": 3, "year": 2026})
    assert summary.json()["total_events"] == 1
    assert (await member.call("DELETE", f"/api/crm/contacts/{contact['id']}")).status_code == 500
    assert (await member.call("GET", f"/api/crm/contacts/{contact['id']}")).status_code == 200
    path = f"{EVENTS}/{harmless['id']}"
    assert (await member.call("PUT", path, json={"contact_id": contact["id"]})).status_code == 500
    assert (await member.call("GET", path)).status_code == 500
    assert (await member.call("PUT", path, json={"contact_id": None})).status_code == 200
    await add_attendee(member, harmless, attendee_type="contact", contact_id=contact["id"])


@shown(Defect.CALENDAR_ATTENDEE_WITHOUT_ID)
@pytest.mark.parametrize(
    ("kind", "needed"), [("user", "user_id"), ("contact", "contact_id"), ("external", "external_email")]
)
async def test_an_attendee_without_its_id_is_stored_and_spoils_the_list(member: Member, kind: str, needed: str) -> None:
    event = await add_event(member)
    path = f"{EVENTS}/{event['id']}/attendees"
    assert (await member.call("GET", path)).status_code == 200
    for body in ({"attendee_type": kind}, {"attendee_type": kind, needed: None}):
        answer = await member.call("POST", path, json=body)
        assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
    assert (await member.call("GET", path)).status_code == 500
    other = await add_event(member)
    assert (await member.call("GET", f"{EVENTS}/{other['id']}/attendees")).status_code == 200
    assert (await member.call("DELETE", f"{EVENTS}/{event['id']}")).status_code == 200


@shown(Defect.CALENDAR_MIXED_TIMES)
@pytest.mark.parametrize(
    ("times", "status"),
    [
        ({"start_time": NAIVE}, 500),  # before the order of the two is looked at
        ({"end_time": NAIVE}, 500),
        ({"start_time": "2026-03-02T10:00:00", "end_time": NAIVE}, 200),
        ({"end_time": AWARE}, 200),
        ({"end_time": VISIT["start_time"]}, 422),
    ],
)
async def test_times_with_and_without_an_offset_do_not_mix(member: Member, times: dict[str, str], status: int) -> None:
    answer = await member.call("POST", EVENTS, json=VISIT | times)
    assert answer.status_code == status
    if status == 500:
        assert answer.json() == INTERNAL_ERROR
    assert (await member.call("GET", EVENTS)).json()["total"] == (status == 200)


@shown(Defect.CALENDAR_MIXED_TIMES)
async def test_a_time_without_an_offset_does_not_fit_a_stored_one(member: Member) -> None:
    event = await add_event(member)
    path = f"{EVENTS}/{event['id']}"
    assert (await member.call("PUT", path, json={"end_time": NAIVE})).status_code == 500
    assert (await member.call("GET", path)).json() == event
    assert (await member.call("PUT", path, json={"end_time": AWARE})).status_code == 200


@shown(Defect.CALENDAR_UNKNOWN_USER, Defect.NULL_IN_REQUIRED_FIELD)
@pytest.mark.parametrize(("method", "change"), [("POST", {"user_id": UNKNOWN}), ("PUT", {"title": None})])
async def test_what_the_database_refuses_is_an_internal_error(
    member: Member, method: str, change: dict[str, Any]
) -> None:
    event = await add_event(member)
    path, body = (EVENTS, VISIT | change) if method == "POST" else (f"{EVENTS}/{event['id']}", change)
    answer = await member.call(method, path, json=body)
    assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
    assert (await member.call("GET", EVENTS)).json()["events"] == [event]
