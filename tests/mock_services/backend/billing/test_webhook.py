"""Stripe's webhook: signed as Stripe signs, refused with a 200, and followed."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import httpx
import orjson
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.vendors.payments import signature_fits
from tests.mock_services.backend.agents import backend_process, until
from tests.mock_services.backend.support import Founder, Member
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

WEBHOOK = "/api/billing/webhook"
SECRET = "whsec_lab_secret"
KEY = {"Authorization": f"Bearer sk_test_1ab{'0' * 90}stripe"}


def signed(payload: bytes, secret: str = SECRET, at: int | None = None) -> str:
    """Sign as Stripe documents it."""
    at = int(time.time()) if at is None else at
    signature = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signature},v0=abc"


async def send(client: httpx.AsyncClient, event: Any, header: str | None = None) -> httpx.Response:
    payload = event if isinstance(event, bytes) else orjson.dumps(event)
    return await client.post(WEBHOOK, content=payload, headers={"Stripe-Signature": header or signed(payload)})


def event(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "data": {"object": told}}


async def test_a_subscription_is_followed_from_its_checkout_to_its_end(
    client: httpx.AsyncClient, member: Member, backend: Backend
) -> None:
    metadata = {"tenant_id": member.organization["id"]}
    done = {"customer": "cus_1", "subscription": "sub_1", "metadata": metadata}
    answer = await send(client, event("checkout.session.completed", done))
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "success", "event_type": "checkout.session.completed"},
    )

    async def subscription() -> Any:
        return (await member.call("GET", "/api/billing/dashboard")).json()["current"]["subscription"]

    shown = await subscription()
    assert (shown["stripe_customer_id"], shown["stripe_subscription_id"], shown["status"]) == (
        "cus_1",
        "sub_1",
        "active",
    )
    told = {"id": "sub_1", "customer": "cus_1", "status": "past_due", "cancel_at_period_end": True}
    await send(client, event("customer.subscription.updated", told | {"current_period_end": 1_800_000_000}))
    shown = await subscription()
    assert (shown["status"], shown["cancel_at_period_end"]) == ("past_due", True)
    assert shown["current_period_end"] == "2027-01-15T08:00:00Z"
    await send(client, event("customer.subscription.deleted", told | {"status": "canceled"}))
    assert (await subscription())["status"] == "canceled"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"customer": 7, "metadata": None},
        {"customer": "cus_1", "metadata": {"tenant_id": ["x"]}},
        {"customer": "cus_1", "metadata": {"tenant_id": "00000000-0000-4000-8000-000000000000"}},
        {"customer": ["cus_1"], "current_period_end": 10**18},
    ],
)
async def test_what_belongs_to_nobody_is_only_acknowledged(client: httpx.AsyncClient, told: dict[str, Any]) -> None:
    for kind in ("checkout.session.completed", "customer.subscription.updated", "invoice.paid"):
        answer = await send(client, event(kind, told))
        assert (answer.status_code, answer.json()) == (200, {"status": "success", "event_type": kind})


PAYLOAD = orjson.dumps(event("invoice.paid", {}))


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        "t=,v1=abc",
        "t=1,t=2,v1=abc",
        f"t={'9' * 5000},v1=abc",
        pytest.param(signed(PAYLOAD, secret="whsec_other"), id="another secret"),
        pytest.param(signed(PAYLOAD, at=int(time.time()) - 400), id="too old"),
        pytest.param(signed(b"other"), id="another payload"),
    ],
)
async def test_a_bad_signature_is_a_200_that_says_so(client: httpx.AsyncClient, header: str) -> None:
    answer = await send(client, PAYLOAD, header)
    assert (answer.status_code, answer.json()) == (200, {"error": "Invalid signature"})


async def test_no_signature_is_400_and_no_event_is_a_200_that_says_so(client: httpx.AsyncClient) -> None:
    assert (await client.post(WEBHOOK, content=PAYLOAD)).status_code == 400
    for payload in (b"", b"{", b"[1]", b'{"type":"x"}', b'{"type":"x","data":[]}', b"[" * 5000, b'"\\ud800"'):
        answer = await send(client, payload, signed(payload))
        assert (answer.status_code, answer.json()) == (200, {"error": "Invalid payload"})


def test_a_signature_fits_one_payload_one_secret_and_five_minutes() -> None:
    header = signed(PAYLOAD, at=1_000)
    assert signature_fits(header, PAYLOAD, SECRET, 1_300)
    assert signature_fits(f"v1=00,{header}", PAYLOAD, SECRET, 1_000)
    assert not signature_fits(header, PAYLOAD, SECRET, 1_301)
    assert not signature_fits(header, PAYLOAD + b" ", SECRET, 1_000)
    assert not signature_fits(header, PAYLOAD, "whsec_other", 1_000)


async def test_stripes_stub_tells_the_backend_of_a_checkout() -> None:
    """Both as processes: a customer fills in the checkout page, and the organisation has its subscription."""
    with (
        backend_process() as backend,
        serving("stripe", STRIPE_LATENCY_MS="0", STRIPE_WEBHOOK_URL=f"http://{backend}{WEBHOOK}") as stub,
    ):
        async with httpx.AsyncClient(base_url=f"http://{backend}") as client:
            member = await Founder(client).found()
            page = {
                "mode": "subscription",
                "line_items[0][price]": "price_lab_basic",
                "success_url": "https://example.com/yes",
                "metadata[tenant_id]": member.organization["id"],
            }
            made = await client.post(f"http://{stub}/v1/checkout/sessions", data=page, headers=KEY)
            done = {"email": "ada@example.com"}
            assert (
                await client.post(f"http://{stub}/__lab/checkout/{made.json()['id']}/complete", json=done)
            ).is_success

            async def subscribed() -> bool:
                shown = (await member.call("GET", "/api/billing/dashboard")).json()["current"]["subscription"]
                return bool(shown["status"] == "active" and shown["stripe_subscription_id"].startswith("sub_"))

            await until(subscribed)
            webhooks = (await client.get(f"http://{stub}/__lab/webhooks")).json()
    assert {each["outcome"] for each in webhooks["deliveries"]} == {"HTTP 200"}
