"""The rules for mails: each fault has its place and SendGrid's words, and nothing makes the check fail itself."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.sendgrid.protocol import check, is_address, sandboxed
from tests.mock_services.sendgrid.support import mail

NOW = 1_760_000_000
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=6,
)


def to(*addresses: str, **more: Any) -> list[dict[str, Any]]:
    return [{"to": [{"email": each} for each in addresses], **more}]


def test_the_platforms_mail_is_good() -> None:
    assert check(mail(), NOW) == []


@pytest.mark.parametrize(
    "given_",
    [
        {"template_id": "d-1", "subject": None, "content": None},
        {"subject": None, "personalizations": to("a@example.com", subject="Own")},
        {"personalizations": to("a@example.com", cc=[{"email": "b@example.com"}], bcc=[{"email": "c@example.com"}])},
        {"personalizations": to("a@example.com") + to("a@example.com")},
        {"categories": ["invitation", "calendar"], "custom_args": {"tenant": "7"}, "headers": {"X-Tenant": "7"}},
        {"attachments": [{"content": base64.b64encode(b"ics").decode(), "filename": "visit.ics"}]},
        {"send_at": NOW + 72 * 3_600, "reply_to": {"email": "r@example.com"}, "asm": {"group_id": 1}},
        {"content": [{"type": "text/html", "value": "<p>x</p>"}, {"type": "text/calendar", "value": "x"}]},
        {"reply_to_list": [{"email": "r@example.com"}], "tracking_settings": {}, "mail_settings": {}},
    ],
)
def test_other_good_mails(given_: dict[str, Any]) -> None:
    assert check(mail(**given_), NOW) == []


@pytest.mark.parametrize(
    ("given_", "field", "words"),
    [
        ({"personalizations": None}, "personalizations", "at least one personalization"),
        ({"personalizations": []}, "personalizations", "at least one personalization"),
        ({"personalizations": to("a@example.com") * 1_001}, "personalizations", "limited to 1000 personalizations"),
        (
            {"personalizations": to(*(f"a{number}@example.com" for number in range(1_001)))},
            "personalizations",
            "limit of 1000 total recipients",
        ),
        ({"personalizations": [{}]}, "personalizations.0.to", "to array is required"),
        ({"personalizations": ["a@example.com"]}, "personalizations.0", "Expected: object, given: string"),
        ({"personalizations": [{"to": ["a@example.com"]}]}, "personalizations.0.to.0", "given: string"),
        ({"personalizations": to("a@example")}, "personalizations.0.to.0.email", "valid address"),
        ({"personalizations": [{"to": [{"name": "Ada"}]}]}, "personalizations.0.to.0.email", "valid address"),
        ({"personalizations": to("a@example.com", "A@example.com")}, "personalizations.0", "duplicate instance"),
        (
            {"personalizations": to("a@example.com", cc=[{"email": "a@example.com"}])},
            "personalizations.0",
            "in the personalizations.0.cc field",
        ),
        ({"personalizations": to("a@example.com", tag="x")}, "personalizations.0.tag", "is not allowed"),
        (
            {"personalizations": to("a@example.com", substitutions={"a": 1})},
            "personalizations.0.substitutions",
            "strings",
        ),
        ({"personalizations": to("a@example.com", custom_args={"a": 1})}, "personalizations.0.custom_args", "strings"),
        ({"personalizations": to("a@example.com", send_at=NOW * 2)}, "personalizations.0.send_at", "72 hours"),
        ({"from": None}, "from.email", "from object must be provided"),
        ({"from": {"name": "Pete"}}, "from.email", "from object must be provided"),
        ({"from": {"email": "pete"}}, "from.email", "valid address"),
        ({"from": "pete@cyberiad.ai"}, "from", "Expected: object, given: string"),
        ({"reply_to": {"email": "x"}}, "reply_to.email", "reply_to object"),
        ({"subject": None}, "subject", "subject is required"),
        ({"subject": ""}, "subject", "subject is required"),
        ({"subject": 7}, "subject", "Expected: string, given: integer"),
        ({"content": None}, "content", "content parameter is required"),
        ({"content": []}, "content", "content parameter is required"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value", "at least one character"),
        ({"content": [{"value": "x"}]}, "content.0.type", "content type must be a string"),
        ({"content": [{"type": "text/plain;a", "value": "x"}]}, "content.0.type", "CRLF"),
        ({"content": ["x"]}, "content.0", "given: string"),
        (
            {"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]},
            "content",
            "RFC 1341",
        ),
        ({"attachments": [{"content": "%", "filename": "a"}]}, "attachments.0.content", "base64"),
        ({"attachments": [{"filename": "a"}]}, "attachments.0.content", "at least one character"),
        ({"attachments": [{"content": "YQ=="}]}, "attachments.0.filename", "filename is required"),
        (
            {"attachments": [{"content": "YQ==", "filename": "a", "disposition": "x"}]},
            "attachments.0.disposition",
            "inline",
        ),
        ({"attachments": [7]}, "attachments.0", "given: integer"),
        ({"headers": {"To": "x"}}, "headers", "reserved keys"),
        ({"headers": {"X A": "x"}}, "headers", "non-ASCII"),
        ({"headers": {"X-A": 1}}, "headers", "strings"),
        ({"custom_args": {"a": "x" * 50_000}}, "custom_args", "50000 bytes"),
        ({"categories": [str(number) for number in range(11)]}, "categories", "limit of 10"),
        ({"categories": ["a", "a"]}, "categories", "unique"),
        ({"categories": ["a" * 256]}, "categories", "255"),
        ({"categories": [1]}, "categories", "array of strings"),
        ({"send_at": NOW + 72 * 3_600 + 1}, "send_at", "72 hours"),
        ({"send_at": "soon"}, "send_at", "Expected: integer, given: string"),
        ({"personalization": []}, "personalization", "is not allowed"),
    ],
)
def test_each_fault_is_named(given_: dict[str, Any], field: str, words: str) -> None:
    faults = check(mail(**given_), NOW)
    assert [fault.field for fault in faults if words in fault.message] == [field] or (
        field == "custom_args" and {fault.field for fault in faults} == {field, "personalizations.0.custom_args"}
    )


def test_everything_is_named_at_once() -> None:
    """What the platform's bulk mail sends: its personalization gets lost, so that there is none."""
    faults = check({"subject": "Hello"}, NOW)
    assert [fault.field for fault in faults] == ["from.email", "personalizations", "content"]
    assert all(str(fault.help).startswith("http://sendgrid.com/docs/") for fault in faults)


