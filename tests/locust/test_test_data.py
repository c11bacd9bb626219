"""Every payload of the suite against the contract's field rules: lengths, choices, and the fields never to send."""

import csv
import datetime
import io
import re
import uuid
from typing import Any

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from utils.identity import mail_domain, stream
from utils.test_data import ANSWERS, IMPORTED, MADE_BY, SEARCHED, TestData

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
EVENT_TYPES = {"appointment", "service", "meeting", "call", "reminder", "other"}
EVENT_STATUSES = {"confirmed", "tentative", "cancelled"}
EVENT_FIELDS = {
    "title",
    "description",
    "start_time",
    "end_time",
    "location",
    "event_type",
    "status",
    "event_metadata",
    "recurrence_rule",
}
"""Never among them: contact_id, which makes the platform's calendar answer 500 for the whole tenant."""
POISON_FIELDS = frozenset({"date_of_birth", "date_of_death", "service_date", "veteran_status", "payment_plan"})
"""Never in a contact: the platform answers 500 where one is sent."""
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


def moment(text: str) -> datetime.datetime:
    when = datetime.datetime.fromisoformat(text)
    assert when.tzinfo is not None, "a time without an offset next to one with an offset is a 500 on the platform"
    return when


def check_event_fields(payload: dict[str, Any]) -> None:
    assert payload.keys() <= EVENT_FIELDS
    assert moment(payload["start_time"]) < moment(payload["end_time"])
    assert payload["status"] in EVENT_STATUSES
    assert isinstance(payload["location"], str)


@given(st.integers(min_value=0), st.booleans())
def test_events_fit_the_contract(seed: int, recurring: bool) -> None:
    event = user(seed).event(recurring)
    check_event_fields(event)
    assert 1 <= len(event["title"]) <= 200
    assert event["event_type"] in EVENT_TYPES
    assert event["event_metadata"] == {MADE_BY: mail_domain(RUN)}
    assert ("recurrence_rule" in event) is recurring
    if recurring:
        assert re.fullmatch(
            r"FREQ=(DAILY|WEEKLY|MONTHLY)(;INTERVAL=[1-9]\d*)?;COUNT=[1-9]\d*", event["recurrence_rule"]
        )


@given(st.integers(min_value=0))
def test_what_changes_of_an_event_and_what_is_asked_of_the_calendar_fit_the_contract(seed: int) -> None:
    made = user(seed)
    check_event_fields(made.event_changes())
    start, end = made.span()
    assert moment(start) < moment(end)
    month, year = made.month()
    assert 1 <= month <= 12
    assert 2000 <= year <= 2100
    email, name = made.guest()
    validate_email(email, check_deliverability=False)
    assert name
    assert made.remark()
    assert set(ANSWERS) == {"accepted", "declined", "tentative"}


@given(st.integers(min_value=0))
def test_conversations_and_messages_fit_the_contract(seed: int) -> None:
    made = user(seed)
    conversation = made.conversation()
    assert conversation.keys() == {"title", "description"}
    assert conversation["title"]
    assert conversation["description"].endswith(mail_domain(RUN))
    questions = [made.question() for _ in range(20)]
    assert len(set(questions)) == 20, "each has an echo of its own"
    # Commands of the socket, which are answered by a system message alone.
    assert not any(question.startswith(("?", "/")) for question in questions)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=9999))
def test_mail_templates_fit_the_contract(seed: int, number: int) -> None:
    longest = "x" * 60
    made = TestData(stream(seed, "BulkOperationsUser", number, "payloads"), longest, f"bulkoperationsuser{number}")
    template = made.template()
    assert template.keys() == {"name", "subject", "html_content", "text_content", "variables"}
    assert 1 <= len(template["name"]) <= 100
    assert mail_domain(longest) in template["name"]
    assert 1 <= len(template["subject"]) <= 255
    for text in ("subject", "html_content", "text_content"):
        assert set(re.findall(r"{{(\w+)}}", template[text])) <= set(template["variables"])
    assert made.template()["name"] != template["name"]


@given(st.integers(min_value=0))
def test_imported_files_fit_the_contract(seed: int) -> None:
    rows = list(csv.DictReader(io.StringIO(user(seed).address_list(5), newline="")))
    assert len(rows) == 5
    assert set(IMPORTED.values()) <= CONTACT_LENGTHS.keys() | {"contact_email"}
    for row in rows:
        assert row.keys() == IMPORTED.keys()
        for header, field in IMPORTED.items():
            assert 1 <= len(row[header]) <= CONTACT_LENGTHS.get(field, 320)
        assert row["Name"] != "-"
        validate_email(row["Email"], check_deliverability=False)
        assert row["Email"].endswith("@" + mail_domain(RUN))


def records(made: TestData) -> tuple[object, ...]:
    crm = (made.contact(), made.contact_changes(), made.search(), made.colleague("c"))
    calendar = (made.event(), made.event(recurring=True), made.event_changes(), made.span(), made.month(), made.guest())
    return (*crm, *calendar, made.conversation(), made.question(), made.template(), made.address_list(3))


def test_one_seed_makes_the_same_records_and_another_user_makes_others() -> None:
    def everything(made: TestData) -> list[object]:
        return [records(made) for _ in range(5)]

    first = everything(user(3))
    interleaved, other = user(3), user(3, number=2)
    again = []
    for _ in range(5):
        again.append(records(interleaved))
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


@pytest.mark.parametrize(
    "wrong", [{"contact_id": "x"}, {"status": "scheduled"}, {"end_time": "2025-01-01T00:00:00Z"}, {"notes": "x"}]
)
def test_the_rules_would_catch_an_event_that_the_platform_refuses_or_chokes_on(wrong: dict[str, str]) -> None:
    with pytest.raises(AssertionError):
        check_event_fields({**user(1).event(), **wrong})
