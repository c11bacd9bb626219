"""Section 2 of the contract: contacts, interactions, the dashboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.app import Backend
from mock_services.backend.crm.schemas import ContactCreate, ContactView
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import CONTACT, SECRET, Founder, Member

pytestmark = pytest.mark.anyio

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def test_a_contact_is_created_read_changed_and_deleted(member: Member) -> None:
    fields = {"contact_email": "ada@example.com", "city": "Elmwood", "custom_fields": {"row": [1, {"x": None}]}}
    answer = await member.call("POST", "/api/crm/contacts", json=CONTACT | fields | {"company": "ignored"})
    assert answer.status_code == 200  # never 201
    contact = answer.json()
    assert set(contact) == set(ContactView.model_fields)
    assert contact["status"] == "lead"
    assert contact["custom_fields"] == fields["custom_fields"]
    assert (contact["tenant_id"], contact["created_by_user_id"]) == (member.organization["id"], member.user["id"])
    path = f"/api/crm/contacts/{contact['id']}"
    assert (await member.call("GET", path)).json() == contact

    change = {"balance_due_cents": 1200, "status": "customer", "contract_status": "ignored"}
    changed = (await member.call("PATCH", path, json=change)).json()
    assert (changed["balance_due_cents"], changed["status"], changed["city"]) == (1200, "customer", "Elmwood")
    assert changed["updated_at"] > contact["updated_at"]
    assert (await member.call("GET", path)).json() == changed
    assert (await member.call("PUT", path, json=change)).status_code == 405

    gone = await member.call("DELETE", path)
    assert (gone.status_code, gone.json()) == (200, {"message": "Contact deleted successfully"})
    for method in ("GET", "PATCH", "DELETE"):
        assert (await member.call(method, path, **({"json": {}} if method == "PATCH" else {}))).status_code == 404
    await member.contact(contact_email="ada@example.com")  # the address is free again


async def test_a_contact_is_written_by_the_rules(member: Member) -> None:
    written = await member.contact(
        unsubscribed_at="2026-01-02T03:04:05",
        date_of_birth="1931-05-06",
        date_of_death="bad",
        service_date="2026-01-02T10:00:00",
        veteran_status="yes",
        payment_plan="monthly",
    )
    assert written["unsubscribed_at"] == "2026-01-02T03:04:05Z"  # without an offset it is UTC
    assert [written[name] for name in ("date_of_birth", "date_of_death", "service_date")] == [
        "1931-05-06",
        None,
        "2026-01-02",
    ]
    assert (written["veteran_status"], written["payment_plan"]) == ("yes", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"business_name": ...}, "body.business_name"),
        ({"business_name": ""}, "body.business_name"),
        ({"contact_name": "x" * 256}, "body.contact_name"),
        ({"contact_email": "ada"}, "body.contact_email"),
        ({"status": "new"}, "body.status"),
        ({"phone": "1" * 21}, "body.phone"),
        ({"amount_paid_cents": "many"}, "body.amount_paid_cents"),
        ({"amount_paid_cents": 2**63}, "body.amount_paid_cents"),
        ({"custom_fields": []}, "body.custom_fields"),
        ({"custom_fields": {"n": 2**64}}, "body.custom_fields"),
        ({"unsubscribed_at": "0001-01-01T00:00:00+14:00"}, "body.unsubscribed_at"),
        ({"veteran_status": "x" * 21}, "body.veteran_status"),
    ],
)
async def test_a_contact_that_does_not_fit_is_refused(member: Member, change: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (CONTACT | change).items() if value is not ...}
    answer = await member.call("POST", "/api/crm/contacts", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await member.call("GET", "/api/crm/contacts")).json()["total"] == 0


async def test_what_cannot_be_encoded_again_is_refused(member: Member) -> None:
    deep = "[" * 300 + "]" * 300
    for value in ('"\\ud800"', deep):
        body = '{"business_name":"b","contact_name":"c","custom_fields":{"x":%s}}' % value  # noqa: UP031
        answer = await member.call("POST", "/api/crm/contacts", content=body)
        assert answer.status_code == 422
    answer = await member.call("POST", "/api/crm/contacts", content='{"business_name":"\\ud800","contact_name":"c"}')
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["business_name", "status", "custom_fields", "is_unsubscribed"])
async def test_what_an_answer_needs_may_not_become_null(member: Member, name: str) -> None:
    contact = await member.contact()
    path = f"/api/crm/contacts/{contact['id']}"
    assert (await member.call("PATCH", path, json={name: None})).status_code == 422
    assert (await member.call("PATCH", path, json={"contact_name": None})).json()["contact_name"] is None
    assert (await member.call("GET", path)).json()[name] == contact[name]


async def test_an_email_belongs_to_one_contact_of_a_tenant(founder: Founder) -> None:
    member, other = await founder.found(), await founder.found()
    ada = await member.contact(contact_email="ada@example.com")
    bob = await member.contact(contact_email="bob@example.com")
    await other.contact(contact_email="ada@example.com")
    answer = await member.call("POST", "/api/crm/contacts", json=CONTACT | {"contact_email": "ada@example.com"})
    assert answer.status_code == 400
    path = f"/api/crm/contacts/{bob['id']}"
    assert (await member.call("PATCH", path, json={"contact_email": "ada@example.com"})).status_code == 400
    assert (await member.call("PATCH", path, json={"contact_email": "bob@example.com"})).status_code == 200
    moved = await member.call("PATCH", f"/api/crm/contacts/{ada['id']}", json={"contact_email": None})
    assert moved.json()["contact_email"] is None
    assert (await member.call("PATCH", path, json={"contact_email": "ada@example.com"})).status_code == 200
    await member.contact(contact_email="bob@example.com")


async def test_another_tenants_contact_does_not_exist(founder: Founder) -> None:
    member, other = await founder.found(), await founder.found()
    contact = await other.contact()
    path = f"/api/crm/contacts/{contact['id']}"
    for method, target, body in (
        ("GET", path, None),
        ("PATCH", path, {"city": "x"}),
        ("DELETE", path, None),
        ("GET", f"{path}/interactions", None),
        ("POST", "/api/crm/interactions", interaction(contact["id"])),
        ("GET", f"/api/crm/contacts/{UNKNOWN}", None),
    ):
        answer = await member.call(method, target, **({"json": body} if body else {}))
        assert answer.status_code == 404, (method, target)
        assert set(answer.json()) == {"detail", "available_endpoints"}
    assert (await member.call("GET", "/api/crm/contacts/7")).status_code == 422


async def test_contacts_are_listed_newest_first_in_pages(member: Member) -> None:
    contacts = [await member.contact(contact_name=f"C{number}") for number in range(25)]
    expected = [contact["id"] for contact in reversed(contacts)]
    for page, size, shown in ((1, 20, 20), (2, 20, 5), (3, 20, 0), (10**30, 100, 0), (25, 1, 1)):
        answer = await member.call("GET", "/api/crm/contacts", params={"page": page, "page_size": size})
        body = answer.json()
        start = (page - 1) * size
        assert [item["id"] for item in body["items"]] == expected[start : start + size]
        assert len(body["items"]) == shown
        assert (body["total"], body["page"], body["page_size"], body["total_pages"]) == (25, page, size, -(-25 // size))
    for params in ({"page": 0}, {"page_size": 0}, {"page_size": 101}, {"status": "new"}, {"page": "x"}):
        for path in ("/api/crm/contacts", "/api/crm/contacts/search"):
            assert (await member.call("GET", path, params=params)).status_code == 422, params


async def test_an_empty_list_has_no_pages(member: Member) -> None:
    body = (await member.call("GET", "/api/crm/contacts")).json()
    assert body == {"items": [], "total": 0, "page": 1, "page_size": 20, "total_pages": 0}


PEOPLE = (
    {"business_name": "Elm Stones", "contact_name": "Ada", "city": "Elmwood", "notes": "called twice"},
    {"business_name": "Oak", "contact_name": "Bob Elm", "contact_email": "bob@example.com", "status": "customer"},
    {"business_name": "Yew", "contact_name": "Cleo", "state": "Oregon", "contact_email": "elm@example.com"},
)


@pytest.mark.parametrize(
    ("path", "params", "found"),
    [
        ("", {"search": "ELM"}, "Cleo Bob Ada"),
        ("", {"search": "ELM", "status": "lead"}, "Cleo Ada"),
        ("", {"city": "wood"}, "Ada"),
        ("", {"state": "ORE", "city": "wood"}, ""),
        ("", {"search": "called"}, ""),
        ("/search", {}, "Cleo Bob Ada"),
        ("/search", {"q": "Ada"}, "Cleo Bob Ada"),
        ("/search", {"search_term": "elm", "search_fields": "contact_name, city"}, "Bob Ada"),
        ("/search", {"search_term": "called", "search_fields": "notes,shoe_size"}, "Ada"),
        ("/search", {"search_term": "elm", "search_fields": "shoe_size"}, "Cleo Bob Ada"),
        ("/search", {"search_term": "nobody"}, ""),
        ("/search", {"has_email": "true"}, "Cleo Bob"),
        ("/search", {"has_email": "false"}, "Ada"),
        ("/search", {"status": "customer"}, "Bob"),
    ],
)
async def test_contacts_are_found(member: Member, path: str, params: dict[str, str], found: str) -> None:
    for person in PEOPLE:
        await member.contact(**person)
    answer = await member.call("GET", f"/api/crm/contacts{path}", params=params)
    assert [item["contact_name"].split()[0] for item in answer.json()["items"]] == found.split()
    assert answer.json()["total"] == len(found.split())


def interaction(contact_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "contact_id": contact_id,
        "interaction_type": "note",
        "content": "Asked about a plot",
        "interaction_date": "2026-03-01T12:00:00+02:00",
    } | changes


async def test_interactions_count_and_date_their_contact(member: Member) -> None:
    contact = await member.contact()
    other = await member.contact()
    path = f"/api/crm/contacts/{contact['id']}"
    assert (contact["interaction_count"], contact["last_interaction_date"]) == (0, None)
    for date in ("2026-03-01T12:00:00+02:00", "2026-05-01T00:00:00", "2026-04-01T00:00:00Z"):
        answer = await member.call(
            "POST", "/api/crm/interactions", json=interaction(contact["id"], interaction_date=date)
        )
        assert answer.status_code == 200
    made = answer.json()
    assert made["user_name"] == "Ida Stone"
    assert made["user_id"] == member.user["id"]
    assert made["interaction_metadata"] == {}
    assert {"id", "subject", "created_at", "updated_at"} <= set(made)
    await member.call("POST", "/api/crm/interactions", json=interaction(contact["id"], interaction_type="email"))

    seen = (await member.call("GET", path)).json()
    assert (seen["interaction_count"], seen["last_interaction_date"]) == (4, "2026-05-01T00:00:00Z")
    listed = {item["id"]: item for item in (await member.call("GET", "/api/crm/contacts")).json()["items"]}
    assert listed[contact["id"]] == seen
    assert listed[other["id"]]["interaction_count"] == 0

    dates = [row["interaction_date"] for row in (await member.call("GET", f"{path}/interactions")).json()]
    assert dates == sorted(dates, reverse=True)
    assert dates[-1] == "2026-03-01T10:00:00Z"
    emails = await member.call("GET", f"{path}/interactions", params={"interaction_type": "email"})
    assert [row["interaction_type"] for row in emails.json()] == ["email"]
    refused = await member.call("GET", f"{path}/interactions", params={"interaction_type": "fax"})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": ""}, "content"),
        ({"interaction_type": "call"}, "interaction_type"),
        ({"interaction_date": "soon"}, "interaction_date"),
        ({"contact_id": "7"}, "contact_id"),
        ({"subject": "x" * 256}, "subject"),
    ],
)
async def test_an_interaction_is_validated(member: Member, change: dict[str, Any], field: str) -> None:
    answer = await member.call("POST", "/api/crm/interactions", json=interaction(UNKNOWN) | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"body.{field}"]


async def test_the_dashboard_adds_up(member: Member) -> None:
    for number in range(12):
        await member.contact(status="customer" if number % 3 == 0 else "lead", is_unsubscribed=number < 3)
    contact = await member.contact()
    soon = datetime.now(UTC) + timedelta(days=3)
    for days, kind in ((-9, "task"), (2, "task"), (1, "task"), (0, "note")):
        date = (soon + timedelta(days=days)).isoformat()
        await member.call(
            "POST",
            "/api/crm/interactions",
            json=interaction(contact["id"], interaction_type=kind, interaction_date=date),
        )
    body = (await member.call("GET", "/api/crm/dashboard")).json()
    stats = body["stats"]
    assert set(body) == {"stats", "recent_contacts", "custom_fields"}
    assert stats["total_contacts"] == 13
    assert stats["contacts_by_status"] == {"customer": 4, "lead": 9}
    assert sum(stats["contact_growth"].values()) == 13
    assert (stats["unsubscribed_contacts"], stats["unsubscribe_rate"]) == (3, pytest.approx(100 * 3 / 13, abs=0.01))
    assert [row["interaction_type"] for row in stats["recent_interactions"]] == ["task", "task", "note", "task"]
    assert [row["interaction_date"] for row in stats["upcoming_tasks"]] == sorted(
        row["interaction_date"] for row in stats["recent_interactions"][:2]
    )
    assert len(body["recent_contacts"]) == 10
    assert body["recent_contacts"][0]["id"] == contact["id"]


async def test_the_store_is_bounded_and_says_so() -> None:
    backend = Backend(Settings(bcrypt_rounds=4, rate_limit_requests=0, jwt_secret=SECRET, max_rows=4))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        contacts = [await member.contact() for _ in range(2)]
        full = await member.call("POST", "/api/crm/contacts", json=CONTACT)
        assert (full.status_code, full.json()) == (500, {"detail": "Internal server error", "status_code": 500})
        await member.call("DELETE", f"/api/crm/contacts/{contacts[0]['id']}")
        await member.contact()

        assert (await client.post("/__lab/reset")).status_code == 200
        assert (await member.call("GET", "/api/crm/contacts")).status_code == 401  # its user is gone
        assert (await client.get("/__lab/metrics")).json()["rows"] == 0
        await Founder(client).found()


@given(st.builds(dict, veteran_status=st.text(max_size=20), date_of_birth=st.text()))
def test_unreadable_dates_and_answers_become_null(fields: dict[str, str]) -> None:
    contact = ContactCreate(business_name="b", contact_name="c", **fields)  # type: ignore[arg-type]
    assert contact.veteran_status in (None, fields["veteran_status"])
    if contact.date_of_birth:
        assert datetime.fromisoformat(contact.date_of_birth).date().isoformat() == contact.date_of_birth
