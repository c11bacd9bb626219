"""Webhooks that are sent out: signed so that Stripe's own SDK accepts them, repeated, bounded, counted by run."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from pydantic_core import Url
from stripe import InvalidRequestError, SignatureVerificationError, Webhook

from mock_services.core.latency import Fixed
from mock_services.stripe.app import Stripe
from mock_services.stripe.params import CustomerCreate
from mock_services.stripe.settings import StripeSettings
from tests.mock_services.stripe.support import ACACIA, AT_ONCE, BEARER, Target, client, complete, target
from tests.support.doubles import serving
from tests.support.waiting import wait_until

SECRET = "whsec_lab_secret"


def webhooks(address: str, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"http://{address}/__lab/webhooks", params=query).json()
    return answer


def settled(address: str, number: int, fate: str = "delivered") -> None:
    wait_until(lambda: webhooks(address)["totals"].get(fate, 0) >= number, f"{number} webhooks {fate}")


def register(sdk: Any, told: Target, *events: str, **given: Any) -> tuple[str, str]:
    """Register a target; give the endpoint's id and its secret."""
    made = sdk.v1.webhook_endpoints.create({"url": told.url, "enabled_events": list(events) or ["*"], **given})
    return made.id, made.secret


def test_every_webhook_is_accepted_by_the_official_sdk(stub: str, sdk: Any) -> None:
    with target() as told:
        endpoint, secret = register(sdk, told)
        session = sdk.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "line_items": [{"price": "price_lab_basic", "quantity": 1}],
                "success_url": "https://example.com/",
                "customer_email": "wünsche@example.com",
            }
        )
        complete(stub, session.id)
        received = told.wait_for(10)
        sdk.v1.webhook_endpoints.delete(endpoint)
    events = [Webhook.construct_event(each.body, each.signature, secret) for each in received]
    assert sorted(event.type for event in events) == [
        "checkout.session.completed",
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "payment_intent.created",
        "payment_intent.succeeded",
        "payment_method.attached",
    ]
    for each in received:
        assert each.headers["user-agent"] == "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
        assert each.headers["content-type"] == "application/json; charset=utf-8"
        assert b'\n  "id": "evt_' in each.body
        with pytest.raises(SignatureVerificationError):
            Webhook.construct_event(each.body + b" ", each.signature, secret)
        with pytest.raises(SignatureVerificationError):
            Webhook.construct_event(each.body, each.signature, "whsec_another")


def test_the_endpoint_of_the_environment_gets_the_platforms_events() -> None:
    with target() as told, serving("stripe", STRIPE_WEBHOOK_URL=told.url, **AT_ONCE) as address:
        sdk = client(address)
        assert [each.id for each in sdk.v1.webhook_endpoints.list().data] == ["we_lab"]
        card = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
        buyer = sdk.v1.customers.create(card)
        made = sdk.v1.subscriptions.create({"customer": buyer.id, "items": [{"price": "price_lab_basic"}]})
        sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        sdk.v1.subscriptions.cancel(made.id)
        told.wait_for(11)
        settled(address, 11)
        events = {
            event.type: event
            for event in (Webhook.construct_event(each.body, each.signature, SECRET) for each in told.received)
        }
        started = events["customer.subscription.created"]
        assert started.api_version == ACACIA
        subscription: Any = started.data.object
        assert subscription["current_period_start"] < subscription["current_period_end"]
        updated = events["customer.subscription.updated"].data.previous_attributes
        assert updated is not None
        assert updated["cancel_at_period_end"] is False
        deleted: Any = events["customer.subscription.deleted"].data.object
        assert deleted.status == "canceled"
        paid: Any = events["invoice.payment_succeeded"].data.object
        assert (paid.subscription, paid.paid) == (made.id, True)
        assert sdk.v1.events.retrieve(started.id).pending_webhooks == 0
        assert len(sdk.v1.events.list({"delivery_success": True, "limit": 100}).data) == 11


