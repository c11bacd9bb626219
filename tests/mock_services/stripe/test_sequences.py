"""Whatever is asked in whatever order, the stub answers in Stripe's words, and its books are in order."""

import asyncio
import logging
import re
from random import Random
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.core.latency import Fixed
from mock_services.stripe.app import Stripe
from mock_services.stripe.routes import routes
from mock_services.stripe.settings import StripeSettings
from tests.mock_services.stripe.support import ACACIA, BEARER

VERSIONS = (ACACIA, "2025-03-31.basil")
VALUES = ["1", "0", "-5", "700", "true", "False", "", "now", "usd", "month", "all", "active", "x", "2000000000"]
CARD = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa"
CHOICES: dict[str, list[str]] = {
    "payment_method": ["pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_visa_chargeDeclined", "pm_none"],
    "default_payment_method": ["pm_card_visa", "pm_card_chargeCustomerFail", ""],
    "price": ["price_lab_basic", "price_lab_pro"],
    "email": ["a@example.com", "nobody"],
    "currency": ["usd", "eur"],
    "collection_method": ["charge_automatically", "send_invoice"],
    "payment_behavior": ["default_incomplete", "allow_incomplete", "error_if_incomplete"],
    "proration_behavior": ["none", "create_prorations", "always_invoice"],
    "pending_invoice_items_behavior": ["include", "exclude"],
    "success_url": ["https://example.com/"],
    "url": ["http://127.0.0.1:9/"],
    "mode": ["subscription"],
    "interval": ["month", "year"],
    "usage_type": ["licensed", "metered"],
    "expand": ["customer", "latest_invoice", "data.customer", "payments", "lines.data.price", "x"],
    "enabled_events": ["*", "invoice.paid"],
}
IDS = {
    "customer": "customers",
    "price": "prices",
    "plan": "prices",
    "product": "products",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "payment_method": "payment_methods",
    "id": "items",
    "starting_after": "customers",
}
NEEDED = ("items", "line_items", "success_url", "price", "amount", "unit_amount", "product", "recurring")
LIKELY = [
    "POST /v1/customers",
    f"POST /v1/customers?{CARD}",
    f"POST /v1/customers?{CARD.replace('visa', 'chargeCustomerFail')}",
    "POST /v1/customers/{customers}?balance=-2000",
    "DELETE /v1/customers/{customers}",
    "POST /v1/prices?product=prod_lab_platform&currency=usd&unit_amount=900",
    "POST /v1/prices?product=prod_lab_platform&currency=usd&unit_amount=900&recurring[interval]=year",
    "POST /v1/prices?product=prod_lab_platform&currency=usd&unit_amount=3&recurring[interval]=month"
    "&recurring[usage_type]=metered",
    "POST /v1/subscriptions?customer={customers}&items[0][price]=price_lab_basic",
    "POST /v1/subscriptions?customer={customers}&items[0][price]={prices}&trial_period_days=7",
    "POST /v1/subscriptions?customer={customers}&items[0][price]={prices}&payment_behavior=default_incomplete",
    "POST /v1/subscriptions?customer={customers}&items[0][price]={prices}&collection_method=send_invoice"
    "&days_until_due=9",
    "POST /v1/subscriptions/{subscriptions}?items[0][price]={prices}&proration_behavior=always_invoice",
    "POST /v1/subscriptions/{subscriptions}?items[0][id]={items}&items[0][price]={prices}",
    "POST /v1/subscriptions/{subscriptions}?items[0][id]={items}&items[0][deleted]=true&items[1][price]={prices}",
    "POST /v1/subscriptions/{subscriptions}?trial_end=now",
    "POST /v1/subscriptions/{subscriptions}?cancel_at_period_end=True",
    "POST /v1/subscriptions/{subscriptions}?default_payment_method=pm_card_chargeCustomerFail",
    "DELETE /v1/subscriptions/{subscriptions}?invoice_now=true&prorate=true",
    "POST /v1/subscription_items/{items}/usage_records?quantity=3",
    "POST /v1/invoiceitems?customer={customers}&amount=700&currency=usd",
    "POST /v1/invoiceitems?customer={customers}&amount=-90&currency=usd&invoice={invoices}",
    "POST /v1/invoiceitems/{invoice_items}?amount=800",
    "DELETE /v1/invoiceitems/{invoice_items}",
    "POST /v1/invoices?customer={customers}&pending_invoice_items_behavior=include",
    "DELETE /v1/invoices/{invoices}",
    "POST /v1/invoices/{invoices}/finalize?auto_advance=true",
    "POST /v1/invoices/{invoices}/finalize",
    "POST /v1/invoices/{invoices}/pay?payment_method=pm_card_visa",
    "POST /v1/invoices/{invoices}/pay?paid_out_of_band=true",
    "POST /v1/invoices/{invoices}/void",
    "POST /v1/payment_intents/{payment_intents}/confirm?payment_method=pm_card_visa",
    "POST /v1/payment_intents/{payment_intents}/confirm?payment_method=pm_card_chargeCustomerFail",
    "POST /v1/payment_methods/{payment_methods}/detach",
    "POST /v1/checkout/sessions?mode=subscription&success_url=https://example.com/&line_items[0][price]={prices}",
]
"""What clients do, with an object of a table in each brace."""
PATHS = {"subscription_items": "items", "invoiceitems": "invoice_items", "webhook_endpoints": "endpoints"}


