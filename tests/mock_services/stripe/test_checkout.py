"""Checkout sessions, what a customer does on their page, and the billing portal."""

import time
from typing import Any

import httpx
import pytest
from stripe import InvalidRequestError

from tests.mock_services.stripe.support import complete

PAGES = {
    "success_url": "https://example.com/thanks?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://example.com/no",
}


def session(sdk: Any, **given: Any) -> Any:
    basic = {"mode": "subscription", "line_items": [{"price": "price_lab_pro", "quantity": 2}], **PAGES, **given}
    return sdk.v1.checkout.sessions.create(basic)


def test_a_session_opens(sdk: Any) -> None:
    made = session(sdk, customer_email="new@example.com", metadata={"tenant": "7"}, expand=["line_items"])
    assert made.id.startswith("cs_test_")
    assert made.url == f"https://checkout.stripe.com/c/pay/{made.id}"
    assert (made.status, made.payment_status, made.mode, made.amount_total) == (
        "open",
        "unpaid",
        "subscription",
        29_800,
    )
    assert (made.customer, made.customer_email, made.subscription) == (None, "new@example.com", None)
    assert (made.success_url, made.expires_at - made.created) == (PAGES["success_url"], 86_400)
    assert [(line.quantity, line.amount_total) for line in made.line_items.data] == [(2, 29_800)]
    assert [line.id for line in sdk.v1.checkout.sessions.line_items.list(made.id).data] == [
        line.id for line in made.line_items.data
    ]
    assert not hasattr(sdk.v1.checkout.sessions.retrieve(made.id), "line_items")


def test_a_customer_pays_and_is_subscribed(stub: str, sdk: Any) -> None:
    made = session(
        sdk, customer_email="pays@example.com", subscription_data={"metadata": {"tenant": "9"}, "description": "Pro"}
    )
    done = complete(stub, made.id, name="Grace Hopper")
    assert done.status_code == 200
    assert done.json()["status"] == "complete"
    paid: Any = sdk.v1.checkout.sessions.retrieve(made.id, {"expand": ["subscription", "customer", "invoice"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert (paid.subscription.status, paid.subscription.metadata.to_dict()) == ("active", {"tenant": "9"})
    assert paid.subscription["items"].data[0].quantity == 2
    assert (paid.customer.email, paid.customer.name) == ("pays@example.com", "Grace Hopper")
    assert (paid.invoice.status, paid.invoice.total) == ("paid", 29_800)
    assert paid.customer_details.email == "pays@example.com"
    assert sdk.v1.events.list({"limit": 1}).data[0].type == "checkout.session.completed"
    again = complete(stub, made.id)
    assert again.status_code == 400
    assert "status of `complete`" in again.json()["error"]["message"]
    with pytest.raises(InvalidRequestError, match="status of `complete`"):
        sdk.v1.checkout.sessions.expire(made.id)


def test_a_known_customer_keeps_their_name(stub: str, sdk: Any) -> None:
    buyer = sdk.v1.customers.create({"email": "known@example.com"})
    made = session(sdk, customer=buyer.id)
    assert made.customer == buyer.id
    assert complete(stub, made.id).json()["customer"] == buyer.id
    assert len(sdk.v1.subscriptions.list({"customer": buyer.id}).data) == 1


def test_a_declined_card_leaves_the_session_open(stub: str, sdk: Any) -> None:
    made = session(sdk, customer=sdk.v1.customers.create().id)
    for card in ("pm_card_visa_chargeDeclined", "pm_card_chargeCustomerFail"):
        refused = complete(stub, made.id, payment_method=card)
        assert (refused.status_code, refused.json()["error"]["code"]) == (402, "card_declined")
    assert sdk.v1.checkout.sessions.retrieve(made.id).status == "open"
    assert complete(stub, made.id).status_code == 200


def test_a_trial_needs_no_payment(stub: str, sdk: Any) -> None:
    made = session(sdk, customer_email="t@example.com", subscription_data={"trial_period_days": 7})
    assert made.amount_total == 0
    done = complete(stub, made.id).json()
    assert done["payment_status"] == "no_payment_required"
    assert sdk.v1.subscriptions.retrieve(done["subscription"]).status == "trialing"


def test_a_price_made_on_the_spot(stub: str, sdk: Any) -> None:
    data = {"currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}, "product_data": {"name": "Spot"}}
    made = session(sdk, customer_email="s@example.com", line_items=[{"price_data": data, "quantity": 1}])
    done = complete(stub, made.id).json()
    subscribed = sdk.v1.subscriptions.retrieve(done["subscription"])
    assert subscribed["items"].data[0].price.unit_amount == 700


def test_a_session_expires(stub: str, sdk: Any) -> None:
    made = session(sdk)
    expired = sdk.v1.checkout.sessions.expire(made.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert complete(stub, made.id, email="late@example.com").status_code == 400
    assert sdk.v1.events.list({"type": "checkout.session.expired", "limit": 1}).data[0].data.object["id"] == made.id


def test_sessions_are_listed(stub: str, sdk: Any) -> None:
    buyer = sdk.v1.customers.create().id
    opened, paid = session(sdk, customer=buyer), session(sdk, customer=buyer)
    done = complete(stub, paid.id).json()
    narrowed: list[Any] = [{}, {"status": "open"}, {"status": "complete"}, {"subscription": done["subscription"]}]
    found = [
        [each.id for each in sdk.v1.checkout.sessions.list({"customer": buyer, **given}).data] for given in narrowed
    ]
    assert found == [[paid.id, opened.id], [opened.id], [paid.id], [paid.id]]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"mode": "payment"}, "mode"),
        ({"mode": "lease"}, "mode"),
        ({"ui_mode": "embedded_page"}, "ui_mode"),
        ({"success_url": "example.com"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"price": "price_none"}]}, "line_items[0][price]"),
        ({"customer": "cus_none"}, "customer"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"expires_at": int(time.time()) + 60}, "expires_at"),
        ({"discounts": [{"coupon": "half"}]}, "discounts"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_sessions_that_cannot_be_are_refused(sdk: Any, given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        session(sdk, **given)
    assert (refused.value.http_status, refused.value.param) == (400, param)


def test_what_the_lab_enters_has_to_fit(stub: str, sdk: Any) -> None:
    made = session(sdk)
    assert complete(stub, made.id).json()["error"]["param"] == "email"
    assert complete(stub, made.id, email="nobody").json()["error"]["code"] == "email_invalid"
    assert complete(stub, made.id, card="4242").status_code == 400
    assert complete(stub, "cs_test_none").status_code == 404
    assert httpx.post(f"http://{stub}/__lab/checkout/{made.id}/complete", content=b"{").status_code == 400


def test_the_portal(sdk: Any) -> None:
    buyer = sdk.v1.customers.create().id
    made = sdk.v1.billing_portal.sessions.create({"customer": buyer, "return_url": "https://example.com/account"})
    assert made.id.startswith("bps_")
    assert made.url.startswith("https://billing.stripe.com/p/session/test_")
    assert (made.customer, made.return_url) == (buyer, "https://example.com/account")
    with pytest.raises(InvalidRequestError) as missing:
        sdk.v1.billing_portal.sessions.create({"customer": "cus_none"})
    assert (missing.value.http_status, missing.value.code, missing.value.param) == (400, "resource_missing", "customer")