def test_an_endpoint_gets_what_it_asks_for_in_its_version(sdk: Any) -> None:
    with target() as told:
        endpoint, _ = register(sdk, told, "invoice.paid", api_version="2025-03-31.basil")
        buyer = sdk.v1.customers.create({"payment_method": "pm_card_visa"})
        invoice = sdk.v1.invoices.create({"customer": buyer.id})
        sdk.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
        (received,) = told.wait_for(1)
        sdk.v1.webhook_endpoints.update(endpoint, {"disabled": True})
        second = sdk.v1.invoices.create({"customer": buyer.id})
        sdk.v1.invoices.pay(second.id, {"payment_method": "pm_card_visa"})
        changed = sdk.v1.webhook_endpoints.update(endpoint, {"disabled": False, "enabled_events": ["customer.deleted"]})
        assert (changed.status, changed.enabled_events) == ("enabled", ["customer.deleted"])
        sdk.v1.customers.delete(buyer.id)
        told.wait_for(2)
        sdk.v1.webhook_endpoints.delete(endpoint)
    assert told.types() == ["invoice.paid", "customer.deleted"]
    assert received.event["api_version"] == "2025-03-31.basil"
    about = received.event["data"]["object"]
    assert "paid" not in about
    assert about["id"] == invoice.id
    request = received.event["request"]
    assert request["id"].startswith("req_")
    assert request["idempotency_key"]


def test_what_fails_is_sent_again_and_signed_anew() -> None:
    retries = {"STRIPE_WEBHOOK_RETRIES": "3", "STRIPE_WEBHOOK_RETRY_MS": "20", "STRIPE_WEBHOOK_DELAY_MS": "200"}
    with target(500, 302, 404) as told, serving("stripe", STRIPE_WEBHOOK_URL=told.url, **retries, **AT_ONCE) as address:
        client(address).v1.customers.create()
        assert (webhooks(address)["waiting"], told.received) == (1, [])
        received = told.wait_for(4)
        settled(address, 1)
        assert len({each.event["id"] for each in received}) == 1
        for each in received:
            Webhook.construct_event(each.body, each.signature, SECRET)
        assert webhooks(address)["totals"] == {"queued": 1, "attempts": 4, "retries": 3, "delivered": 1}
        (delivery,) = webhooks(address)["deliveries"]
        assert (delivery["fate"], delivery["attempts"], delivery["outcome"]) == ("delivered", 4, "HTTP 200")


def test_what_never_succeeds_is_given_up() -> None:
    retries = {"STRIPE_WEBHOOK_RETRIES": "1", "STRIPE_WEBHOOK_RETRY_MS": "1"}
    with serving("stripe", STRIPE_WEBHOOK_URL="http://127.0.0.1:9/", **retries, **AT_ONCE) as address:
        sdk = client(address)
        sdk.v1.customers.create()
        settled(address, 1, "failed")
        (delivery,) = webhooks(address)["deliveries"]
        assert delivery["attempts"] == 2
        assert delivery["outcome"].startswith("ConnectError")
        assert sdk.v1.events.list({"limit": 1}).data[0].pending_webhooks == 1
        assert len(sdk.v1.events.list({"delivery_success": False}).data) == 1


def test_the_queue_is_bounded() -> None:
    slow = {"STRIPE_WEBHOOK_DELAY_MS": "60000", "STRIPE_WEBHOOK_QUEUE": "2"}
    with target() as told, serving("stripe", STRIPE_WEBHOOK_URL=told.url, **slow, **AT_ONCE) as address:
        for _ in range(5):
            client(address).v1.customers.create()
        metrics = httpx.get(f"http://{address}/__lab/metrics").json()["stripe"]["webhooks"]
        assert (metrics["queued"], metrics["dropped"], metrics["waiting"]) == (5, 3, 2)
        assert httpx.post(f"http://{address}/__lab/reset").status_code == 200
        assert webhooks(address) == {"totals": {}, "waiting": 0, "deliveries": []}
    assert told.received == []


def test_webhooks_are_counted_by_the_run_that_caused_them(stub: str, sdk: Any) -> None:
    with target() as told:
        endpoint, _ = register(sdk, told, "customer.created")
        for run_id in ("run-1", "run-1", "run-2"):
            httpx.post(f"http://{stub}/v1/customers", headers=BEARER | {"X-Lab-Run-Id": run_id})
        told.wait_for(3)
        wait_until(lambda: webhooks(stub, run_id="run-2")["totals"].get("delivered") == 1, "count of run-2")
        wait_until(lambda: webhooks(stub, run_id="run-1")["totals"].get("delivered") == 2, "count of run-1")
        sdk.v1.webhook_endpoints.delete(endpoint)
    assert sorted(each.headers["x-lab-run-id"] for each in told.received) == ["run-1", "run-1", "run-2"]
    assert {each["run_id"] for each in webhooks(stub, run_id="run-1")["deliveries"]} == {"run-1"}
    assert webhooks(stub, run_id="run-3")["totals"] == {}


