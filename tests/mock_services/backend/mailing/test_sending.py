"""Section 2 of the contract: mail to many, through SendGrid's API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import HttpUrl

from mock_services.backend.app import Backend
from mock_services.backend.mailing.schemas import CampaignView
from mock_services.backend.settings import Settings
from tests.mock_services.backend.mailing.support import TEMPLATE
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import Founder, Member
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

BULK = "/api/crm/bulk-email"
CAMPAIGNS = "/api/crm/email-campaigns"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def readers(member: Member) -> list[str]:
    """Add three contacts: two with an address, one without."""
    ada = await member.contact(contact_email="ada@example.com", contact_name="Ada <R>")
    bob = await member.contact(contact_email="bob@example.com", contact_name="Bob")
    return [ada["id"], bob["id"], (await member.contact())["id"]]


async def test_each_reader_gets_a_mail_of_their_own(
    member: Member, office: PostOffice, template: dict[str, Any]
) -> None:
    ids = await readers(member)
    body = {
        "template_id": template["id"],
        "contact_ids": [*ids, ids[0], UNKNOWN],
        "template_variables": {"greeting": "Hello", "what": 7},
        "schedule_send": "2030-01-01T00:00:00",
    }
    answer = await member.call("POST", BULK, json=body, headers={"X-Lab-Run-Id": "run-7"})
    assert answer.status_code == 200
    outcome = answer.json()
    assert (outcome["total_recipients"], outcome["successful_sends"], outcome["failed_sends"]) == (2, 2, 0)
    assert outcome["errors"] == []
    assert len(set(outcome["email_ids"])) == 2

    ada, bob = office.letters
    assert (ada.to, bob.to) == ("ada@example.com", "bob@example.com")
    assert ada.headers["x-lab-run-id"] == "run-7"
    assert ada.body["subject"] == "Dear Ada <R>"
    html = ada.body["content"][1]["value"]
    assert "<p>Hello Ada &lt;R&gt;, 7</p>" in html
    assert '?url=https%3A%2F%2Fexample.com%2F%3Fa%3D1%26b%3D2"' in html
    assert "Hello Ada <R>, 7" in ada.text
    assert f"http://garden.example.com/api/crm/unsubscribe/{ids[0]}" in ada.text

    (interaction,) = (await member.call("GET", f"/api/crm/contacts/{ids[0]}/interactions")).json()
    assert (interaction["interaction_type"], interaction["subject"]) == ("email", "Dear Ada <R>")
    (campaign,) = (await member.call("GET", CAMPAIGNS)).json()["campaigns"]
    assert set(campaign) == set(CampaignView.model_fields)
    assert (campaign["status"], campaign["recipient_count"], campaign["sent_count"]) == ("sent", 2, 2)
    assert campaign["sent_at"] >= campaign["created_at"]


@pytest.mark.parametrize("status", [400, 401, 500, 0])
async def test_mails_that_fail_are_told_in_an_answer_of_200(
    member: Member, office: PostOffice, template: dict[str, Any], status: int
) -> None:
    ids = await readers(member)
    office.status = status
    answer = await member.call("POST", BULK, json={"template_id": template["id"], "contact_ids": ids})
    assert answer.status_code == 200
    outcome = answer.json()
    assert (outcome["successful_sends"], outcome["failed_sends"], outcome["email_ids"]) == (0, 2, [])
    assert [each["contact_id"] for each in outcome["errors"]] == ids[:2]
    assert all("SendGrid" in each["error"] for each in outcome["errors"])
    assert (await member.call("GET", f"/api/crm/contacts/{ids[0]}/interactions")).json() == []
    (campaign,) = (await member.call("GET", CAMPAIGNS)).json()["campaigns"]
    assert (campaign["status"], campaign["sent_count"], campaign["open_rate"]) == ("partial", 0, 0.0)


async def test_what_cannot_be_sent_is_refused(founder: Founder, member: Member, template: dict[str, Any]) -> None:
    *_, silent = await readers(member)
    stranger = await (await founder.found()).contact(contact_email="eve@example.com")
    gone = await member.contact(contact_email="no@example.com", is_unsubscribed=True)
    for contact_ids in ([silent], [UNKNOWN], [stranger["id"]], [gone["id"]]):
        body = {"template_id": template["id"], "contact_ids": contact_ids}
        assert (await member.call("POST", BULK, json=body)).status_code == 400
    assert (await member.call("POST", BULK, json=body | {"contact_ids": []})).status_code == 422
    assert (await member.call("POST", BULK, json=body | {"template_id": UNKNOWN})).status_code == 404
    assert (await member.call("GET", CAMPAIGNS)).json() == {"campaigns": [], "total": 0, "skip": 0, "limit": 10}


async def test_campaigns_are_paged_newest_first(member: Member, template: dict[str, Any]) -> None:
    ids = await readers(member)
    for number in range(3):
        change = {"subject": f"Mail {number}"}
        await member.call("PATCH", f"/api/crm/email-templates/{template['id']}", json=change)
        await member.call("POST", BULK, json={"template_id": template["id"], "contact_ids": ids[:1]})
    page = (await member.call("GET", CAMPAIGNS, params={"skip": 1, "limit": 1})).json()
    assert [each["subject"] for each in page["campaigns"]] == ["Mail 1"]
    assert (page["total"], page["skip"], page["limit"]) == (3, 1, 1)
    assert (await member.call("GET", CAMPAIGNS, params={"skip": 2**62})).json()["campaigns"] == []
    for query in ({"skip": -1}, {"limit": 0}, {"limit": 101}):
        assert (await member.call("GET", CAMPAIGNS, params=query)).status_code == 422


async def test_a_test_mail_says_what_the_vendor_said(member: Member, office: PostOffice) -> None:
    for test_type in ("simple", "template"):
        body = {"to_email": "ada@example.com", "test_type": test_type}
        answer = await member.call("POST", "/api/crm/test-email", json=body)
        assert answer.status_code == 200
        sent = answer.json()
        assert (sent["success"], sent["status_code"], sent["test_type"]) == (True, 202, test_type)
        assert sent["message_id"] == f"m{len(office.letters)}"
        assert member.organization["name"] in office.letters[-1].text
    office.status = 500
    answer = await member.call("POST", "/api/crm/test-email", json={"to_email": "ada@example.com"})
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal server error", "status_code": 500})
    assert (await member.call("POST", "/api/crm/test-email", json={"to_email": "ada"})).status_code == 422


async def test_a_contact_that_goes_while_mail_is_sent_leaves_the_campaign_whole(
    member: Member, backend: Backend, office: PostOffice, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await readers(member)
    send = backend.mailer.send

    async def send_and_delete(*arguments: Any) -> str:
        await member.call("DELETE", f"/api/crm/contacts/{ids[0]}")
        return await send(*arguments)

    monkeypatch.setattr(backend.mailer, "send", send_and_delete)
    answer = await member.call("POST", BULK, json={"template_id": template["id"], "contact_ids": ids})
    assert (answer.status_code, answer.json()["successful_sends"]) == (200, 2)


async def test_sendgrids_stub_takes_what_is_sent(settings: Settings) -> None:
    with serving("sendgrid", SENDGRID_LATENCY_MS="0") as address:
        backend = Backend(settings.model_copy(update={"sendgrid_api_url": HttpUrl(f"http://{address}")}))
        transport = httpx.ASGITransport(backend)
        async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
            member = await Founder(client).found()
            template = (await member.call("POST", "/api/crm/email-templates", json=TEMPLATE)).json()
            contact = await member.contact(contact_email="ada@example.com")
            body = {"template_id": template["id"], "contact_ids": [contact["id"]]}
            outcome = (await member.call("POST", BULK, json=body)).json()
        await backend.mailer.close()
        async with httpx.AsyncClient() as http:
            kept = (await http.get(f"http://{address}/__lab/messages")).json()["messages"]
    assert (outcome["successful_sends"], outcome["errors"]) == (1, [])
    assert len(kept) == 1
