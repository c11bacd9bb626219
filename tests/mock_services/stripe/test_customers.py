"""Customers and their cards, through Stripe's own SDK over a real socket."""

from typing import Any

import pytest
from stripe import CardError, InvalidRequestError

from tests.mock_services.stripe.support import error_of

CARD = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}


def test_a_customer_lives(sdk: Any) -> None:
    made = sdk.v1.customers.create(
        {
            "email": "ada@example.com",
            "name": "Ada Byron",
            "phone": "+13105550142",
            "address": {"line1": "1 Chapel Lane", "country": "US"},
            "metadata": {"tenant": "7", "plot": "12"},
        }
    )
    assert made.id.startswith("cus_")
    assert (made.object, made.livemode, made.email) == ("customer", False, "ada@example.com")
    assert (made.address.line1, made.address.city) == ("1 Chapel Lane", None)

    changed = sdk.v1.customers.update(
        made.id, {"name": "Ada Lovelace", "phone": "", "metadata": {"plot": "", "row": "3"}}
    )
    assert (changed.name, changed.phone, changed.email) == ("Ada Lovelace", None, "ada@example.com")
    assert changed.metadata.to_dict() == {"tenant": "7", "row": "3"}
    assert sdk.v1.customers.retrieve(made.id).name == "Ada Lovelace"

    assert sdk.v1.customers.delete(made.id).deleted
    assert sdk.v1.customers.retrieve(made.id).deleted
    with pytest.raises(InvalidRequestError) as missing:
        sdk.v1.customers.update(made.id, {"name": "Nobody"})
    assert (missing.value.http_status, missing.value.code, missing.value.param) == (404, "resource_missing", "id")


def test_all_metadata_can_be_taken_away(sdk: Any) -> None:
    made = sdk.v1.customers.create({"metadata": {"a": "1"}})
    changed = sdk.v1.customers.update(made.id, {"metadata": ""})
    assert changed.metadata.to_dict() == {}


def test_customers_are_listed_newest_first_page_by_page(sdk: Any) -> None:
    email = "many@example.com"
    made = [sdk.v1.customers.create({"email": email}).id for _ in range(5)]
    first = sdk.v1.customers.list({"email": email, "limit": 2})
    assert ([each.id for each in first.data], first.has_more, first.url) == (made[:-3:-1], True, "/v1/customers")
    before = sdk.v1.customers.list({"email": email, "limit": 2, "ending_before": made[1]})
    assert ([each.id for each in before.data], before.has_more) == ([made[3], made[2]], True)
    assert [each.id for each in first.auto_paging_iter()] == made[::-1]
    with pytest.raises(InvalidRequestError, match="both starting_after and ending_before"):
        sdk.v1.customers.list({"starting_after": made[0], "ending_before": made[1]})
    with pytest.raises(InvalidRequestError, match="No such customer: 'cus_none'"):
        sdk.v1.customers.list({"starting_after": "cus_none"})


def test_a_list_is_narrowed_by_when_its_objects_were_made(sdk: Any) -> None:
    made = sdk.v1.customers.create({"email": "when@example.com"})
    for bounds, found in (({"gte": made.created}, 1), ({"gt": made.created}, 0), ({"lte": made.created - 1}, 0)):
        listed = sdk.v1.customers.list({"email": "when@example.com", "created": bounds})
        assert len(listed.data) == found
    assert len(sdk.v1.customers.list({"email": "when@example.com", "created": made.created}).data) == 1


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"email": "no address"}, "email", "email_invalid"),
        ({"nickname": "Ada"}, "nickname", "parameter_unknown"),
        ({"address": {"planet": "Mars"}}, "address[planet]", "parameter_unknown"),
        ({"balance": "much"}, "balance", "parameter_invalid_integer"),
        ({"tax_exempt": "always"}, "tax_exempt", None),
        ({"metadata": {"k": "v" * 501}}, "metadata", None),
        ({"metadata": {str(number): "v" for number in range(51)}}, "metadata", None),
        ({"coupon": "half"}, "coupon", None),
        ({"payment_method": "pm_none"}, "payment_method", "resource_missing"),
        ({"expand": ["a.b.c.d.e"]}, "expand", None),
        ({"expand": ["metadata.a"]}, "expand", None),
    ],
)
def test_what_does_not_fit_is_refused_in_stripes_words(
    sdk: Any, given: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.customers.create(given)
    assert (refused.value.http_status, refused.value.param, refused.value.code) == (400, param, code)
    assert str(refused.value.request_id).startswith("req_")


def test_a_customer_gets_a_card_and_loses_it(sdk: Any) -> None:
    customer = sdk.v1.customers.create()
    card = sdk.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    assert (card.id[:3], card.customer, card.card.last4) == ("pm_", customer.id, "4444")
    preferred = sdk.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert preferred.invoice_settings.default_payment_method == card.id
    listed = sdk.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    assert [each.id for each in listed.data] == [card.id]
    assert sdk.v1.payment_methods.retrieve(card.id).customer == customer.id
    whole = sdk.v1.customers.retrieve(customer.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert whole.invoice_settings.default_payment_method.card.brand == "mastercard"

    assert sdk.v1.payment_methods.detach(card.id).customer is None
    after = sdk.v1.customers.retrieve(customer.id)
    assert after.invoice_settings.default_payment_method is None
    with pytest.raises(InvalidRequestError, match="not attached"):
        sdk.v1.payment_methods.detach(card.id)


def test_anothers_card_is_refused(sdk: Any) -> None:
    owner, other = sdk.v1.customers.create(), sdk.v1.customers.create()
    card = sdk.v1.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    assert sdk.v1.payment_methods.attach(card.id, {"customer": owner.id}).id == card.id
    with pytest.raises(InvalidRequestError, match="already been attached"):
        sdk.v1.payment_methods.attach(card.id, {"customer": other.id})
    with pytest.raises(InvalidRequestError, match="must be attached to the customer"):
        sdk.v1.customers.update(other.id, {"invoice_settings": {"default_payment_method": card.id}})
    with pytest.raises(InvalidRequestError, match="No such PaymentMethod: 'pm_none'"):
        sdk.v1.payment_methods.retrieve("pm_none")


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_declined_card_is_a_card_error(sdk: Any, card: str, code: str, decline_code: str | None) -> None:
    customer = sdk.v1.customers.create()
    with pytest.raises(CardError) as refused:
        sdk.v1.payment_methods.attach(card, {"customer": customer.id})
    assert (refused.value.http_status, refused.value.code) == (402, code)
    assert error_of(refused.value).get("decline_code") == decline_code
    assert sdk.v1.payment_methods.list({"customer": customer.id}).data == []


def test_subscriptions_are_shown_to_whoever_asks(sdk: Any) -> None:
    customer = sdk.v1.customers.create(CARD)
    assert not hasattr(customer, "subscriptions")
    made = sdk.v1.subscriptions.create({"customer": customer.id, "items": [{"price": "price_lab_basic"}]})
    shown = sdk.v1.customers.retrieve(customer.id, {"expand": ["subscriptions"]})
    assert [each.id for each in shown.subscriptions.data] == [made.id]
    listed = sdk.v1.customers.list({"limit": 1, "expand": ["data.subscriptions.data.latest_invoice"]})
    assert listed.data[0].subscriptions.data[0].latest_invoice.status == "paid"
    with pytest.raises(InvalidRequestError, match=r"try expanding 'data\.subscriptions'"):
        sdk.v1.customers.list({"expand": ["subscriptions"]})
