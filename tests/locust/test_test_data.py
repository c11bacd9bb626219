"""Every payload of the suite against the contract's field rules: lengths, choices, and the fields never to send."""

import datetime
import re
import uuid
from typing import Any

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from utils.identity import mail_domain, stream
from utils.test_data import POISON_FIELDS, SEARCHED, TestData

CONTACT_LENGTHS = {
    "business_name": 255,
    "contact_name": 255,
    "city": 100,
    "state": 50,
    "contact_role": 100,
    "phone": 20,
    "family_name": 255,
    "relationship_to_deceased": 100,
    "deceased_name": 255,
    "service_type": 100,
    "service_location": 255,
    "plot_number": 50,
    "plot_type": 100,
    "preferred_language": 50,
    "payment_status": 50,
    "religious_preferences": 255,
}
CONTACT_TEXTS = {"address", "notes", "special_requests"}
CONTACT_NUMBERS = {"contract_amount_cents", "amount_paid_cents", "balance_due_cents"}
STATUSES = {"lead", "prospect", "customer", "inactive", "qualified", "closed_won", "closed_lost"}
INTERACTION_TYPES = {"phone_call", "email", "meeting", "note", "task", "follow_up"}
RUN = "20250101-120000-ab12"


def user(seed: int, number: int = 1) -> TestData:
    return TestData(stream(seed, "CrmUser", number, "payloads"), RUN, f"crmuser{number}")


def check_contact_fields(payload: dict[str, Any]) -> None:
    assert not payload.keys() & POISON_FIELDS
    known = CONTACT_LENGTHS.keys() | CONTACT_TEXTS | CONTACT_NUMBERS | {"contact_email", "status"}
    assert payload.keys() <= known
    for name, value in payload.items():
        if name in CONTACT_LENGTHS:
            assert isinstance(value, str)
            assert 1 <= len(value) <= CONTACT_LENGTHS[name]
        elif name in CONTACT_NUMBERS:
            assert type(value) is int
            assert value >= 0
        elif name in CONTACT_TEXTS:
            assert isinstance(value, str)
    assert payload["status"] in STATUSES


@given(st.integers(min_value=0))
def test_contacts_fit_the_contract(seed: int) -> None:
    contact = user(seed).contact()
    check_contact_fields(contact)
    assert contact["business_name"]
    assert contact["contact_name"]
    email = contact["contact_email"]
    assert validate_email(email, check_deliverability=False).normalized == email
    assert email.endswith("@" + mail_domain(RUN))
    assert contact["balance_due_cents"] == contact["contract_amount_cents"] - contact["amount_paid_cents"]


@given(st.integers(min_value=0))
def test_changes_fit_the_contract(seed: int) -> None:
    check_contact_fields(user(seed).contact_changes())


@given(st.integers(min_value=0))
def test_interactions_fit_the_contract(seed: int) -> None:
    contact_id = str(uuid.uuid4())
    sent = user(seed).interaction(contact_id)
    assert sent.keys() == {"contact_id", "interaction_type", "subject", "content", "interaction_date"}
    assert sent["contact_id"] == contact_id
    assert sent["interaction_type"] in INTERACTION_TYPES
    assert len(sent["content"]) >= 1
    assert len(sent["subject"]) <= 255
    assert datetime.datetime.fromisoformat(sent["interaction_date"]).tzinfo is not None


@given(st.integers(min_value=0))
def test_colleagues_fit_the_contract(seed: int) -> None:
    sent = user(seed).colleague("an-access-code")
    assert sent.keys() == {"email", "username", "password", "first_name", "last_name", "access_code"}
    validate_email(sent["email"], check_deliverability=False)
    assert len(sent["password"]) >= 8
    assert sent["username"]


@given(st.integers(min_value=0))
def test_searches_and_numbers_fit_the_contract(seed: int) -> None:
    made = user(seed)
    term, field = made.search()
    assert term
    assert field in SEARCHED
    assert re.fullmatch(r"\+1[2-9]\d{2}55501\d{2}", made.phone())


def test_one_seed_makes_the_same_records_and_another_user_makes_others() -> None:
    def everything(made: TestData) -> list[object]:
        return [(made.contact(), made.contact_changes(), made.search(), made.colleague("c")) for _ in range(5)]

    first = everything(user(3))
    interleaved, other = user(3), user(3, number=2)
    again = []
    for _ in range(5):
        again.append(
            (interleaved.contact(), interleaved.contact_changes(), interleaved.search(), interleaved.colleague("c"))
        )
        other.contact()
    assert again == first
    assert everything(user(3, number=2)) != first


def test_no_two_users_make_the_same_address() -> None:
    emails = [
        made.contact()["contact_email"] for number in range(1, 40) for made in [user(1, number)] for _ in range(20)
    ]
    assert len(set(emails)) == len(emails)


@pytest.mark.parametrize("poison", sorted(POISON_FIELDS))
def test_the_rules_would_catch_a_poison_field(poison: str) -> None:
    with pytest.raises(AssertionError):
        check_contact_fields({**user(1).contact(), poison: "1950-01-01"})
