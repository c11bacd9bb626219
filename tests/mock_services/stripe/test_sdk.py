"""Stripe's own SDK with asyncio: every operation that the stub has, answered and refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any

import pytest
import stripe
from stripe import (
    AuthenticationError,
    CardError,
    HTTPXClient,
    IdempotencyError,
    InvalidRequestError,
    RateLimitError,
    SignatureVerificationError,
    StripeError,
)

from mock_services.stripe.app import build
from mock_services.stripe.settings import LAB_KEY
from tests.mock_services.stripe.support import ACACIA, AT_ONCE, client, complete, error_of, target
from tests.support.doubles import serving, unanswered

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),  # how the SDK hands a form to httpx
]
CALLS = {
    "POST /v1/customers": "customers.create",
    "GET /v1/customers": "customers.list",
    "GET /v1/customers/{id}": "customers.retrieve",
    "POST /v1/customers/{id}": "customers.update",
    "DELETE /v1/customers/{id}": "customers.delete",
    "GET /v1/payment_methods": "payment_methods.list",
    "GET /v1/payment_methods/{id}": "payment_methods.retrieve",
    "POST /v1/payment_methods/{id}/attach": "payment_methods.attach",
    "POST /v1/payment_methods/{id}/detach": "payment_methods.detach",
    "GET /v1/payment_intents/{id}": "payment_intents.retrieve",
    "POST /v1/payment_intents/{id}/confirm": "payment_intents.confirm",
    "POST /v1/products": "products.create",
    "GET /v1/products": "products.list",
    "GET /v1/products/{id}": "products.retrieve",
    "POST /v1/products/{id}": "products.update",
    "DELETE /v1/products/{id}": "products.delete",
    "POST /v1/prices": "prices.create",
    "GET /v1/prices": "prices.list",
    "GET /v1/prices/{id}": "prices.retrieve",
    "POST /v1/prices/{id}": "prices.update",
    "POST /v1/checkout/sessions": "checkout.sessions.create",
    "GET /v1/checkout/sessions": "checkout.sessions.list",
    "GET /v1/checkout/sessions/{id}": "checkout.sessions.retrieve",
    "GET /v1/checkout/sessions/{id}/line_items": "checkout.sessions.line_items.list",
    "POST /v1/checkout/sessions/{id}/expire": "checkout.sessions.expire",
    "POST /v1/billing_portal/sessions": "billing_portal.sessions.create",
    "POST /v1/subscriptions": "subscriptions.create",
    "GET /v1/subscriptions": "subscriptions.list",
    "GET /v1/subscriptions/{id}": "subscriptions.retrieve",
    "POST /v1/subscriptions/{id}": "subscriptions.update",
    "DELETE /v1/subscriptions/{id}": "subscriptions.cancel",
    "GET /v1/subscription_items": "subscription_items.list",
    "GET /v1/subscription_items/{id}": "subscription_items.retrieve",
    "POST /v1/invoiceitems": "invoice_items.create",
    "GET /v1/invoiceitems": "invoice_items.list",
    "GET /v1/invoiceitems/{id}": "invoice_items.retrieve",
    "POST /v1/invoiceitems/{id}": "invoice_items.update",
    "DELETE /v1/invoiceitems/{id}": "invoice_items.delete",
    "POST /v1/invoices": "invoices.create",
    "GET /v1/invoices": "invoices.list",
    "GET /v1/invoices/{id}": "invoices.retrieve",
    "POST /v1/invoices/{id}": "invoices.update",
    "DELETE /v1/invoices/{id}": "invoices.delete",
    "GET /v1/invoices/{id}/lines": "invoices.line_items.list",
    "POST /v1/invoices/{id}/finalize": "invoices.finalize_invoice",
    "POST /v1/invoices/{id}/pay": "invoices.pay",
    "POST /v1/invoices/{id}/void": "invoices.void_invoice",
    "POST /v1/webhook_endpoints": "webhook_endpoints.create",
    "GET /v1/webhook_endpoints": "webhook_endpoints.list",
    "GET /v1/webhook_endpoints/{id}": "webhook_endpoints.retrieve",
    "POST /v1/webhook_endpoints/{id}": "webhook_endpoints.update",
    "DELETE /v1/webhook_endpoints/{id}": "webhook_endpoints.delete",
    "GET /v1/events": "events.list",
    "GET /v1/events/{id}": "events.retrieve",
    "GET /v1/balance": "balance.retrieve",
}
USAGE = "POST /v1/subscription_items/{id}/usage_records"  # gone from the SDK: asked by path
MONTHLY = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}


@pytest.fixture(scope="module")
def own() -> Iterator[str]:
    """Run a stub whose counts are this module's alone."""
    with serving("stripe", **AT_ONCE) as address:
        yield address


