"""Section 3 of the contract: attendees, and the invitations that are mailed to them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mock_services.backend.app import Backend
from mock_services.backend.calendar.schemas import AttendeeView
from tests.mock_services.backend.calendar.support import EVENTS, UNKNOWN, add_attendee, add_event
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio


async def test_users_contacts_and_others_attend(founder: Founder, member: Member) -> None:
    colleague = await founder.join(member, first_name="Cy", last_name="Moss")
    contact = await member.contact(contact_name="Ada Rose", contact_email="ada@example.com")
    event = await add_event(member)
    path = f"{EVENTS}/{event['id']}/attendees"
    assert (await member.call("GET", path)).json() == {"attendees": [], "total": 0}
    user = await add_attendee(member, event, attendee_type="user", user_id=colleague.user["id"])
    known = await add_attendee(member, event, attendee_type="contact", contact_id=contact["id"])
    guest = await add_attendee(
        member, event, attendee_type="external", external_email="guest@example.com", external_name="Bo"
    )
    assert set(user) == set(AttendeeView.model_fields)
    for attendee, email, name in (
        (user, colleague.user["email"], "Cy Moss"),
        (known, "ada@example.com", "Ada Rose"),
        (guest, "guest@example.com", "Bo"),
    ):
        assert (attendee["attendee_email"], attendee["attendee_name"]) == (email, name)
        assert (attendee["invitation_status"], attendee["response_status"]) == ("pending", "no_response")
        assert attendee["invited_at"] is attendee["responded_at"] is None
        assert attendee["event_id"] == event["id"]
    assert len({each["invitation_token"] for each in (user, known, guest)}) == 3
    assert (await member.call("GET", path)).json() == {"attendees": [user, known, guest], "total": 3}

    removed = await member.call("DELETE", f"{path}/{known['id']}")
    assert (removed.status_code, removed.json()) == (200, {"detail": "Attendee removed successfully"})
    assert (await member.call("DELETE", f"{path}/{known['id']}")).status_code == 404
    assert (await member.call("GET", f"/api/calendar/rsvp/{known['invitation_token']}")).status_code == 404
    assert (await member.call("GET", path)).json() == {"attendees": [user, guest], "total": 2}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "body.attendee_type"),
        ({"attendee_type": "robot"}, 422, "body.attendee_type"),
        ({"attendee_type": "user", "user_id": "7"}, 422, "body.user_id"),
        ({"attendee_type": "user"}, 422, "body.user_id"),
        ({"attendee_type": "user", "user_id": None}, 422, "body.user_id"),
        ({"attendee_type": "contact"}, 422, "body.contact_id"),
        ({"attendee_type": "external"}, 422, "body.external_email"),
        ({"attendee_type": "external", "external_email": ""}, 422, "body.external_email"),
        ({"attendee_type": "user", "user_id": UNKNOWN}, 400, None),
        ({"attendee_type": "contact", "contact_id": UNKNOWN}, 400, None),
        ({"attendee_type": "external", "external_email": "a@example.com", "contact_id": UNKNOWN}, 400, None),
    ],
)
async def test_an_attendee_that_does_not_fit_is_refused(
    member: Member, body: dict[str, Any], status: int, field: str | None
) -> None:
    event = await add_event(member)
    path = f"{EVENTS}/{event['id']}/attendees"
    answer = await member.call("POST", path, json=body)
    assert answer.status_code == status
    if field:
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await member.call("GET", path)).json()["total"] == 0


async def test_nobody_attends_an_event_twice(member: Member) -> None:
    event, other = await add_event(member), await add_event(member)
    contact = await member.contact(contact_email="ada@example.com")
    for body in (
        {"attendee_type": "user", "user_id": member.user["id"]},
        {"attendee_type": "contact", "contact_id": contact["id"]},
        {"attendee_type": "external", "external_email": "ada@example.com"},
    ):
        for each, status in ((event, 200), (event, 400), (other, 200)):
            answer = await member.call("POST", f"{EVENTS}/{each['id']}/attendees", json=body)
            assert answer.status_code == status, body


async def test_an_invitation_is_mailed_with_its_links(member: Member, office: PostOffice) -> None:
    event = await add_event(member, title="Service\r\nfor <A. Rose>", location="Chapel & garden", description="Hymns")
    guest = await add_attendee(member, event)
    answer = await member.call(
        "POST",
        f"{EVENTS}/{event['id']}/send-invitations",
        json={"attendee_ids": [guest["id"]], "custom_message": "No flowers, <please>"},
        headers={"X-Lab-Run-Id": "run-7"},
    )
    content = answer.json()
    assert (answer.status_code, content["sent_count"], content["failed_count"]) == (200, 1, 0)
    assert set(content) == {"detail", "sent_count", "failed_count"}
    (letter,) = office.letters
    assert letter.headers["x-lab-run-id"] == "run-7"
    assert letter.body["personalizations"] == [{"to": [{"email": "guest@example.com", "name": "A Guest"}]}]
    assert letter.body["from"] == {"email": "pete@cyberiad.ai", "name": "Ida Stone"}
    assert letter.body["subject"] == "Invitation to Service for <A. Rose> on 02 March 2026"
    kinds = [part["type"] for part in letter.body["content"]]
    assert kinds == ["text/plain", "text/html"]
    link = f"http://garden.example.com/api/calendar/rsvp/{guest['invitation_token']}"
    for words in (link, "Chapel & garden", "Hymns", "No flowers, <please>", f"/events/{event['id']}/ics"):
        assert words in letter.text
    html = letter.body["content"][1]["value"]
    assert "No flowers, &lt;please&gt;" in html
    assert "<please>" not in html

    (invited,) = (await member.call("GET", f"{EVENTS}/{event['id']}/attendees")).json()["attendees"]
    assert invited["invitation_status"] == "sent"
    assert invited["invited_at"] > guest["created_at"]


@pytest.mark.parametrize("status", [0, 400, 401, 500])
async def test_a_refused_mail_counts_as_sent_and_is_logged(
    member: Member, office: PostOffice, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    event = await add_event(member)
    guest = await add_attendee(member, event)
    office.status = status
    with caplog.at_level(logging.WARNING):
        answer = await member.call(
            "POST", f"{EVENTS}/{event['id']}/send-invitations", json={"attendee_ids": [guest["id"]]}
        )
    assert (answer.json()["sent_count"], answer.json()["failed_count"]) == (1, 0)
    assert len(office.letters) == 1
    (record,) = caplog.records
    assert record.getMessage().startswith(f"the invitation of attendee {guest['id']} counts as sent, but SendGrid ")
    assert "guest@example.com" not in record.getMessage()


async def test_an_invitation_fails_for_who_has_no_address(member: Member, office: PostOffice) -> None:
    event = await add_event(member)
    contact = await member.contact()
    silent = await add_attendee(member, event, attendee_type="contact", contact_id=contact["id"])
    answer = await member.call(
        "POST", f"{EVENTS}/{event['id']}/send-invitations", json={"attendee_ids": [silent["id"]]}
    )
    assert (answer.json()["sent_count"], answer.json()["failed_count"]) == (0, 1)
    (failed,) = (await member.call("GET", f"{EVENTS}/{event['id']}/attendees")).json()["attendees"]
    assert (failed["invitation_status"], failed["invited_at"]) == ("failed", None)
    assert office.letters == []


async def test_without_the_events_user_the_organisation_invites(
    founder: Founder, member: Member, backend: Backend, office: PostOffice
) -> None:
    colleague = await founder.join(member)
    event = await add_event(colleague)
    guest = await add_attendee(member, event)
    (caller,) = backend.accounts.with_email(member.user["email"])
    caller.role = "admin"
    assert (await member.call("DELETE", f"/api/users/{colleague.user['id']}")).status_code == 200
    path = f"{EVENTS}/{event['id']}"
    answer = await member.call("POST", f"{path}/send-invitations", json={"attendee_ids": [guest["id"]]})
    assert (answer.json()["sent_count"], answer.json()["failed_count"]) == (1, 0)
    (letter,) = office.letters
    organization = member.organization
    assert letter.body["from"]["name"] == organization["name"]
    file = (await member.call("GET", f"{path}/ics")).text
    assert f'ORGANIZER;CN="{organization["name"]}":mailto:{organization["organization_email"]}\n' in file


async def test_only_the_events_own_attendees_are_invited_and_each_once(member: Member, office: PostOffice) -> None:
    event, other = await add_event(member), await add_event(member)
    guest, stranger = await add_attendee(member, event), await add_attendee(member, other)
    path = f"{EVENTS}/{event['id']}/send-invitations"
    for ids, status in (
        ([], 422),
        (["7"], 422),
        ([UNKNOWN], 400),
        ([guest["id"], stranger["id"]], 400),
    ):
        assert (await member.call("POST", path, json={"attendee_ids": ids})).status_code == status, ids
    body = {"attendee_ids": [guest["id"]], "send_invitations": False}
    unsent = await member.call("POST", path, json=body)
    assert (unsent.json()["sent_count"], unsent.json()["failed_count"]) == (0, 0)
    assert office.letters == []
    assert (await member.call("GET", f"{EVENTS}/{event['id']}/attendees")).json()["attendees"] == [guest]
    twice = await member.call("POST", path, json={"attendee_ids": [guest["id"], guest["id"]]})
    assert (twice.json()["sent_count"], len(office.letters)) == (1, 1)
