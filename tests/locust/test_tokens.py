"""Reading a token's expiry, and deciding when to renew it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.tokens import Tokens, expires_at


def token(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@given(st.integers(min_value=0, max_value=1 << 40), st.text())
def test_the_expiry_is_read_whatever_else_the_token_says(expiry: int, subject: str) -> None:
    assert expires_at(token({"sub": subject, "exp": expiry})) == expiry


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.%%.c", token([1]), token({"exp": "soon"}), token({})])
def test_what_is_no_token_with_an_expiry_has_none(text: str) -> None:
    assert expires_at(text) is None
    assert not Tokens(text, "r", 0.0).due(1e12)


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    expires_at(text)
    expires_at(f"a.{text}.c")


@pytest.mark.parametrize(("life", "renewed_after"), [(900, 840), (100, 80), (6, 4.8)])
def test_a_token_is_renewed_before_it_expires(life: float, renewed_after: float) -> None:
    tokens = Tokens(token({"exp": 1000 + life}), "r", 1000.0)
    assert not tokens.due(1000 + renewed_after - 0.1)
    assert tokens.due(1000 + renewed_after + 0.1)