@asynccontextmanager
async def connected(address: str, key: str = LAB_KEY, **options: Any) -> AsyncIterator[Any]:
    """Give the SDK's client on httpx, which asyncio needs."""
    http = HTTPXClient()
    try:
        yield client(address, key, http_client=http, **options)
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]


async def call(sdk: Any, operation: str, *given: Any) -> Any:
    """Ask an operation by its name, with the id that it takes and its parameters."""
    return await attrgetter(f"v1.{CALLS[operation]}_async")(sdk)(*given)


def ids(operation: str) -> list[str]:
    """Give an id of nothing to an operation that takes one."""
    return ["none"] if "{id}" in operation else []


def test_every_operation_of_the_stub_has_its_call() -> None:
    assert {*CALLS, USAGE} == {operation.name for operation in build().operations}


async def test_every_operation_is_answered(own: str) -> None:
    async with connected(own) as sdk, connected(own, stripe_version=ACACIA) as old:
        with target() as hook:
            endpoint = await call(
                sdk, "POST /v1/webhook_endpoints", {"url": hook.url, "enabled_events": ["customer.created"]}
            )
            customer = await call(sdk, "POST /v1/customers", {"email": "ada@example.com"})
            (webhook,) = hook.wait_for(1)
        event = stripe.Webhook.construct_event(webhook.body, webhook.signature, endpoint.secret)
        assert (event.type, event.data.object.id) == ("customer.created", customer.id)
        with pytest.raises(SignatureVerificationError):
            stripe.Webhook.construct_event(webhook.body, webhook.signature, "whsec_other")
        assert (await call(sdk, "GET /v1/events/{id}", event.id)).type == "customer.created"
        assert (await call(sdk, "GET /v1/webhook_endpoints/{id}", endpoint.id)).status == "enabled"
        await call(sdk, "POST /v1/webhook_endpoints/{id}", endpoint.id, {"disabled": True})
        assert (await call(sdk, "DELETE /v1/webhook_endpoints/{id}", endpoint.id)).deleted

        card = await call(sdk, "POST /v1/payment_methods/{id}/attach", "pm_card_visa", {"customer": customer.id})
        assert (await call(sdk, "GET /v1/payment_methods/{id}", card.id)).customer == customer.id
        paying = {"invoice_settings": {"default_payment_method": card.id}}
        await call(sdk, "POST /v1/customers/{id}", customer.id, paying)
        assert (await call(sdk, "GET /v1/customers/{id}", customer.id)).email == "ada@example.com"

        product = await call(sdk, "POST /v1/products", {"name": "Chapel"})
        await call(sdk, "POST /v1/products/{id}", product.id, {"name": "The chapel"})
        assert (await call(sdk, "GET /v1/products/{id}", product.id)).name == "The chapel"
        price = await call(sdk, "POST /v1/prices", {"product": product.id, **MONTHLY})
        await call(sdk, "POST /v1/prices/{id}", price.id, {"nickname": "monthly"})
        assert (await call(sdk, "GET /v1/prices/{id}", price.id)).nickname == "monthly"
        unsold = await call(sdk, "POST /v1/products", {"name": "Never sold"})
        assert (await call(sdk, "DELETE /v1/products/{id}", unsold.id)).deleted

        subscription = await call(
            sdk, "POST /v1/subscriptions", {"customer": customer.id, "items": [{"price": price.id}]}
        )
        one = await call(old, "GET /v1/subscriptions/{id}", subscription.id, {"expand": ["latest_invoice"]})
        assert one.status == "active"
        intent = await call(sdk, "GET /v1/payment_intents/{id}", one.latest_invoice.payment_intent)
        assert (intent.status, intent.amount) == ("succeeded", 900)
        item = subscription["items"].data[0].id
        assert (await call(sdk, "GET /v1/subscription_items/{id}", item)).price.id == price.id
        await call(sdk, "GET /v1/subscription_items", {"subscription": subscription.id})
        await call(sdk, "POST /v1/subscriptions/{id}", subscription.id, {"metadata": {"plot": "12"}})
        assert (await call(sdk, "DELETE /v1/subscriptions/{id}", subscription.id)).status == "canceled"
        waiting = await call(
            old,
            "POST /v1/subscriptions",
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "payment_behavior": "default_incomplete",
                "expand": ["latest_invoice"],
            },
        )
        confirmed = await call(
            sdk,
            "POST /v1/payment_intents/{id}/confirm",
            waiting.latest_invoice.payment_intent,
            {"payment_method": "pm_card_visa"},
        )
        assert confirmed.status == "succeeded"
        metered = {"interval": "month", "usage_type": "metered"}
        used = await call(sdk, "POST /v1/prices", {"product": product.id, **MONTHLY, "recurring": metered})
        using = await call(old, "POST /v1/subscriptions", {"customer": customer.id, "items": [{"price": used.id}]})
        recorded = await old.raw_request_async(
            "post", USAGE[5:].format(id=using["items"].data[0].id), quantity=3, timestamp="now"
        )
        assert old.deserialize(recorded, api_mode="V1").quantity == 3

        await converse_about_invoices(sdk, customer.id)
        await shop(own, sdk, price.id)
        await call(sdk, "POST /v1/billing_portal/sessions", {"customer": customer.id})
        assert (await call(sdk, "GET /v1/balance")).pending[0].amount > 0
        for operation in CALLS:
            if operation.startswith("GET") and "{id}" not in operation and operation != "GET /v1/balance":
                given = {"subscription": subscription.id} if operation.endswith("subscription_items") else {}
                assert (await call(sdk, operation, given)).object == "list"
        await call(sdk, "POST /v1/payment_methods/{id}/detach", card.id)
        assert (await call(sdk, "DELETE /v1/customers/{id}", customer.id)).deleted
    assert unanswered(own, build().operations, 200) == set()