class Client:
    """Sends requests that fit in most places, drawn from a seed, to a stub in this process."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.stripe = Stripe(
            StripeSettings(latency_ms=Fixed(0), requests_per_second=0, max_objects=400, webhook_queue=5), lambda: 1.76e9
        )
        self.routes = routes(self.stripe.resources)

    def known(self, table: str) -> str:
        rows = list(self.stripe.account.tables.of(table).rows)
        return self.random.choice(rows[-3:]) if rows and self.random.random() < 0.9 else f"{table}_none"

    def value(self, name: str) -> str:
        known = [self.known(IDS[name])] if name in IDS else []
        return self.random.choice(CHOICES.get(name, known or VALUES) + known * 3)

    def parameters(self, model: Any, place: str = "") -> list[tuple[str, str]]:
        pairs = []
        for name, field in model.model_fields.items():
            needed = field.is_required() or name in NEEDED
            if self.random.random() > (0.97 if needed else 0.06):
                continue
            key = f"{place}[{name}]" if place else name
            inner = self.inner(field)
            if inner is not None:
                many = "list" in str(field.annotation)
                pairs += self.parameters(inner, f"{key}[0]" if many else key)
            elif "list" in str(field.annotation):
                pairs.append((f"{key}[0]", self.value(name)))
            else:
                pairs.append((key, self.value(name)))
        return pairs

    @staticmethod
    def inner(field: Any) -> Any:
        """The class of a parameter that is an object or a list of objects."""
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        kinds += [inner for kind in kinds for inner in getattr(kind, "__args__", ())]
        return next((kind for kind in kinds if hasattr(kind, "model_fields")), None)

    def draw(self) -> tuple[str, str, str]:
        if self.random.random() < 0.6:
            likely = self.random.choice(LIKELY)
            method, _, rest = re.sub(r"{(\w+)}", lambda match: self.known(match[1]), likely).partition(" ")
            path, _, form = rest.partition("?")
            return method, path, form
        route = self.random.choice(self.routes)
        method, _, path = route.name.partition(" ")
        table = path.split("/")[2 if "checkout" not in path else 3]
        if "{id}" in path:
            path = path.replace("{id}", "evt_none" if table == "events" else self.known(PATHS.get(table, table)))
        return method, path, urlencode(self.parameters(route.params))

    async def run(self, requests: int) -> list[httpx.Response]:
        transport = httpx.ASGITransport(self.stripe.service)
        answers = []
        async with httpx.AsyncClient(transport=transport, base_url="http://stripe") as http:
            for number in range(requests):
                method, path, form = self.draw()
                headers = BEARER | {"Stripe-Version": self.random.choice(VERSIONS)}
                if self.random.random() < 0.02:
                    headers["Idempotency-Key"] = f"key {number % 5}"
                if self.random.random() < 0.05:
                    session = self.known("sessions")
                    answers.append(
                        await http.post(f"/__lab/checkout/{session}/complete", json={"email": "a@example.com"})
                    )
                elif method == "GET":
                    answers.append(await http.get(path, params=form, headers=headers))
                else:
                    answers.append(await http.request(method, path, content=form, headers=headers))
        return answers


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_any_sequence_of_requests_is_answered(seed: int) -> None:
    client = Client(seed)
    for answer in asyncio.run(client.run(150)):
        body = answer.json()
        if answer.status_code == 500:
            assert "STRIPE_MAX_OBJECTS" in body["error"]["message"]
        elif answer.is_error:
            assert answer.status_code in (400, 402, 404, 409), body
            assert body["error"]["message"]
        else:
            assert body.get("object") or body.get("deleted")
            assert not re.search(r'"_\w+":', answer.text), "the stub's own fields stay inside"
    tables = client.stripe.account.tables
    for invoice in tables.invoices.rows.values():
        assert invoice["total"] == sum(line["amount"] for line in invoice["lines"]["data"])
        assert invoice["amount_due"] == max(invoice["total"] + invoice["starting_balance"], 0)
        assert (invoice["status"] == "paid") == invoice["paid"]
        intent = tables.payment_intents.rows.get(invoice["payment_intent"] or "")
        if intent is not None and not invoice["paid_out_of_band"]:
            assert (intent["status"] == "succeeded") == invoice["paid"]
            assert (intent["status"] == "canceled") == (invoice["status"] == "void")
    received = sum(
        invoice["amount_paid"] for invoice in tables.invoices.rows.values() if not invoice["paid_out_of_band"]
    )
    assert sum(client.stripe.account.paid.values()) == received
    for subscription in tables.subscriptions.rows.values():
        assert subscription["items"]["data"]
        ended = subscription["status"] in ("canceled", "incomplete_expired")
        assert ended == (subscription["ended_at"] is not None)
        assert all(tables.items.rows[item["id"]] is item for item in subscription["items"]["data"])
        latest = tables.invoices.rows[subscription["latest_invoice"]]
        if subscription["status"] == "incomplete":
            assert latest["status"] == "open"
    assert len(client.stripe.account.events) <= client.stripe.settings.max_events


def test_sequences_reach_what_they_are_to_reach(caplog: pytest.LogCaptureFixture) -> None:
    """The test above is worth something: most operations succeed in it, and none leaves a traceback."""
    seen: set[str] = set()
    with caplog.at_level(logging.ERROR):
        for seed in range(6):
            client = Client(seed)
            asyncio.run(client.run(200))
            seen |= {name for name, status in client.stripe.service.journal.counts if status == 200}
    assert caplog.messages == []
    assert len(seen) > 52, sorted(seen)
