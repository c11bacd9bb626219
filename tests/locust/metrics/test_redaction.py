"""No credential stays in what is written down of an exchange, and what is no credential does."""

import json
import string
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.redaction import HIDDEN, redact, redact_body, redact_path

NAMES = st.sampled_from(
    [
        *("password", "new_password", "Password", "passwd", "access_token", "refreshToken", "token", "client_secret"),
        *("access_code", "verification_code", "code", "apiKey", "api_key", "password_hash", "tokens"),
    ]
)
MARK = "q7Z"
"""What no ordinary value below holds, so that half a secret is found as well."""
SECRETS = st.text(string.printable + "äß€\u2028", min_size=1, max_size=20).map(lambda text: MARK + text + MARK)
ORDINARY = st.none() | st.booleans() | st.integers(-9, 9) | st.text("abc ", max_size=5)
TREES = st.recursive(
    ORDINARY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
)


def buried(tree: Any, where: list[bool]) -> Any:
    """A tree within lists and objects."""
    for in_list in where:
        tree = [0, tree] if in_list else {"a": tree}
    return tree


@given(NAMES, SECRETS, TREES, st.lists(st.booleans(), max_size=6), st.sampled_from([None, 1, "\t"]))
def test_a_named_value_is_in_no_json_body(
    name: str, secret: str, rest: Any, where: list[bool], indent: int | str | None
) -> None:
    body = json.dumps(buried({"rest": rest, name: secret}, where), indent=indent)
    found: list[str] = []
    said = redact_body(body.encode(), found=found)
    assert MARK not in said
    assert secret in found
    assert orjson.loads(said) == buried({"rest": rest, name: HIDDEN}, where)


@given(NAMES, SECRETS, st.integers(0, 2000))
def test_a_named_value_is_in_no_body_that_breaks_off(name: str, secret: str, at: int) -> None:
    body = json.dumps({"rest": "a" * 9, name: secret, "more": ["b", {name: secret}]})
    assert MARK not in redact_body(body[: len(body) - 1 - at % (len(body) - 1)].encode())


@given(NAMES, SECRETS)
def test_a_named_value_is_in_no_json_within_json(name: str, secret: str) -> None:
    body = json.dumps({"sent": json.dumps({name: secret.replace('"', "").replace("\\", "")})})
    assert MARK not in redact_body(body)


@given(NAMES, SECRETS)
def test_a_named_value_is_in_no_form_and_no_query(name: str, secret: str) -> None:
    form = urlencode({"a": "b", name: secret, "c": "d"})
    assert MARK not in redact_body(form)
    said = redact_path(f"https://host/api/x?{form}#f", "/api/x")
    assert MARK not in said
    assert said.startswith("/api/x?a=b&")
    assert said.endswith("&c=d")


@given(SECRETS)
def test_what_a_request_hid_is_hidden_where_the_answer_says_it_back(secret: str) -> None:
    found: list[str] = []
    redact_body(json.dumps({"email": "a@b.co", "password": secret}), found=found)
    answer = json.dumps({"detail": [{"loc": ["body", "password"], "input": secret, "msg": f"too short: {secret}"}]})
    assert MARK not in redact_body(answer, found)


@given(st.binary(max_size=300))
def test_any_bytes_become_text(body: bytes) -> None:
    redact_body(body).encode()


@pytest.mark.parametrize(
    "body",
    [
        {"id": 7, "status_code": 500, "postal_code": "12345", "token_count": None, "detail": "no such contact"},
        [1, 2.5, "GET /api/crm/contacts?page=2", {"password": ""}],
    ],
)
def test_what_is_no_credential_stays(body: Any) -> None:
    assert json.loads(redact_body(json.dumps(body))) == body


def test_a_path_keeps_its_ids_and_loses_its_tokens() -> None:
    assert (
        redact_path("http://t/api/crm/contacts/7-a?page=2", "/api/crm/contacts/{id}") == "/api/crm/contacts/7-a?page=2"
    )
    assert redact_path("/api/rsvp/s3cr3t/respond", "/api/rsvp/{token}/respond") == f"/api/rsvp/{HIDDEN}/respond"


@given(SECRETS)
def test_a_log_hides_a_quoted_value_whole(secret: str) -> None:
    assert MARK not in redact(f"refused {json.dumps({'password': secret})} at once")
    assert MARK not in redact(f"refused password={quote(secret)} at once")
    assert MARK not in redact(f"refused password={secret.encode()!r} at once")
