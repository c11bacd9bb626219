"""What is sent to Stripe is written as Stripe's own library writes it, and what it does not do is told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from mock_services.backend.vendors.payments import PaymentRefused, Payments, encoded
from mock_services.core.reckoning import Reckoning

NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.recursive(
    st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_forms_are_stripes(values: dict[str, Any]) -> None:
    theirs = [(name, str(value)) for name, value in _api_encode(values)]
    assert list(encoded(values)) == theirs


def test_yes_and_no_are_words() -> None:
    assert list(encoded({"a": True, "b": [{"c": False}]})) == [("a", "true"), ("b[0][c]", "false")]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 5\r\n\r\nsorry", "Stripe answered 500 to POST /v1/billing_.*: sorry"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "Stripe answered 200 to POST"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{", "Expecting property name"),
        (b"", "cannot be reached"),
    ],
)
async def test_what_stripe_does_not_do_is_told_in_a_sentence(answer: bytes, why: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        payments = Payments(f"http://127.0.0.1:{port}/stripe", "sk_test_1", 5.0)
        with pytest.raises(PaymentRefused, match=why):
            await payments.create_portal_session("cus_1", "https://example.com", "run-7")
        await payments.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "count", "uncertain"),
    [
        (b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"id":"cs_1"}', 1, 0),
        (b"HTTP/1.1 402 No\r\ncontent-length: 2\r\n\r\n{}", 0, 0),
        (b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\n{}", 0, 1),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{", 0, 1),
        (b"", 0, 1),
    ],
)
async def test_a_payment_is_reckoned_by_what_stripe_said_of_it(answer: bytes, count: int, uncertain: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    reckoning = Reckoning()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/stripe"
        payments = Payments(url, "sk_test_1", 5.0, reckoning)
        with contextlib.suppress(PaymentRefused):
            await payments.create_checkout_session({}, "run-7")
        await payments.close()
    tally = reckoning.facts("run-7")["kinds"].get("payment", {"count": 0, "ids": {}, "uncertain": 0})
    assert (tally["count"], tally["uncertain"]) == (count, uncertain)
    assert list(tally["ids"]) == ["cs_1"] * count
