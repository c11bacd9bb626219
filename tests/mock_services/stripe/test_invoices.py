"""Invoices and their items, through Stripe's own SDK over a real socket, before basil and after it."""

from functools import partial
from typing import Any

import pytest
from stripe import CardError, InvalidRequestError


def customer(sdk: Any, **given: Any) -> Any:
    return sdk.v1.customers.create(given).id


def payer(sdk: Any, card: str = "pm_card_visa") -> Any:
    return customer(sdk, payment_method=card, invoice_settings={"default_payment_method": card})


def draft(sdk: Any, buyer: str, *amounts: int, **given: Any) -> Any:
    for amount in amounts:
        sdk.v1.invoice_items.create({"customer": buyer, "amount": amount, "currency": "usd", "description": "Flowers"})
    more: Any = {"customer": buyer, "pending_invoice_items_behavior": "include", **given}
    return sdk.v1.invoices.create(more)


def test_the_platforms_way_to_an_invoice(old_sdk: Any) -> None:
    buyer = payer(old_sdk)
    made = draft(old_sdk, buyer, 1_500, 250, description="October", metadata={"tenant": "7"})
    assert (made.status, made.total, made.number, made.paid) == ("draft", 1_750, None, False)
    assert [line.amount for line in made.lines.data] == [1_500, 250]
    opened: Any = old_sdk.v1.invoices.finalize_invoice(made.id, {"expand": ["payment_intent"]})
    assert (opened.status, opened.payment_intent.status) == ("open", "requires_payment_method")
    assert opened.number.endswith("-0001")
    assert opened.hosted_invoice_url.startswith("https://invoice.stripe.com/i/")
    paid: Any = old_sdk.v1.invoices.pay(made.id)
    assert (paid.status, paid.paid, paid.amount_paid, paid.amount_remaining) == ("paid", True, 1_750, 0)
    assert paid.status_transitions.paid_at >= paid.status_transitions.finalized_at
    with pytest.raises(InvalidRequestError, match="already paid"):
        old_sdk.v1.invoices.pay(made.id)
    assert old_sdk.v1.invoice_items.list({"customer": buyer, "pending": True}).data == []
    assert old_sdk.v1.invoices.create({"customer": buyer}).total == 0


def test_an_invoice_that_advances_by_itself(sdk: Any) -> None:
    made = draft(sdk, payer(sdk), 900, auto_advance=True)
    assert sdk.v1.invoices.finalize_invoice(made.id).status == "paid"
    failing = draft(sdk, payer(sdk, "pm_card_chargeCustomerFail"), 900)
    opened = sdk.v1.invoices.finalize_invoice(failing.id, {"auto_advance": True})
    assert (opened.status, opened.attempted, opened.attempt_count) == ("open", True, 1)


def test_ways_to_pay(sdk: Any) -> None:
    buyer = customer(sdk)
    made = draft(sdk, buyer, 900)
    with pytest.raises(InvalidRequestError, match="no `default_payment_method` set"):
        sdk.v1.invoices.pay(made.id)
    with pytest.raises(CardError, match="declined"):
        sdk.v1.invoices.pay(made.id, {"payment_method": "pm_card_chargeCustomerFail"})
    assert sdk.v1.invoices.retrieve(made.id).status == "open"
    assert sdk.v1.invoices.pay(made.id, {"payment_method": "pm_card_visa"}).status == "paid"

    outside = draft(sdk, buyer, 100)
    before = sdk.v1.balance.retrieve().pending[0].amount
    paid = sdk.v1.invoices.pay(outside.id, {"paid_out_of_band": True, "expand": ["payments"]})
    assert (paid.status, paid.payments.data[0].status) == ("paid", "canceled")
    assert sdk.v1.balance.retrieve().pending[0].amount == before

    own = draft(sdk, buyer, 100, default_payment_method="pm_card_amex")
    assert sdk.v1.invoices.pay(own.id).status == "paid"
    assert sdk.v1.balance.retrieve().pending[0].amount == before + 100


