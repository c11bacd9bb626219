"""Payments through Stripe's API, as the platform asks for them: form-encoded, with a bearer key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from mock_services.backend.vendors.connection import Connection, Unreachable
from mock_services.core.reckoning import Reckoning

TOLERANCE_S = 300
SHOWN_OF_A_REFUSAL = 200

Object = dict[str, Any]


class PaymentRefused(Exception):
    """Something that Stripe did not do; the reason is one sentence.

    `told` says that Stripe refused it: without an answer, or with a 5xx, it may have done it all the same.
    """

    def __init__(self, sentence: str, *, told: bool = False) -> None:
        super().__init__(sentence)
        self.told = told


class Payments:
    """Asks Stripe, over connections that it keeps. Each method gives Stripe's object, or raises `PaymentRefused`."""

    def __init__(self, url: str, key: str, timeout_s: float, reckoning: Reckoning | None = None) -> None:
        self._stripe = Connection("Stripe", url, {"Authorization": f"Bearer {key}"}, timeout_s)
        self._reckoning = reckoning or Reckoning()

    async def price(self, price_id: str, run_id: str = "") -> Object:
        """Give a price."""
        return await self._ask("GET", f"/v1/prices/{quote(price_id, safe='')}", run_id)

    async def product(self, product_id: str, run_id: str = "") -> Object:
        """Give a product."""
        return await self._ask("GET", f"/v1/products/{quote(product_id, safe='')}", run_id)

    async def create_customer(self, name: str, email: str, metadata: Mapping[str, str], run_id: str = "") -> Object:
        """Make a customer."""
        return await self._ask(
            "POST", "/v1/customers", run_id, {"name": name, "email": email, "metadata": dict(metadata)}
        )

    async def create_checkout_session(self, values: Object, run_id: str = "") -> Object:
        """Make the page on which a subscription is taken out; `url` in the answer is where it is."""
        return await self._pay("/v1/checkout/sessions", run_id, {"mode": "subscription", **values})

    async def create_portal_session(self, customer_id: str, return_url: str, run_id: str = "") -> Object:
        """Make the page on which a customer looks after their subscription."""
        values = {"customer": customer_id, "return_url": return_url}
        return await self._ask("POST", "/v1/billing_portal/sessions", run_id, values)

    async def create_subscription(self, customer_id: str, price_id: str, trial_days: int, run_id: str = "") -> Object:
        """Subscribe a customer who has yet to pay."""
        values: Object = {
            "customer": customer_id,
            "items": [{"price": price_id}],
            "payment_behavior": "default_incomplete",
            "expand": ["latest_invoice.payment_intent"],
        }
        if trial_days > 0:
            values["trial_period_days"] = trial_days
        return await self._pay("/v1/subscriptions", run_id, values)

    async def end_subscription(self, subscription_id: str, *, at_period_end: bool, run_id: str = "") -> Object:
        """Have a subscription end with its period, or go on after all."""
        path = f"/v1/subscriptions/{quote(subscription_id, safe='')}"
        return await self._ask("POST", path, run_id, {"cancel_at_period_end": at_period_end})

    async def close(self) -> None:
        """End the kept connections."""
        await self._stripe.close()

    async def _pay(self, path: str, run_id: str, values: Object) -> Object:
        try:
            begun = await self._ask("POST", path, run_id, values)
        except PaymentRefused as refusal:
            if not refusal.told:
                self._reckoning.note(run_id, "payment", certain=False)
            raise
        self._reckoning.note(run_id, "payment", str(begun.get("id", "")))
        return begun

    async def _ask(self, method: str, path: str, run_id: str, values: Object | None = None) -> Object:
        form = dict(encoded(values)) if values is not None else None
        try:
            answer = await self._stripe.request(method, path, run_id=run_id, data=form)
            content = answer.json() if answer.is_success else None
        except (Unreachable, ValueError) as failure:
            raise PaymentRefused(str(failure)) from failure
        if not isinstance(content, dict):
            shown = answer.text[:SHOWN_OF_A_REFUSAL]
            sentence = f"Stripe answered {answer.status_code} to {method} {path}: {shown}"
            raise PaymentRefused(sentence, told=answer.is_client_error)
        return content


def encoded(values: Object) -> Iterable[tuple[str, str]]:
    """Write values as Stripe's forms have them: `items[0][price]`, `metadata[tenant_id]`, and `true` for yes."""

    def write(name: str, value: Any) -> Iterable[tuple[str, str]]:
        if isinstance(value, dict | list):
            for key, each in value.items() if isinstance(value, dict) else enumerate(value):
                yield from write(f"{name}[{key}]", each)
        else:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)

    for name, value in values.items():
        yield from write(name, value)


def signature_fits(header: str, payload: bytes, secret: str, now: float) -> bool:
    """Check a `Stripe-Signature`: `t=<unix>,v1=<hex HMAC-SHA256 of "t.payload">`, not older than five minutes."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 15:
        return False
    if int(times[0]) < now - TOLERANCE_S:
        return False
    signed = hmac.new(secret.encode(), f"{times[0]}.".encode() + payload, hashlib.sha256).hexdigest()
    given = [value for name, _, value in parts if name == "v1"]
    return any(hmac.compare_digest(value.encode("utf-8", "replace"), signed.encode()) for value in given)