@given(st.one_of(JSON, st.dictionaries(st.sampled_from([*mail(), "categories", "headers", "send_at"]), JSON)))
def test_any_json_is_judged(content: Any) -> None:
    for fault in check(content, NOW):
        assert fault.message
        assert fault.field is None or isinstance(fault.field, str)


@given(st.sampled_from(["to", "cc", "bcc", "subject", "headers", "substitutions", "custom_args", "send_at"]), JSON)
def test_any_personalization_is_judged(name: str, value: Any) -> None:
    check(mail(personalizations=[{"to": [{"email": "b@example.com"}], name: value}]), NOW)


@given(st.emails())
def test_addresses(address: str) -> None:
    plain = all(character not in address for character in '"()<>[]:;,\\ ')
    assert is_address(address) == plain


@pytest.mark.parametrize(
    "address", ["", "a", "a@", "@example.com", "a@b", "a b@example.com", "a@example..com", None, 7]
)
def test_no_addresses(address: Any) -> None:
    assert not is_address(address)


def test_the_sandbox_is_asked_for() -> None:
    assert sandboxed(mail(mail_settings={"sandbox_mode": {"enable": True}}))
    assert not sandboxed(mail(mail_settings={"sandbox_mode": {"enable": False}}))
    assert not sandboxed(mail())
