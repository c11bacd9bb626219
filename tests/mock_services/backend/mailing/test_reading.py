"""Section 2 of the contract: what readers of mails do, and how it is counted."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from mock_services.backend.defects import Defect
from mock_services.backend.mailing.schemas import RecipientView
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

UNKNOWN = "00000000-0000-4000-8000-000000000000"
ORIGIN = "http://garden.example.com"


@pytest.fixture
async def sent(member: Member, template: dict[str, Any]) -> dict[str, Any]:
    """Send a mail to two contacts; give their ids, and the recipients' and the campaign's."""
    contacts = [(await member.contact(contact_email=f"{name}@example.com"))["id"] for name in ("ada", "bob")]
    body = {"template_id": template["id"], "contact_ids": contacts}
    outcome = (await member.call("POST", "/api/crm/bulk-email", json=body)).json()
    (campaign,) = (await member.call("GET", "/api/crm/email-campaigns")).json()["campaigns"]
    return {"contacts": contacts, "recipients": outcome["email_ids"], "campaign": campaign["id"]}


async def test_a_reader_opens_a_mail_and_follows_a_link(
    client: httpx.AsyncClient, member: Member, office: PostOffice, sent: dict[str, Any]
) -> None:
    html = office.letters[0].body["content"][1]["value"]
    (picture,) = re.findall(r'<img src="([^"]+)"', html)
    link, unsubscribe = re.findall(r'href="([^"]+)"', html)
    for _ in range(2):
        answer = await client.get(picture.removeprefix(ORIGIN))
        assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/gif", 43)
    followed = await client.get(link.removeprefix(ORIGIN))
    assert (followed.status_code, followed.headers["location"]) == (302, "https://example.com/?a=1&b=2")
    assert (await client.get(unsubscribe.removeprefix(ORIGIN))).status_code == 200

    analytics = (await member.call("GET", f"/api/crm/email-campaigns/{sent['campaign']}/analytics")).json()
    counts = {name: analytics["campaign"][f"{name}_count"] for name in ("sent", "opened", "clicked", "unsubscribed")}
    assert counts == {"sent": 2, "opened": 1, "clicked": 1, "unsubscribed": 1}
    assert (analytics["campaign"]["open_rate"], analytics["campaign"]["click_rate"]) == (50.0, 50.0)
    read, unread = analytics["recipients"]
    assert (read["open_count"], read["click_count"], unread["open_count"]) == (2, 1, 0)
    one = (await member.call("GET", f"/api/crm/email-recipients/{sent['recipients'][0]}/analytics")).json()
    assert one == read
    assert set(one) == set(RecipientView.model_fields)


async def test_any_id_gets_the_picture_and_the_redirect(client: httpx.AsyncClient) -> None:
    path = "/api/crm/email-tracking"
    assert (await client.get(f"{path}/open/nothing")).status_code == 200
    answer = await client.get(f"{path}/click/nothing", params={"url": "https://example.com/a b?é"})
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/a%20b?%C3%A9")
    assert (await client.get(f"{path}/click/nothing")).status_code == 422


async def test_unsubscribing_and_back(client: httpx.AsyncClient, member: Member, sent: dict[str, Any]) -> None:
    contact_id = sent["contacts"][1]
    page = await client.get(f"/api/crm/unsubscribe/{contact_id}", params={"reason": "too many"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "bob@example.com" in page.text
    contact = (await member.call("GET", f"/api/crm/contacts/{contact_id}")).json()
    assert (contact["is_unsubscribed"], contact["unsubscribe_reason"]) == (True, "too many")
    assert contact["unsubscribed_at"] is not None
    stats = (await member.call("GET", "/api/crm/dashboard")).json()["stats"]
    assert (stats["unsubscribed_contacts"], stats["unsubscribe_rate"]) == (1, 50.0)

    assert (await client.post(f"/api/crm/resubscribe/{contact_id}")).status_code == 403
    back = await member.call("POST", f"/api/crm/resubscribe/{contact_id}")
    assert (back.status_code, back.json()["contact_email"]) == (200, "bob@example.com")
    contact = (await member.call("GET", f"/api/crm/contacts/{contact_id}")).json()
    assert [contact[name] for name in ("is_unsubscribed", "unsubscribed_at", "unsubscribe_reason")] == [
        False,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 404), ({"defects": frozenset({Defect.CRM_UNKNOWN_ID})}, 500)],
    indirect=["settings"],
)
@pytest.mark.parametrize("text", [UNKNOWN, "nonsense", "other"])
async def test_what_is_unknown_is_not_found_and_on_the_platform_a_crash(
    founder: Founder, member: Member, sent: dict[str, Any], status: int, text: str
) -> None:
    """`other` stands for ids that another tenant has."""
    caller = await founder.found() if text == "other" else member
    ids = [sent["campaign"], sent["recipients"][0], sent["contacts"][0]] if text == "other" else [text] * 3
    for method, path, each in (
        ("GET", "/api/crm/email-campaigns/{}/analytics", ids[0]),
        ("GET", "/api/crm/email-recipients/{}/analytics", ids[1]),
        ("POST", "/api/crm/resubscribe/{}", ids[2]),
        *([("GET", "/api/crm/unsubscribe/{}", ids[2])] if text != "other" else []),
    ):
        assert (await caller.call(method, path.format(each))).status_code == status, path