async def converse_about_invoices(sdk: Any, customer: str) -> None:
    """Write invoices: one that is paid, one that is voided, one that never leaves the desk."""
    item = await call(sdk, "POST /v1/invoiceitems", {"customer": customer, "amount": 500, "currency": "usd"})
    await call(sdk, "POST /v1/invoiceitems/{id}", item.id, {"description": "Flowers"})
    assert (await call(sdk, "GET /v1/invoiceitems/{id}", item.id)).description == "Flowers"
    draft = {"customer": customer, "auto_advance": False}
    paid = await call(sdk, "POST /v1/invoices", {**draft, "pending_invoice_items_behavior": "include"})
    await call(sdk, "POST /v1/invoices/{id}", paid.id, {"description": "For flowers"})
    assert [line.amount async for line in await lines(sdk, paid.id)] == [500]
    await call(sdk, "POST /v1/invoices/{id}/finalize", paid.id)
    assert (await call(sdk, "POST /v1/invoices/{id}/pay", paid.id)).status == "paid"
    assert (await call(sdk, "GET /v1/invoices/{id}", paid.id)).description == "For flowers"
    for end in ("void", "delete"):
        charge = await call(sdk, "POST /v1/invoiceitems", {"customer": customer, "amount": 70, "currency": "usd"})
        made = await call(sdk, "POST /v1/invoices", {**draft, "pending_invoice_items_behavior": "include"})
        if end == "void":
            await call(sdk, "POST /v1/invoices/{id}/finalize", made.id)
            assert (await call(sdk, "POST /v1/invoices/{id}/void", made.id)).status == "void"
        else:
            assert (await call(sdk, "DELETE /v1/invoices/{id}", made.id)).deleted
            left = await call(sdk, "POST /v1/invoiceitems", {"customer": customer, "amount": 1, "currency": "usd"})
            assert (await call(sdk, "DELETE /v1/invoiceitems/{id}", left.id)).deleted
        assert charge.amount == 70


