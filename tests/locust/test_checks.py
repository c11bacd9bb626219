"""Content checks: a 200 with the wrong thing inside is told from the right one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import checks
from clients.checks import both, containing, error_inside, fields, identified, listing, plain_list, same

CONTACT = {"id": "7b0e9f0a-9c55-4a3e-8f54-3a5a0f1f3c11", "tenant_id": "t", "business_name": "Ames Chapel"}
CONTACT |= {"contact_name": "Jo Ames", "status": "lead", "city": "Springfield"}
PAGE = {"items": [CONTACT], "total": 1, "page": 1, "page_size": 20, "total_pages": 1}


@pytest.mark.parametrize(
    "body", [{"success": False}, {"status": "error", "message": "no"}, {"error": "Invalid signature"}]
)
def test_an_error_under_a_200_is_found(body: dict[str, Any]) -> None:
    assert error_inside(body) == "an error inside a 200"


@pytest.mark.parametrize("body", [{"success": True}, {"status": "active"}, {"error": None}, [], {"detail": "done"}])
def test_an_ordinary_answer_has_no_error_inside(body: Any) -> None:
    assert error_inside(body) is None


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (CONTACT, None),
        ({**CONTACT, "status": None}, "status is of the wrong kind"),
        ({k: v for k, v in CONTACT.items() if k != "id"}, "id is missing"),
        ([], "no object"),
        (None, "no object"),
    ],
)
def test_fields_must_be_there_and_of_their_kind(body: Any, wrong: str | None) -> None:
    assert fields(checks.CONTACT)(body) == wrong


def test_a_truth_value_is_no_number() -> None:
    assert fields({"total": int})({"total": True}) == "total is of the wrong kind"


def test_another_id_than_the_one_asked_for_is_found() -> None:
    assert same(id=CONTACT["id"])(CONTACT) is None
    assert same(id="other")(CONTACT) == "another id came back"
    assert identified(CONTACT) is None
    assert identified({"id": "42"}) == "id is no UUID"
    assert identified({"id": 42}) == "id is no UUID"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"items": [CONTACT] * 21}, "a page of another size"),
        ({"page_size": 50}, "a page of another size"),
        ({"total": 0}, "total is less than the page holds"),
        ({"items": "none"}, "items is of the wrong kind"),
        ({"items": [{}]}, "id is missing"),
    ],
)
def test_a_page_is_looked_at_whole(change: dict[str, Any], wrong: str | None) -> None:
    assert listing("items", "page_size", 20, fields(checks.CONTACT))({**PAGE, **change}) == wrong


def test_a_search_that_ignores_its_term_is_found() -> None:
    matches = containing("spring", ["city", "contact_name"])
    assert matches(CONTACT) is None
    assert matches({**CONTACT, "city": "Elsewhere"}) == "an item that does not match"
    assert matches({"city": None}) == "an item that does not match"


def test_checks_combine() -> None:
    assert both(fields({"id": str}), same(id="a"))({"id": "b"}) == "another id came back"
    assert plain_list(same(id="a"))([{"id": "a"}, {"id": "b"}]) == "another id came back"
    assert plain_list(same(id="a"))({}) == "no list"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "items", "total", "page", "x"]), inner),
    max_leaves=8,
)


@given(json_values)
def test_no_answer_breaks_a_check(body: Any) -> None:
    error_inside(body)
    for check in (
        fields(checks.CONTACT),
        both(fields({"id": str}), identified),
        both(fields({"id": str}), same(id="a")),
        listing("items", "page_size", 20, both(fields(checks.CONTACT), containing("a", ["city"]))),
        plain_list(both(fields({"id": str}), same(id="a"))),
    ):
        wrong = check(body)
        assert wrong is None or len(wrong) < 60
