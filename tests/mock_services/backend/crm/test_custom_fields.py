"""Section 2 of the contract: fields that a tenant gives its contacts."""

from __future__ import annotations

from typing import Any

import pytest

from mock_services.backend.crm.schemas import CustomFieldView
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

FIELDS = "/api/crm/custom-fields"
FIELD = {"field_name": "section", "field_label": "Section", "field_type": "text"}


async def test_a_field_is_added_and_listed_in_its_place(founder: Founder, member: Member) -> None:
    answer = await member.call("POST", FIELDS, json=FIELD | {"display_order": 2, "field_options": {"a": [1]}})
    assert answer.status_code == 200
    section = answer.json()
    assert set(section) == set(CustomFieldView.model_fields)
    assert (section["field_options"], section["is_active"], section["is_required"]) == ({"a": [1]}, True, False)
    row = (await member.call("POST", FIELDS, json=FIELD | {"field_name": "row"})).json()
    hidden = (await member.call("POST", FIELDS, json=FIELD | {"field_name": "old", "is_active": False})).json()

    assert (await member.call("GET", FIELDS)).json() == [row, section]
    everything = (await member.call("GET", FIELDS, params={"include_inactive": True})).json()
    assert everything == [row, hidden, section]
    assert (await member.call("GET", "/api/crm/dashboard")).json()["custom_fields"] == [row, section]
    stranger = await founder.found()
    assert (await stranger.call("GET", FIELDS)).json() == []
    assert (await stranger.call("POST", FIELDS, json=FIELD)).status_code == 200


async def test_a_name_is_given_once(member: Member) -> None:
    await member.call("POST", FIELDS, json=FIELD)
    assert (await member.call("POST", FIELDS, json=FIELD | {"field_label": "Other"})).status_code == 400
    assert len((await member.call("GET", FIELDS)).json()) == 1


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"field_name": "1st"}, "body.field_name"),
        ({"field_name": "a" * 51}, "body.field_name"),
        ({"field_name": ""}, "body.field_name"),
        ({"field_label": ""}, "body.field_label"),
        ({"field_label": "a" * 101}, "body.field_label"),
        ({"field_type": "colour"}, "body.field_type"),
        ({"field_options": ["a"]}, "body.field_options"),
        ({"display_order": -1}, "body.display_order"),
    ],
)
async def test_a_field_that_does_not_fit_is_refused(member: Member, change: dict[str, Any], place: str) -> None:
    answer = await member.call("POST", FIELDS, json=FIELD | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, place)


async def test_a_field_is_neither_changed_nor_deleted(member: Member) -> None:
    field = (await member.call("POST", FIELDS, json=FIELD)).json()
    for method in ("PATCH", "DELETE"):
        assert (await member.call(method, f"{FIELDS}/{field['id']}")).status_code == 404
