"""A subscription's items: how they change, what a change within a period costs, and metered use."""

from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.mock_services.stripe.support import ACACIA, post, subscribe

DAY_S = 86_400


def test_items_change_with_proration(sdk: Any) -> None:
    made = subscribe(sdk)
    item = made["items"].data[0].id
    changed = sdk.v1.subscriptions.update(made.id, {"items": [{"id": item, "price": "price_lab_pro", "quantity": 2}]})
    assert (changed["items"].data[0].price.id, changed["items"].data[0].quantity) == ("price_lab_pro", 2)
    assert changed.latest_invoice == made.latest_invoice
    pending = sdk.v1.invoice_items.list({"customer": str(made.customer), "pending": True}).data
    assert [each.proration for each in pending] == [True, True]
    assert [each.amount for each in pending] == pytest.approx([29_800, -4_900], abs=2)

    billed = sdk.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": item, "quantity": 3}],
            "proration_behavior": "always_invoice",
            "expand": ["latest_invoice"],
        },
    )
    invoice: Any = billed.latest_invoice
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_update")
    assert invoice.total == pytest.approx(29_800 - 4_900 + 44_700 - 29_800, abs=4)

    free = sdk.v1.subscriptions.update(
        made.id, {"items": [{"id": item, "price": "price_lab_basic"}], "proration_behavior": "none"}
    )
    assert free.latest_invoice == invoice.id
    assert sdk.v1.invoice_items.list({"customer": str(made.customer), "pending": True}).data == []


def test_another_interval_begins_a_period_at_once(sdk: Any) -> None:
    yearly = sdk.v1.prices.create(
        {"product": "prod_lab_platform", "currency": "usd", "unit_amount": 49_000, "recurring": {"interval": "year"}}
    )
    made = subscribe(sdk)
    changed = sdk.v1.subscriptions.update(
        made.id, {"items": [{"id": made["items"].data[0].id, "price": yearly.id}], "expand": ["latest_invoice"]}
    )
    (item,) = changed["items"].data
    invoice: Any = changed.latest_invoice
    assert 365 * DAY_S <= item.current_period_end - item.current_period_start <= 366 * DAY_S
    assert invoice.total == pytest.approx(49_000 - 4_900, abs=2)


def test_what_is_given_back_beyond_what_is_due_stays_on_the_balance(sdk: Any) -> None:
    made = subscribe(sdk, "price_lab_pro")
    change: Any = {
        "items": [{"id": made["items"].data[0].id, "price": "price_lab_basic"}],
        "proration_behavior": "always_invoice",
        "expand": ["latest_invoice"],
    }
    invoice: Any = sdk.v1.subscriptions.update(made.id, change).latest_invoice
    assert (invoice.status, invoice.amount_due) == ("paid", 0)
    assert invoice.total == invoice.ending_balance == pytest.approx(-10_000, abs=2)
    buyer = sdk.v1.customers.retrieve(str(made.customer))
    assert buyer.balance == invoice.total
    second: Any = subscribe(sdk, customer=buyer.id, expand=["latest_invoice"]).latest_invoice
    assert (second.total, second.amount_due, second.ending_balance) == (4_900, 0, invoice.total + 4_900)


def test_items_come_and_go(sdk: Any) -> None:
    made = subscribe(sdk)
    both = sdk.v1.subscriptions.update(made.id, {"items": [{"price": "price_lab_pro", "metadata": {"a": "b"}}]})
    ids = {item.price.id: item.id for item in both["items"].data}
    assert set(ids) == {"price_lab_basic", "price_lab_pro"}
    assert {each.id for each in sdk.v1.subscription_items.list({"subscription": made.id}).data} == set(ids.values())
    one = sdk.v1.subscriptions.update(made.id, {"items": [{"id": ids["price_lab_basic"], "deleted": True}]})
    assert [item.id for item in one["items"].data] == [ids["price_lab_pro"]]
    with pytest.raises(InvalidRequestError, match="No such subscription_item"):
        sdk.v1.subscription_items.retrieve(ids["price_lab_basic"])
    assert sdk.v1.subscription_items.retrieve(ids["price_lab_pro"]).metadata.to_dict() == {"a": "b"}
    with pytest.raises(InvalidRequestError, match="at least one active plan"):
        sdk.v1.subscriptions.update(made.id, {"items": [{"id": ids["price_lab_pro"], "deleted": True}]})


def test_usage_is_recorded_before_basil_only(stub: str, sdk: Any) -> None:
    metered = sdk.v1.prices.create(
        {
            "product": "prod_lab_platform",
            "currency": "usd",
            "unit_amount": 3,
            "recurring": {"interval": "month", "usage_type": "metered"},
        }
    )
    made = subscribe(sdk, metered.id)
    item = made["items"].data[0]
    assert "quantity" not in item or item.quantity is None
    path = f"/v1/subscription_items/{item.id}/usage_records"
    recorded = post(stub, path, "quantity=12&action=increment", Stripe_Version=ACACIA).json()
    assert (recorded["object"], recorded["quantity"], recorded["subscription_item"]) == ("usage_record", 12, item.id)
    assert post(stub, path, "quantity=12", Stripe_Version="2025-03-31.basil").status_code == 404
    licensed = subscribe(sdk)["items"].data[0].id
    refused = post(stub, f"/v1/subscription_items/{licensed}/usage_records", "quantity=1", Stripe_Version=ACACIA)
    assert refused.status_code == 400
