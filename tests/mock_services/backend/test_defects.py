"""The platform's defects are shown where their switches are on, and only there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import CONTACT, SECRET, Member

pytestmark = pytest.mark.anyio

SHOWN = {"detail": "Internal server error", "type": "internal_error"}


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    return Settings(bcrypt_rounds=4, rate_limit_requests=0, jwt_secret=SECRET, seed="tests", defects=request.param)


crm_poison = pytest.mark.parametrize("settings", [{Defect.CRM_POISON_CONTACT}], indirect=True)


def test_defects_are_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().defects == frozenset()
    monkeypatch.setenv("BACKEND_DEFECTS", " crm-poison-contact, calendar-mixed-times,")
    assert Settings().defects == {Defect.CRM_POISON_CONTACT, Defect.CALENDAR_MIXED_TIMES}


def test_a_name_that_is_no_defect_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_DEFECTS", "crm-poison-contact,all")
    with pytest.raises(ValidationError, match="'all' is no defect; it takes a comma list of crm-poison-contact, "):
        Settings()


def test_each_defect_says_in_a_sentence_what_the_platform_does() -> None:
    for defect in Defect:
        assert len(defect.description.split()) > 5, defect


@crm_poison
@pytest.mark.parametrize(
    ("field", "value", "cure"),
    [
        ("date_of_birth", "1931-05-06", ""),
        ("date_of_death", "2025-05-06", None),
        ("service_date", "2026-01-02T10:00:00", ""),
        ("veteran_status", "no", ""),
        ("payment_plan", "yes", ""),
    ],
)
async def test_a_poison_contact_is_stored_and_spoils_every_answer_that_holds_it(
    member: Member, field: str, value: str, cure: str | None
) -> None:
    harmless = await member.contact(contact_name="Bob")
    answer = await member.call("POST", "/api/crm/contacts", json=CONTACT | {field: value})
    assert (answer.status_code, answer.json()) == (500, SHOWN)
    for path in ("/contacts", "/contacts/search", "/dashboard"):
        assert (await member.call("GET", f"/api/crm{path}")).status_code == 500, path
    second_page = await member.call("GET", "/api/crm/contacts", params={"page": 2, "page_size": 1})
    assert [item["id"] for item in second_page.json()["items"]] == [harmless["id"]]
    assert second_page.json()["total"] == 2

    poisoned = await member.contact(contact_name="Cy")
    path = f"/api/crm/contacts/{poisoned['id']}"
    assert (await member.call("PATCH", path, json={field: value})).status_code == 500
    assert (await member.call("GET", path)).status_code == 500
    assert (await member.call("PATCH", path, json={field: cure})).status_code == 200
    assert (await member.call("GET", path)).status_code == 200


@crm_poison
async def test_what_cannot_be_read_does_not_poison(member: Member) -> None:
    fields: dict[str, Any] = {"date_of_birth": "bad", "payment_plan": "monthly", "veteran_status": "unknown"}
    contact = await member.contact(**fields)
    assert [contact[name] for name in fields] == [None, None, None]
    assert (await member.call("GET", "/api/crm/contacts")).status_code == 200


@pytest.mark.parametrize("settings", [{Defect.NULL_IN_REQUIRED_FIELD}], indirect=True)
async def test_null_for_a_needed_field_is_an_internal_error(member: Member) -> None:
    contact = await member.contact()
    path = f"/api/crm/contacts/{contact['id']}"
    answer = await member.call("PATCH", path, json={"business_name": None})
    assert (answer.status_code, answer.json()) == (500, SHOWN)
    assert (await member.call("GET", path)).json() == contact