def test_an_invoice_is_voided(sdk: Any) -> None:
    made = draft(sdk, customer(sdk), 900)
    with pytest.raises(InvalidRequestError, match="isn't open"):
        sdk.v1.invoices.void_invoice(made.id)
    sdk.v1.invoices.finalize_invoice(made.id)
    with pytest.raises(InvalidRequestError, match="already finalized"):
        sdk.v1.invoices.finalize_invoice(made.id)
    voided = sdk.v1.invoices.void_invoice(made.id, {"expand": ["payments"]})
    assert (voided.status, voided.payments.data[0].status) == ("void", "canceled")
    with pytest.raises(InvalidRequestError, match="no longer be paid"):
        sdk.v1.invoices.pay(made.id, {"payment_method": "pm_card_visa"})


def test_a_draft_is_changed_and_deleted(sdk: Any) -> None:
    buyer = customer(sdk)
    made = draft(sdk, buyer, 900)
    changed = sdk.v1.invoices.update(
        made.id, {"description": "For the chapel", "metadata": {"a": "b"}, "collection_method": "send_invoice"}
    )
    assert (changed.description, changed.collection_method) == ("For the chapel", "send_invoice")
    with pytest.raises(InvalidRequestError, match="due_date"):
        sdk.v1.invoices.finalize_invoice(made.id)
    assert sdk.v1.invoices.update(made.id, {"days_until_due": 30}).due_date > made.created
    assert sdk.v1.invoices.delete(made.id).deleted
    assert len(sdk.v1.invoice_items.list({"customer": buyer, "pending": True}).data) == 1
    again = draft(sdk, buyer)
    assert (again.total, len(again.lines.data)) == (900, 1)
    opened = sdk.v1.invoices.finalize_invoice(again.id)
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.invoices.delete(opened.id)
    assert refused.value.code == "invoice_not_editable"
    with pytest.raises(InvalidRequestError, match="can't be updated"):
        sdk.v1.invoices.update(opened.id, {"description": "Too late"})
    assert sdk.v1.invoices.update(opened.id, {"metadata": {"still": "fine"}}).status == "open"


def test_invoices_are_listed(sdk: Any) -> None:
    buyer = payer(sdk)
    opened = draft(sdk, buyer, 900)
    sdk.v1.invoices.finalize_invoice(opened.id)
    subscription = sdk.v1.subscriptions.create({"customer": buyer, "items": [{"price": "price_lab_basic"}]})
    first = str(subscription.latest_invoice)
    narrowed: list[Any] = [{}, {"status": "open"}, {"status": "paid"}, {"subscription": subscription.id}, {"limit": 1}]
    found = [[each.id for each in sdk.v1.invoices.list({"customer": buyer, **given}).data] for given in narrowed]
    assert found == [[first, opened.id], [opened.id], [first], [first], [first]]
    lines = sdk.v1.invoices.line_items.list(first)
    assert lines.url == f"/v1/invoices/{first}/lines"
    assert [line.amount for line in lines.data] == [4_900]


