"""Subscriptions, through Stripe's own SDK over a real socket, before basil and after it."""

import time
from typing import Any

import pytest
from stripe import CardError, InvalidRequestError

from tests.mock_services.stripe.support import ACACIA, customer, post, subscribe

DAY_S = 86_400


def emitted(sdk: Any, object_id: str) -> list[str]:
    """The types of the newest events whose object names `object_id`, oldest first."""
    events = sdk.v1.events.list({"limit": 100}).data
    return [event.type for event in reversed(events) if object_id in str(event.data.object)]


def test_a_customer_with_a_card_is_subscribed_at_once(sdk: Any) -> None:
    before = int(time.time())
    made = subscribe(sdk, metadata={"tenant": "7"}, expand=["latest_invoice", "customer"])
    (item,) = made["items"].data
    assert (made.status, made.currency, made.cancel_at_period_end) == ("active", "usd", False)
    assert made.customer.object == "customer"
    assert (item.price.id, item.quantity, item.subscription) == ("price_lab_basic", 1, made.id)
    assert before <= item.current_period_start <= int(time.time())
    assert 28 * DAY_S <= item.current_period_end - item.current_period_start <= 31 * DAY_S
    invoice: Any = made.latest_invoice
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 4_900, "subscription_create")
    assert invoice.lines.data[0].pricing.price_details.price == "price_lab_basic"
    assert invoice.parent.subscription_details.subscription == made.id
    assert emitted(sdk, made.id)[:5] == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_the_shape_is_that_of_the_clients_version(sdk: Any, old_sdk: Any) -> None:
    made = subscribe(old_sdk, expand=["latest_invoice.payment_intent"])
    assert made["current_period_end"] > made["current_period_start"]
    assert "current_period_end" not in made["items"].data[0]
    invoice: Any = made.latest_invoice
    assert (invoice.paid, invoice.subscription, invoice.payment_intent.status) == (True, made.id, "succeeded")
    assert invoice.lines.data[0].price.id == "price_lab_basic"
    assert "parent" not in invoice

    new = sdk.v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
    assert "current_period_end" not in new
    assert new["items"].data[0].current_period_end == made["current_period_end"]
    later: Any = new.latest_invoice
    assert not {"paid", "subscription", "payment_intent"} & set(later.to_dict())
    whole: Any = sdk.v1.invoices.retrieve(later.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert whole.payments.data[0].payment.payment_intent.amount_received == 4_900
    with pytest.raises(InvalidRequestError, match="cannot be expanded"):
        sdk.v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice.payment_intent"]})


def test_a_payment_that_the_browser_confirms(old_sdk: Any) -> None:
    """The platform's own way: `default_incomplete`, and the secret for the browser."""
    buyer = old_sdk.v1.customers.create({"email": "b@example.com"})
    made = subscribe(
        old_sdk,
        customer=buyer.id,
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        expand=["latest_invoice.payment_intent"],
    )
    intent: Any = made.latest_invoice.payment_intent
    assert (made.status, intent.status, intent.amount) == ("incomplete", "requires_payment_method", 4_900)
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    with pytest.raises(InvalidRequestError, match="missing a payment method"):
        old_sdk.v1.payment_intents.confirm(intent.id)
    with pytest.raises(CardError) as refused:
        old_sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeCustomerFail"})
    assert refused.value.code == "card_declined"
    failed = old_sdk.v1.payment_intents.retrieve(intent.id)
    assert failed.last_payment_error.decline_code == "generic_decline"
    assert old_sdk.v1.subscriptions.retrieve(made.id).status == "incomplete"
    with pytest.raises(InvalidRequestError, match="is incomplete"):
        old_sdk.v1.subscriptions.update(made.id, {"items": [{"price": "price_lab_pro"}]})

    paid = old_sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.amount_received) == ("succeeded", 4_900)
    active = old_sdk.v1.subscriptions.retrieve(made.id)
    assert (active.status, active.default_payment_method) == ("active", paid.payment_method)
    with pytest.raises(InvalidRequestError) as again:
        old_sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert again.value.code == "payment_intent_unexpected_state"
    assert {"invoice.payment_failed", "customer.subscription.updated"} <= set(emitted(old_sdk, made.id))


