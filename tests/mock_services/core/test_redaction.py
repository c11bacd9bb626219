"""What a journal shows holds no credential, wherever it stood, and is else as it was sent."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.redaction import HIDDEN, is_secret, redact, redact_body, redact_path

SECRET = "hush7hush"
NAMES = st.sampled_from(
    [
        *("password", "admin_password", "newPassword", "refresh_token", "CallToken", "client_secret", "access_code"),
        *("code", "API-Key", "apiKey", "verification_code", "Authorization", "cvc"),
    ]
)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="~"), max_size=12)
VALUES = WORDS.map(lambda words: f"~{words}~")
"""Marked at both ends, so that what is left of one is seen."""


@pytest.mark.parametrize(
    "body",
    [
        f'{{"email": "a@b.co", "password": "{SECRET}"}}',
        f'{{"password": "a\\"{SECRET}"}}',
        f'{{"password": "{SECRET}',
        f'{{"token": ["a", "{SECRET}"]}}',
        f'{{"secret": {{"of": {{"x": 1}}, "more": "}}{SECRET}"}}}}',
        f'{{"arguments": "{{\\"token\\": \\"{SECRET}\\"}}"}}',
        f'{{"text": "see https://x.example/reset?token={SECRET}&lang=en\\nBye"}}',
        f"username=a&password={SECRET} and more",
        f"card%5Bcvc%5D={SECRET}",
        f"Body=see+https%3A%2F%2Fx.example%2Freset%3Ftoken%3D{SECRET}%26lang%3Den",
        f"code={SECRET}&state=1",
        f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n--b--\r\n',
        f'--b\r\nContent-Disposition: form-data; name="password"\r\nContent-Type: text/plain\r\n\r\n{SECRET}',
        f"Authorization: Bearer {SECRET}",
        f"it got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{SECRET}, and went on",
        f"Incorrect key: sk-{SECRET}",
        f"SG.{SECRET}.{SECRET}",
    ],
)
def test_a_credential_is_hidden_wherever_it_stands(body: str) -> None:
    shown = redact_body(body)
    assert HIDDEN in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "body",
    [
        '{"name":"urn 1"}',
        '{"model": "gpt-4o-mini", "max_tokens": 300, "token_type": "bearer", "country_code": "US", "status_code": 200}',
        '{"token": null, "password": false, "pinned": "yes"}',
        "AreaCode=415&ErrorCode=11200&Body=Your+verification+code+is+123456.&password=&To=%2B13105550142",
        "POST /api/auth/reset-password, status 400; body.password: String should have at least 8 characters",
        "ends amid a name: passw",
        "",
    ],
)
def test_what_is_no_credential_stays_as_it_was_sent(body: str) -> None:
    assert redact_body(body) == body


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.dictionaries(st.sampled_from(["to", "max_tokens"]), WORDS))
def test_a_json_body_keeps_its_form_and_all_but_its_credentials(
    secrets: dict[str, str], others: dict[str, str]
) -> None:
    shown: dict[str, Any] = json.loads(redact_body(json.dumps(others | secrets)))
    assert shown == others | dict.fromkeys(secrets, HIDDEN)


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.integers(0, 300))
def test_of_a_body_that_is_cut_off_no_more_is_shown(secrets: dict[str, str], kept: int) -> None:
    for body in (json.dumps(secrets, ensure_ascii=False), urlencode(secrets, safe="~")):
        assert "~" not in redact_body(body[:kept])


@given(st.text() | st.text(st.sampled_from(list("token=:\"'\\&%3D[]{}- \n"))))
def test_any_text_can_be_shown(text: str) -> None:
    for shown in (redact(text), redact_body(text)):
        assert redact_path("GET /x", shown) == shown


def test_a_path_shows_no_credential_that_its_operation_has_in_it() -> None:
    assert redact_path("GET /rsvp/{invitation_token}/respond", f"/rsvp/{SECRET}/respond") == f"/rsvp/{HIDDEN}/respond"
    assert redact_path("GET /calls/{call_sid}.json", "/calls/CA1.json") == "/calls/CA1.json"


def test_names_are_told_by_how_they_end() -> None:
    assert all(map(is_secret, ("password", "x_Api_Key", "webhook-secret", "access_token", "stripeSecretKey", "otp")))
    assert not any(map(is_secret, ("tokens", "password_hint", "postal_code", "keypad", "spin")))
