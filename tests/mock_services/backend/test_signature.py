"""Webhook signatures are Twilio's: checked against worked examples and against Twilio's own validator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import MultiDict

from mock_services.backend.telephony.signature import is_signed, sign
from tests.mock_services.backend.support import twilio_validator

TOKEN = "token_for_the_lab_0123456789abcdef"

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
forms = st.lists(st.tuples(texts, texts), max_size=6)
urls = st.sampled_from(
    [
        "http://127.0.0.1:8001/api/telephony/webhook/incoming-call",
        "https://lab.example.com/voice?tenant=7&name=a%2Bb",
        "https://lab.example.com:443/v",
        "http://[::1]:8001/v",
    ]
)


@pytest.mark.parametrize(
    ("url", "form", "signature"),
    [
        (
            "http://127.0.0.1:8000/api/telephony/webhook/call-status",
            {"CallSid": "CA1", "CallStatus": "completed", "CallDuration": "42"},
            "3EtgZdP9Ddbf+ldFbAWWVC+xGVE=",
        ),
        (
            "https://lab.example.com/voice?tenant=7&name=a%2Bb",
            {"CallSid": "CA1", "From": "+1"},
            "duo5gOrU3CuKJjV5M6O2DfiKnhQ=",
        ),
        ("https://lab.example.com/v", {"B": "", "A": "1", "a": "2"}, "qL0qlEtPWi26OI6He2HR7nl0V+A="),
        ("https://lab.example.com/v", {"FromCity": "MÜNCHEN", "Body": "👍"}, "eBrX422O+I7/IC6JltNgFz2gSRI="),
    ],
)
def test_worked_examples(url: str, form: dict[str, str], signature: str) -> None:
    assert sign(TOKEN, url, form.items()) == signature


@given(urls, forms)
def test_twilios_own_signature_is_accepted(url: str, form: list[tuple[str, str]]) -> None:
    signature = twilio_validator(TOKEN).compute_signature(url, MultiDict(form))
    assert is_signed(TOKEN, url, reversed(form), signature)
    assert not is_signed(TOKEN[::-1], url, form, signature)
    assert not is_signed(TOKEN, url + "/", form, signature)
    assert not is_signed(TOKEN, url, [*form, ("Extra", "x")], signature)


@pytest.mark.parametrize(
    ("signed", "seen", "good"),
    [
        ("http://host/v", "http://host:8001/v", True),
        ("http://host:8001/v", "http://host/v", False),
        ("https://host:443/v", "https://host/v", True),
        ("https://host/v", "http://host/v", False),
        ("http://host:8001/v", "http://host:8002/v", False),
    ],
)
def test_a_port_may_be_left_out_as_twilio_allows(signed: str, seen: str, good: bool) -> None:
    signature = sign(TOKEN, signed, [])
    assert is_signed(TOKEN, seen, [], signature) is good
    assert twilio_validator(TOKEN).validate(seen, {}, signature) is good


@given(st.text())
def test_no_text_breaks_the_check(signature: str) -> None:
    assert not is_signed(TOKEN, "http://host/v", [], signature)
