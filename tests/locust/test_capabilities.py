"""What a target offers, read from its OpenAPI document."""

import pytest

from utils.capabilities import Capabilities, NotThePlatform

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/api/auth/login": {"post": {}},
        "/api/crm/contacts/{contact_id}": {"get": {}, "patch": {}, "parameters": []},
    },
}


def test_placeholders_match_whatever_they_are_called() -> None:
    offered = Capabilities.read(DOCUMENT)
    assert offered.offers("GET /api/crm/contacts/{id}", "PATCH /api/crm/contacts/{x}", "POST /api/auth/login")
    assert not offered.offers("DELETE /api/crm/contacts/{id}")
    assert offered.missing(["GET /api/crm/contacts/{id}", "GET /api/crm/dashboard"]) == ["GET /api/crm/dashboard"]


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        ("GET /api/crm/contactz", "GET /api/crm/contactz (it has GET /api/crm/contacts)"),
        ("GET /api/crm/contact/{id}", "GET /api/crm/contact/{id} (it has GET /api/crm/contacts/{})"),
        ("DELETE /api/crm/contacts/{id}", "DELETE /api/crm/contacts/{id}"),
        ("GET /api/crm/dashboard", "GET /api/crm/dashboard"),
    ],
)
def test_a_slip_of_the_pen_is_told_from_what_a_target_lacks(needed: str, said: str) -> None:
    offered = Capabilities(["GET /api/crm/contacts", "GET /api/crm/contacts/{id}", "POST /api/crm/contacts"])
    assert offered.lacks([needed, "POST /api/crm/contacts"]) == [said]


def test_the_list_survives_its_way_to_a_worker() -> None:
    assert Capabilities(Capabilities.read(DOCUMENT).listed()).offers("GET /api/crm/contacts/{id}")


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}, {"paths": {}}, {"paths": {"/api/auth/login": {}}}])
def test_another_service_is_not_the_platform(document: object) -> None:
    with pytest.raises(NotThePlatform):
        Capabilities.read(document)


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({"$ref": "#/components/schemas/Event"}, True),
        ({"properties": {"title": {}, "recurrence_rule": {}}}, True),
        ({"properties": {"title": {}}}, False),
        ({"$ref": "#/components/schemas/Missing"}, False),
        (None, False),
    ],
)
def test_a_field_that_only_some_targets_know_is_offered_where_the_document_has_it(body: object, known: bool) -> None:
    operation = {"requestBody": {"content": {"application/json": {"schema": body}}}} if body else {}
    document = {
        "paths": {"/api/auth/login": {"post": {}}, "/api/calendar/events": {"post": operation}},
        "components": {"schemas": {"Event": {"properties": {"recurrence_rule": {}}}}},
    }
    offered = Capabilities(Capabilities.read(document).listed())
    assert offered.offers("POST /api/calendar/events")
    assert offered.offers("POST /api/calendar/events recurrence_rule") is known