def test_endpoints_live(sdk: Any) -> None:
    made = sdk.v1.webhook_endpoints.create(
        {
            "url": "http://127.0.0.1:9/hook",
            "enabled_events": ["invoice.paid"],
            "description": "d",
            "metadata": {"a": "b"},
        }
    )
    assert made.secret.startswith("whsec_")
    again = sdk.v1.webhook_endpoints.retrieve(made.id)
    assert (again.status, again.url, again.description) == ("enabled", "http://127.0.0.1:9/hook", "d")
    assert "secret" not in again
    moved = sdk.v1.webhook_endpoints.update(made.id, {"url": "http://127.0.0.1:9/moved", "description": ""})
    assert (moved.url, moved.description) == ("http://127.0.0.1:9/moved", None)
    assert sdk.v1.webhook_endpoints.delete(made.id).deleted
    with pytest.raises(InvalidRequestError, match="No such webhook endpoint"):
        sdk.v1.webhook_endpoints.retrieve(made.id)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"url": "127.0.0.1:9/hook"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"enabled_events": []}, "enabled_events"),
        ({"enabled_events": ["everything"]}, "enabled_events[0]"),
        ({"api_version": "latest"}, "api_version"),
    ],
)
def test_endpoints_that_cannot_be_are_refused(sdk: Any, given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"], **given})
    assert refused.value.param == param


def test_events_are_listed_and_kept(sdk: Any) -> None:
    made = sdk.v1.products.create({"name": "Event"})
    sdk.v1.products.update(made.id, {"name": "Events"})
    newest, older = sdk.v1.events.list({"type": "product.*", "limit": 2}).data
    assert [newest.type, older.type] == ["product.updated", "product.created"]
    before: Any = older.data.object
    assert (before.name, newest.data.previous_attributes) != ("Events", None)
    assert newest.data.previous_attributes["name"] == "Event"
    assert sdk.v1.events.retrieve(older.id).id == older.id
    assert [each.id for each in sdk.v1.events.list({"types": ["product.created"], "limit": 1}).data] == [older.id]
    with pytest.raises(InvalidRequestError, match="only specify one of these"):
        sdk.v1.events.list({"types": ["product.created"], "type": "product.created"})
    with pytest.raises(InvalidRequestError, match="No such event: 'evt_none'"):
        sdk.v1.events.retrieve("evt_none")


def test_what_is_still_to_be_sent_when_the_process_ends_is_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    settings = StripeSettings(webhook_url=Url("http://127.0.0.1:9/"), webhook_delay_ms=Fixed(60_000))
    stripe = Stripe(settings, time.time)

    async def live() -> None:
        async with stripe.service.lifespan():
            stripe.resources.customers.create(CustomerCreate())

    asyncio.run(live())
    assert caplog.messages == ["stripe: 1 webhooks were not sent, since the process ended"]


def test_no_unicode_is_lost(sdk: Any) -> None:
    with target() as told:
        endpoint, secret = register(sdk, told, "customer.created")
        sdk.v1.customers.create({"name": "Zoë 👍"})
        (received,) = told.wait_for(1)
        sdk.v1.webhook_endpoints.delete(endpoint)
    event: Any = Webhook.construct_event(received.body, received.signature, secret)
    assert event.data.object.name == json.loads(received.body)["data"]["object"]["name"] == "Zoë 👍"


def test_a_webhook_is_sent_twice_or_late_where_a_fault_says_so(stub: str, sdk: Any) -> None:
    faults: list[dict[str, Any]] = [
        {"name": "twice", "kind": "webhook-duplicate", "operation": "POST {customer.created}"},
        {"name": "late", "kind": "webhook-delay", "delay": 400, "operation": "POST {product.created}"},
    ]
    document = {"faults": [{"description": "a test", **fault} for fault in faults]}
    assert httpx.put(f"http://{stub}/__lab/faults", json=document).status_code == 200
    with target() as told:
        endpoint, _ = register(sdk, told, "customer.created", "product.created")
        sdk.v1.customers.create({"email": "twice@example.com"})
        first, second = told.wait_for(2)
        sdk.v1.products.create({"name": "late"})
        asked = time.monotonic()
        told.wait_for(3)
        assert time.monotonic() - asked == pytest.approx(0.4, abs=0.2)
        sdk.v1.webhook_endpoints.delete(endpoint)
    assert first.event["id"] == second.event["id"], "Stripe's double knows that it is one event"
    notes = {(each["type"], each["fault"]) for each in webhooks(stub)["deliveries"] if each["endpoint"] == endpoint}
    assert notes == {
        ("customer.created", "fault twice: webhook-duplicate"),
        ("product.created", "fault late: webhook-delay"),
    }
    httpx.delete(f"http://{stub}/__lab/faults")
