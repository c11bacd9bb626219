"""Logs hold no credential, whoever wrote the line."""

import base64
import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.redaction import HIDDEN, redact
from utils.logs import RedactingFormatter

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {JWT}",
        f"the token is {JWT}",
        f"it came as x-{JWT}",
        f"GET /api/ws/conversations/1?token={JWT} HTTP/1.1",
        "Authorization: Basic QUMxYWIwOjFhYjAwMDAw",
        '{"email": "a@b.co", "password": "LoadTest2025!"}',
        "{'refresh_token': 'LoadTest2025!'}",
        "access_code=LoadTest2025!",
        "SENDGRID_API_KEY=LoadTest2025!",
    ],
)
def test_what_looks_like_a_credential_is_hidden(text: str) -> None:
    said = redact(text)
    assert HIDDEN in said
    for secret in (JWT, "LoadTest2025!", "QUMxYWIwOjFhYjAwMDAw"):
        assert secret not in said


@pytest.mark.parametrize(
    "text",
    [
        "CrmUser 3: GET /api/crm/contacts/{id}, status 200 in 4.2 ms, good",
        "Prepared 9 accounts and 2 organisations in 0.0 s; their making is not in the statistics.",
        "https://dev.thanotopolis.com does not answer (timed out)",
        "mock_services.backend.accounts.access says so",
        "POST /api/auth/reset-password, status 400",
    ],
)
def test_an_ordinary_line_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(
    st.dictionaries(st.sampled_from(["sub", "email", "role"]), st.text(max_size=20), min_size=1), st.binary(min_size=8)
)
def test_every_token_is_hidden(claims: dict[str, str], signature: bytes) -> None:
    parts = [b'{"alg":"HS256"}', json.dumps(claims).encode(), signature]
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert token not in redact(f"it got {token}, and went on")


def test_a_traceback_and_a_known_secret_are_hidden_too() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactingFormatter(logging.Formatter("%(message)s"), ["hush-hush", "a"]))
    record = logging.makeLogRecord({"msg": "said %s and a word", "args": ("hush-hush",)})
    handler.emit(record)
    try:
        int(f"no good: {JWT}")
    except ValueError as error:
        handler.emit(logging.makeLogRecord({"msg": "failed", "exc_info": (type(error), error, error.__traceback__)}))
    assert written.getvalue().startswith(f"said {HIDDEN} and a word\nfailed\nTraceback")
    assert JWT not in written.getvalue()
