"""Section 2 of the contract: contacts from a CSV file."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import Member

pytestmark = pytest.mark.anyio

IMPORT = "/api/crm/contacts/import"
MAPPING = {
    "Firm": "business_name",
    "Name": "contact_name",
    "Mail": "contact_email",
    "Owes": "balance_due_cents",
    "Born": "date_of_birth",
    "Shoe": "shoe_size",
    "Odd": {"no": "field"},
}
HEADER = "Firm,Name,Mail,Owes,Born"


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update=getattr(request, "param", {}))


async def upload(
    member: Member, text: str | bytes, *, name: str = "contacts.csv", mapping: Any = MAPPING, **query: Any
) -> httpx.Response:
    params = {"field_mapping": mapping if isinstance(mapping, str) else json.dumps(mapping)} | query
    return await member.call("POST", IMPORT, params=params, files={"file": (name, text)})


async def test_each_line_succeeds_or_fails_by_itself(member: Member) -> None:
    answer = await upload(
        member,
        f"\ufeff{HEADER},More\r\n"
        'Rose & Sons,Ada Rose,ada@example.com,1200,1931-05-06,"x, y"\r\n'
        "Elm,-,bob@example.com,,,\r\n"
        "Yew,-,,,,\r\n"
        ",Cy,,,,\r\n"
        "Oak,Di,di@example.com,much,,\r\n"
        "Ash,Ed,ada@example.com,,,\r\n",
    )
    assert answer.status_code == 200
    outcome = answer.json()
    assert (outcome["total_rows"], outcome["successful_imports"], outcome["failed_imports"]) == (6, 2, 4)
    assert [each["row"] for each in outcome["errors"]] == [3, 4, 5, 6]
    assert outcome["errors"][2]["data"]["Owes"] == "much"
    assert outcome["errors"][2]["error"].startswith("balance_due_cents: ")
    assert "ada@example.com" in outcome["errors"][3]["error"]
    contacts = [(await member.call("GET", f"/api/crm/contacts/{each}")).json() for each in outcome["created_contacts"]]
    assert [(each["contact_name"], each["balance_due_cents"]) for each in contacts] == [
        ("Ada Rose", 1200),
        (None, None),
    ]
    assert contacts[0]["date_of_birth"] == "1931-05-06"
    assert (await member.call("GET", "/api/crm/contacts")).json()["total"] == 2


async def test_a_known_e_mail_is_changed_where_that_is_wanted(member: Member) -> None:
    contact = await member.contact(contact_email="ada@example.com", city="Elmwood")
    line = f"{HEADER}\nRose Ltd,Ada R.,ada@example.com,,\n"
    refused = (await upload(member, line)).json()
    assert (refused["failed_imports"], refused["updated_contacts"]) == (1, [])
    changed = (await upload(member, line, update_existing=True)).json()
    assert (changed["created_contacts"], changed["updated_contacts"]) == ([], [contact["id"]])
    now = (await member.call("GET", f"/api/crm/contacts/{contact['id']}")).json()
    assert (now["business_name"], now["contact_name"], now["city"]) == ("Rose Ltd", "Ada R.", "Elmwood")


@pytest.mark.parametrize("settings", [{"max_import_rows": 3}], indirect=True)
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HEADER, {"name": "contacts.txt"}),
        (HEADER, {"mapping": "{"}),
        (HEADER, {"mapping": "[" * 5000}),
        (HEADER, {"mapping": ["Firm"]}),
        (b"\xff\xfe", {}),
        (f"{HEADER}\n{'x' * 200_000},,,,\n", {}),
        (HEADER + "\nElm,Bob,,,\n" * 4, {}),
    ],
)
async def test_what_cannot_be_imported_is_refused_whole(
    member: Member, text: str | bytes, parts: dict[str, Any]
) -> None:
    assert (await upload(member, text, **parts)).status_code == 400
    assert (await member.call("GET", "/api/crm/contacts")).json()["total"] == 0


async def test_file_and_mapping_are_needed(member: Member) -> None:
    no_mapping = await member.call("POST", IMPORT, files={"file": ("a.csv", HEADER)})
    no_file = await member.call("POST", IMPORT, params={"field_mapping": "{}"})
    assert [answer.status_code for answer in (no_mapping, no_file)] == [422, 422]
    assert no_mapping.json()["errors"] == [{"field": "query.field_mapping", "message": "This field is required"}]
    assert no_file.json()["errors"] == [{"field": "body.file", "message": "This field is required"}]


async def test_a_file_without_lines_imports_nothing(member: Member) -> None:
    for text in ("", HEADER):
        outcome = (await upload(member, text)).json()
        assert (outcome["total_rows"], outcome["errors"], outcome["created_contacts"]) == (0, [], [])


@pytest.mark.parametrize("settings", [{"defects": frozenset({Defect.CRM_IMPORT_TYPED_COLUMNS})}], indirect=True)
async def test_the_platform_fails_lines_with_dates_and_numbers(member: Member) -> None:
    outcome = (await upload(member, f"{HEADER}\nElm,Bob,,12,\nElm,Cy,,,1931-05-06\nElm,Di,,,\n")).json()
    assert [each["row"] for each in outcome["errors"]] == [1, 2]
    assert "invalid input for query argument" in outcome["errors"][0]["error"]
    assert len(outcome["created_contacts"]) == 1
