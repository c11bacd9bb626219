"""Section 3 of the contract: answers to invitations and events as files, without a token."""

from __future__ import annotations

import logging
import re

import httpx
import pytest

from tests.mock_services.backend.calendar.support import EVENTS, UNKNOWN, add_attendee, add_event
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import Member

pytestmark = pytest.mark.anyio

RSVP = "/api/calendar/rsvp"


async def test_an_invitation_is_shown_to_who_has_its_token(client: httpx.AsyncClient, member: Member) -> None:
    event = await add_event(member, description="Hymns", location="Chapel")
    guest = await add_attendee(member, event)
    answer = await client.get(f"{RSVP}/{guest['invitation_token']}")
    assert answer.status_code == 200
    assert answer.json() == {
        "attendee": guest,
        "event": {
            "id": event["id"],
            "title": "Visit",
            "description": "Hymns",
            "start_time": "2026-03-02T10:00:00Z",
            "end_time": "2026-03-02T11:00:00Z",
            "location": "Chapel",
            "all_day": False,
        },
    }
    for token in ("nonsense", UNKNOWN):
        assert (await client.get(f"{RSVP}/{token}")).status_code == 404
        answer = await client.post(f"{RSVP}/{token}/respond", json={"response_status": "accepted"})
        assert answer.status_code == 404
    await member.call("DELETE", f"{EVENTS}/{event['id']}")
    assert (await client.get(f"{RSVP}/{guest['invitation_token']}")).status_code == 404


@pytest.mark.parametrize("response", ["accepted", "declined", "tentative"])
async def test_an_answer_is_recorded_and_confirmed_by_mail(
    client: httpx.AsyncClient, member: Member, office: PostOffice, response: str
) -> None:
    event = await add_event(member)
    guest = await add_attendee(member, event)
    path = f"{RSVP}/{guest['invitation_token']}/respond"
    answer = await client.post(path, json={"response_status": response, "attendee_name": "Bo Reed"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"detail", "response_status", "responded_at"}
    assert answer.json()["response_status"] == response
    (listed,) = (await member.call("GET", f"{EVENTS}/{event['id']}/attendees")).json()["attendees"]
    assert (listed["response_status"], listed["attendee_name"]) == (response, "Bo Reed")
    assert listed["responded_at"] == answer.json()["responded_at"]
    (letter,) = office.letters
    assert letter.to == "guest@example.com"
    assert letter.body["subject"] == "Your answer to Visit"
    assert f"http://garden.example.com{RSVP}/{guest['invitation_token']}" in letter.text


async def test_only_an_external_person_changes_their_name(client: httpx.AsyncClient, member: Member) -> None:
    event = await add_event(member)
    me = await add_attendee(member, event, attendee_type="user", user_id=member.user["id"])
    body = {"response_status": "accepted", "attendee_name": "Somebody"}
    assert (await client.post(f"{RSVP}/{me['invitation_token']}/respond", json=body)).status_code == 200
    (listed,) = (await member.call("GET", f"{EVENTS}/{event['id']}/attendees")).json()["attendees"]
    assert (listed["attendee_name"], listed["external_name"]) == ("Ida Stone", None)


async def test_an_answer_counts_without_its_confirmation(
    client: httpx.AsyncClient, member: Member, office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    office.status = 500
    guest = await add_attendee(member, await add_event(member))
    path = f"{RSVP}/{guest['invitation_token']}/respond"
    with caplog.at_level(logging.WARNING):
        assert (await client.post(path, json={"response_status": "accepted"})).status_code == 200
    (record,) = caplog.records
    assert record.getMessage().startswith(f"the answer of attendee {guest['id']} is not confirmed: SendGrid answered")
    for body in ({"response_status": "no_response"}, {}, {"response_status": None}):
        assert (await client.post(path, json=body)).status_code == 422


async def test_an_event_is_a_file_for_anybody(client: httpx.AsyncClient, member: Member) -> None:
    event = await add_event(member, title="Burial; A, B", location="Plot 7", description="One\nTwo", status="tentative")
    answer = await client.get(f"{EVENTS}/{event['id']}/ics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="Burial; A, B_20260302.ics"'
    assert "\r" not in answer.text
    created = re.sub(r"[-:]|\.\d+", "", event["created_at"])
    lines = answer.text.replace("\n ", "").split("\n")
    written = lines.pop(7).removeprefix("DTSTAMP:")
    assert re.fullmatch(r"\d{8}T\d{6}Z", written)
    assert written >= created
    assert lines == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Thanotopolis load lab//Reference backend//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{event['id']}",
        "SEQUENCE:0",
        f"CREATED:{created}",
        f"LAST-MODIFIED:{created}",
        "DTSTART:20260302T100000Z",
        "DTEND:20260302T110000Z",
        f'ORGANIZER;CN="Ida Stone":mailto:{member.user["email"]}',
        "SUMMARY:Burial\\; A\\, B",
        "DESCRIPTION:One\\nTwo",
        "LOCATION:Plot 7",
        "STATUS:TENTATIVE",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Burial\\; A\\, B",
        "TRIGGER:-PT15M",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    await member.call("PUT", f"{EVENTS}/{event['id']}", json={"location": None, "description": ""})
    changed = (await client.get(f"{EVENTS}/{event['id']}/ics")).text
    assert "\nSEQUENCE:1\n" in changed
    assert "\nLOCATION" not in changed
    assert changed.count("\nDESCRIPTION:") == 1  # the alarm's
    assert (await client.get(f"{EVENTS}/{UNKNOWN}/ics")).status_code == 404
    assert (await client.get(f"{EVENTS}/7/ics")).status_code == 422


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ada's 90%", "Ada's 90%_20260302.ics"),
        ('a"b\\c/d', "a_b_c_d_20260302.ics"),
        ("Zoë\r\nX-Evil: 1", "Zo___X-Evil: 1_20260302.ics"),
        ("葬儀", "___20260302.ics"),
    ],
)
async def test_any_title_makes_a_file_name(client: httpx.AsyncClient, member: Member, title: str, name: str) -> None:
    event = await add_event(member, title=title)
    answer = await client.get(f"{EVENTS}/{event['id']}/ics")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert "x-evil" not in answer.headers