def test_items_live_until_an_invoice_has_them(sdk: Any, old_sdk: Any) -> None:
    buyer = customer(sdk)
    made = sdk.v1.invoice_items.create({"customer": buyer, "amount": 300, "currency": "usd", "metadata": {"a": "b"}})
    assert (made.object, made.amount, made.quantity, made.invoice) == ("invoiceitem", 300, 1, None)
    changed: Any = old_sdk.v1.invoice_items.update(made.id, {"unit_amount_decimal": "12.5", "quantity": 3})
    assert (changed.amount, changed.unit_amount, changed.unit_amount_decimal) == (38, None, "12.5")
    assert sdk.v1.invoice_items.retrieve(made.id).amount == 38
    invoice = draft(sdk, buyer)
    assert sdk.v1.invoice_items.retrieve(made.id).invoice == invoice.id
    sdk.v1.invoice_items.update(made.id, {"amount": 500})
    added = sdk.v1.invoice_items.create({"customer": buyer, "invoice": invoice.id, "amount": 20, "currency": "usd"})
    assert sdk.v1.invoices.retrieve(invoice.id).total == 520
    sdk.v1.invoice_items.delete(added.id)
    assert sdk.v1.invoices.retrieve(invoice.id).total == 500
    sdk.v1.invoices.finalize_invoice(invoice.id)
    late: Any = {"customer": buyer, "invoice": invoice.id, "amount": 1, "currency": "usd"}
    for refuse in (
        partial(sdk.v1.invoice_items.delete, made.id),
        partial(sdk.v1.invoice_items.update, made.id, {"amount": 1}),
        partial(sdk.v1.invoice_items.create, late),
    ):
        with pytest.raises(InvalidRequestError) as refused:
            refuse()
        assert refused.value.code == "invoice_not_editable"


def test_items_by_price(sdk: Any, old_sdk: Any) -> None:
    buyer = customer(sdk)
    once = sdk.v1.prices.create({"product": "prod_lab_platform", "currency": "usd", "unit_amount": 700})
    new = sdk.v1.invoice_items.create({"customer": buyer, "pricing": {"price": once.id}, "quantity": 2})
    assert (new.amount, new.pricing.price_details.price) == (1_400, once.id)
    old: Any = old_sdk.v1.invoice_items.create({"customer": buyer, "price": once.id})
    assert (old.amount, old.price.id, old.description) == (700, once.id, "Thanotopolis platform")
    spot = {"currency": "usd", "product": "prod_lab_platform", "unit_amount": 5}
    assert sdk.v1.invoice_items.create({"customer": buyer, "price_data": spot}).amount == 5
    with pytest.raises(InvalidRequestError, match="type=recurring"):
        sdk.v1.invoice_items.create({"customer": buyer, "pricing": {"price": "price_lab_basic"}})


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"customer": "cus_none", "amount": 1, "currency": "usd"}, "customer"),
        ({"amount": 1, "currency": "usd", "quantity": 2}, "amount"),
        ({"amount": "1.5", "currency": "usd"}, "amount"),
        ({"amount": 1, "currency": "usd", "invoice": "in_none"}, "invoice"),
        ({"amount": 1, "currency": "usd", "subscription": "sub_none"}, "subscription"),
        ({"amount": 1, "currency": "usd", "tax_rates": ["txr_1"]}, "tax_rates"),
        ({"pricing": {"price": "price_none"}}, "price"),
    ],
)
def test_items_that_cannot_be_are_refused(sdk: Any, given: dict[str, Any], param: str) -> None:
    buyer = customer(sdk)
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.invoice_items.create({"customer": buyer, **given})
    assert refused.value.param == param
    assert sdk.v1.invoice_items.list({"customer": buyer}).data == []


def test_a_credit_pays_first(sdk: Any) -> None:
    buyer = payer(sdk)
    sdk.v1.customers.update(buyer, {"balance": -600})
    made = draft(sdk, buyer, 1_000)
    opened = sdk.v1.invoices.finalize_invoice(made.id)
    assert (opened.total, opened.starting_balance, opened.ending_balance, opened.amount_due) == (1_000, -600, 0, 400)
    assert sdk.v1.invoices.pay(made.id).amount_paid == 400


def test_unknown_invoices_are_missing(sdk: Any) -> None:
    for ask in (sdk.v1.invoices.retrieve, sdk.v1.invoices.pay, sdk.v1.invoices.void_invoice, sdk.v1.invoices.delete):
        with pytest.raises(InvalidRequestError, match="No such invoice: 'in_none'") as missing:
            ask("in_none")
        assert (missing.value.http_status, missing.value.param) == (404, "invoice")