async def lines(sdk: Any, invoice: str) -> Any:
    page = await call(sdk, "GET /v1/invoices/{id}/lines", invoice)
    return page.auto_paging_iter()


async def shop(address: str, sdk: Any, price: str) -> None:
    """Buy through the hosted page, and turn back once."""
    basket = {
        "mode": "subscription",
        "line_items": [{"price": price, "quantity": 1}],
        "success_url": "https://example.com/thanks",
    }
    session = await call(sdk, "POST /v1/checkout/sessions", basket)
    sold = await call(sdk, "GET /v1/checkout/sessions/{id}/line_items", session.id)
    assert [each.price.id for each in sold.data] == [price]
    assert complete(address, session.id, email="bob@example.com").status_code == 200
    bought = await call(sdk, "GET /v1/checkout/sessions/{id}", session.id)
    assert (bought.status, bought.payment_status) == ("complete", "paid")
    turned_back = await call(sdk, "POST /v1/checkout/sessions", basket)
    assert (await call(sdk, "POST /v1/checkout/sessions/{id}/expire", turned_back.id)).status == "expired"


async def test_nothing_is_open_to_a_stranger(own: str) -> None:
    async with connected(own, f"{LAB_KEY[:-1]}x") as stranger:
        for operation in CALLS:
            with pytest.raises(AuthenticationError) as refused:
                await call(stranger, operation, *ids(operation), {})
            assert refused.value.http_status == 401
        with pytest.raises(AuthenticationError):
            await stranger.raw_request_async("post", USAGE[5:].format(id="si_none"))
    assert unanswered(own, build().operations, 401) == set()


@pytest.mark.parametrize("operation", [name for name in CALLS if "{id}" in name])
async def test_an_id_of_nothing_is_said_to_name_nothing(own: str, operation: str) -> None:
    async with connected(own) as sdk:
        given: dict[str, Any] = {}
        if operation.endswith("attach"):
            given["customer"] = (await call(sdk, "POST /v1/customers", {})).id
        with pytest.raises(InvalidRequestError) as missing:
            await call(sdk, operation, "none", given)
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert "none" in str(missing.value)


@pytest.mark.parametrize("operation", [name for name in CALLS if name != "GET /v1/balance"])
async def test_a_parameter_that_there_is_none_of_is_named(own: str, operation: str) -> None:
    async with connected(own) as sdk:
        with pytest.raises(InvalidRequestError) as refused:
            await call(sdk, operation, *ids(operation), {"no_such": "1"})
    assert refused.value.http_status in (400, 404)
    assert refused.value.param == "no_such" or refused.value.code in ("resource_missing", "parameter_missing")


async def test_each_class_of_error_of_the_sdk(own: str) -> None:
    declined = {"payment_method": "pm_card_visa_chargeDeclined"}
    async with connected(own) as sdk:
        with pytest.raises(CardError) as card:
            await call(sdk, "POST /v1/customers", declined)
        assert (card.value.http_status, error_of(card.value)["decline_code"]) == (402, "generic_decline")
        keyed = {"idempotency_key": "one key"}
        await call(sdk, "POST /v1/customers", {"name": "Ada"}, keyed)
        with pytest.raises(IdempotencyError):
            await call(sdk, "POST /v1/customers", {"name": "Bob"}, keyed)
    with serving("stripe", **{**AT_ONCE, "STRIPE_REQUESTS_PER_SECOND": "1"}) as address:
        async with connected(address) as sdk:
            refused: StripeError | None = None
            for _ in range(5):
                try:
                    await call(sdk, "GET /v1/customers")
                except RateLimitError as limited:
                    refused = limited
            assert refused is not None
            assert (refused.http_status, error_of(refused)["code"]) == (429, "rate_limit")