def test_the_secret_after_basil(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    made = subscribe(
        sdk,
        customer=buyer.id,
        payment_behavior="default_incomplete",
        expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
    )
    invoice: Any = made.latest_invoice
    (payment,) = invoice.payments.data
    assert (payment.object, payment.status, payment.payment.type) == ("invoice_payment", "open", "payment_intent")
    assert invoice.confirmation_secret.client_secret.startswith(payment.payment.payment_intent)


def test_without_a_card_nothing_is_made(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    with pytest.raises(InvalidRequestError, match="no attached payment source") as refused:
        subscribe(sdk, customer=buyer.id)
    assert refused.value.code == "resource_missing"
    assert sdk.v1.subscriptions.list({"customer": buyer.id, "status": "all"}).data == []
    assert sdk.v1.invoices.list({"customer": buyer.id}).data == []


def test_a_card_that_fails(sdk: Any) -> None:
    buyer = customer(sdk, "pm_card_chargeCustomerFail")
    with pytest.raises(CardError):
        subscribe(sdk, customer=buyer, payment_behavior="error_if_incomplete")
    assert sdk.v1.subscriptions.list({"customer": buyer, "status": "all"}).data == []
    made = subscribe(sdk, customer=buyer, expand=["latest_invoice"])
    invoice: Any = made.latest_invoice
    assert (made.status, invoice.status, invoice.attempt_count) == ("incomplete", "open", 1)
    assert sdk.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"}).status == "paid"
    assert sdk.v1.subscriptions.retrieve(made.id).status == "active"


def test_a_trial_costs_nothing_until_it_ends(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    made = subscribe(sdk, customer=buyer.id, trial_period_days=14, expand=["latest_invoice"])
    invoice: Any = made.latest_invoice
    assert (made.status, invoice.status, invoice.total) == ("trialing", "paid", 0)
    assert (
        made.trial_end - made.trial_start == 14 * DAY_S == made["items"].data[0].current_period_end - made.trial_start
    )
    later = sdk.v1.subscriptions.update(made.id, {"trial_end": made.trial_end + DAY_S})
    assert (later.status, later.trial_end) == ("trialing", made.trial_end + DAY_S)

    ended = sdk.v1.subscriptions.update(
        made.id, {"trial_end": "now", "default_payment_method": "pm_card_visa", "expand": ["latest_invoice"]}
    )
    first: Any = ended.latest_invoice
    assert (ended.status, first.status, first.total) == ("active", "paid", 4_900)


def test_a_trial_that_ends_without_a_card_is_past_due(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    made = subscribe(sdk, customer=buyer.id, trial_period_days=14)
    assert sdk.v1.subscriptions.update(made.id, {"trial_end": "now"}).status == "past_due"
    assert "invoice.payment_failed" in emitted(sdk, made.id)


def test_invoices_can_be_sent_instead(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    with pytest.raises(InvalidRequestError, match="days_until_due"):
        subscribe(sdk, customer=buyer.id, collection_method="send_invoice")
    made = subscribe(
        sdk, customer=buyer.id, collection_method="send_invoice", days_until_due=30, expand=["latest_invoice"]
    )
    invoice: Any = made.latest_invoice
    assert (made.status, invoice.status, invoice.due_date - invoice.created) == ("active", "draft", 30 * DAY_S)


def test_a_subscription_ends_with_its_period_or_at_once(sdk: Any, old_sdk: Any) -> None:
    made = subscribe(old_sdk)
    ending = old_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at_period_end) == ("active", True)
    assert ending.cancel_at == made["current_period_end"]
    event = old_sdk.v1.events.list({"type": "customer.subscription.updated", "limit": 1}).data[0]
    assert event.data.previous_attributes["cancel_at_period_end"] is False
    going_on = old_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert (going_on.cancel_at, going_on.canceled_at) == (None, None)

    ended = sdk.v1.subscriptions.cancel(made.id, {"cancellation_details": {"feedback": "unused"}})
    assert (ended.status, ended.ended_at) == ("canceled", ended.canceled_at)
    assert (ended.cancellation_details.feedback, ended.cancellation_details.reason) == (
        "unused",
        "cancellation_requested",
    )
    with pytest.raises(InvalidRequestError) as again:
        sdk.v1.subscriptions.cancel(made.id)
    assert again.value.http_status == 404
    with pytest.raises(InvalidRequestError, match="A canceled subscription can only update"):
        sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert sdk.v1.subscriptions.update(made.id, {"metadata": {"why": "moved"}}).metadata.to_dict() == {"why": "moved"}


def test_an_end_with_a_last_invoice(sdk: Any) -> None:
    made = subscribe(sdk)
    sdk.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    last = sdk.v1.invoices.list({"customer": str(made.customer), "limit": 1}).data[0]
    assert (last.status, last.total) == ("paid", pytest.approx(-4_900, abs=2))


def test_an_incomplete_subscription_that_ends_takes_its_invoice_back(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    made = subscribe(sdk, customer=buyer.id, payment_behavior="default_incomplete")
    sdk.v1.subscriptions.cancel(made.id)
    assert sdk.v1.invoices.retrieve(str(made.latest_invoice)).status == "void"


def test_an_incomplete_subscription_whose_invoice_is_voided_has_expired(sdk: Any) -> None:
    buyer = sdk.v1.customers.create()
    made = subscribe(sdk, customer=buyer.id, payment_behavior="default_incomplete")
    sdk.v1.invoices.void_invoice(made.latest_invoice)
    assert sdk.v1.subscriptions.retrieve(made.id).status == "incomplete_expired"


def test_ended_subscriptions_are_listed_for_whoever_asks(sdk: Any) -> None:
    buyer = customer(sdk)
    kept, ended = subscribe(sdk, customer=buyer), subscribe(sdk, "price_lab_pro", customer=buyer)
    sdk.v1.subscriptions.cancel(ended.id)
    found: dict[str, list[str]] = {}
    narrowed: list[dict[str, Any]] = [
        {},
        {"status": "all"},
        {"status": "canceled"},
        {"status": "ended"},
        {"status": "past_due"},
        {"price": "price_lab_pro"},
        {"collection_method": "send_invoice"},
        {"current_period_end": {"gt": int(time.time())}},
    ]
    for given in narrowed:
        listed = sdk.v1.subscriptions.list({"customer": buyer, **given})
        found[str(given)] = [each.id for each in listed.data]
    assert list(found.values()) == [
        [kept.id],
        [ended.id, kept.id],
        [ended.id],
        [ended.id],
        [],
        [],
        [],
        [kept.id],
    ]


def test_deleting_a_customer_ends_what_they_have(sdk: Any) -> None:
    made = subscribe(sdk)
    sdk.v1.customers.delete(str(made.customer))
    assert sdk.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert emitted(sdk, str(made.customer))[-2:] == ["customer.subscription.deleted", "customer.deleted"]


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"customer": "cus_none"}, "customer", "resource_missing"),
        ({"items": []}, "items", "parameter_missing"),
        ({"items": [{"price": "price_none"}]}, "items[0][price]", "resource_missing"),
        ({"items": [{"quantity": 1}]}, "items[0][price]", "parameter_missing"),
        ({"items": [{"price": "price_lab_basic"}, {"price": "price_lab_basic"}]}, "items", None),
        (
            {"items": [{"price": "price_lab_basic", "quantity": "two"}]},
            "items[0][quantity]",
            "parameter_invalid_integer",
        ),
        ({"items": [{"price": "price_lab_basic", "tax_rates": ["txr_1"]}]}, "items[0][tax_rates]", None),
        ({"cancel_at": 1}, "cancel_at", None),
        ({"cancel_at": int(time.time()) + DAY_S, "cancel_at_period_end": True}, "cancel_at", None),
        ({"trial_end": 1}, "trial_end", None),
        ({"coupon": "half"}, "coupon", None),
        ({"default_payment_method": "pm_none"}, "default_payment_method", "resource_missing"),
        ({"payment_behavior": "hope"}, "payment_behavior", None),
    ],
)
def test_what_cannot_be_subscribed_is_refused(sdk: Any, given: dict[str, Any], param: str, code: str | None) -> None:
    buyer = customer(sdk)
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.subscriptions.create({"customer": buyer, "items": [{"price": "price_lab_basic"}], **given})
    assert (refused.value.param, refused.value.code) == (param, code)
    assert sdk.v1.subscriptions.list({"customer": buyer, "status": "all"}).data == []


def test_prices_that_do_not_go_together(sdk: Any) -> None:
    once = sdk.v1.prices.create({"product": "prod_lab_platform", "currency": "usd", "unit_amount": 1})
    euro = sdk.v1.prices.create(
        {"product": "prod_lab_platform", "currency": "eur", "unit_amount": 1, "recurring": {"interval": "month"}}
    )
    week = sdk.v1.prices.create(
        {"product": "prod_lab_platform", "currency": "usd", "unit_amount": 1, "recurring": {"interval": "week"}}
    )
    off = sdk.v1.prices.update(week.id, {"active": True})
    buyer = customer(sdk)
    for prices, message in (
        ([once.id], "type=one_time"),
        (["price_lab_basic", euro.id], "same currency"),
        (["price_lab_basic", off.id], "same `recurring.interval`"),
    ):
        with pytest.raises(InvalidRequestError, match=message):
            sdk.v1.subscriptions.create({"customer": buyer, "items": [{"price": each} for each in prices]})
    sdk.v1.prices.update(week.id, {"active": False})
    with pytest.raises(InvalidRequestError, match="is inactive"):
        subscribe(sdk, week.id, customer=buyer)


def test_the_form_of_an_old_sdk(stub: str, sdk: Any) -> None:
    """stripe 11 writes booleans as Python does."""
    buyer = customer(sdk)
    form = f"customer={buyer}&items[0][price]=price_lab_basic&cancel_at_period_end=True"
    answer = post(stub, "/v1/subscriptions", f"{form}&expand[0]=latest_invoice.payment_intent", Stripe_Version=ACACIA)
    assert answer.status_code == 200
    made = answer.json()
    assert made["cancel_at_period_end"] is True
    assert made["latest_invoice"]["payment_intent"]["status"] == "succeeded"
    changed = post(stub, f"/v1/subscriptions/{made['id']}", "cancel_at_period_end=False", Stripe_Version=ACACIA)
    assert changed.json()["cancel_at_period_end"] is False
