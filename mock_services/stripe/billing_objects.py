"""How subscriptions, invoices and their positions look when they are new, in the manner of `objects`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mock_services.stripe.objects import COUNTRY, listing, plan

Row = dict[str, Any]
ACCOUNT_ID = "acct_1LabStripeAccount"
ACCOUNT_NAME = "Thanotopolis load lab"
NO_TAX = {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None}


def subscription(subscription_id: str, now: int, customer: Row, currency: str) -> Row:
    """Give an active subscription without items that began now."""
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": dict(NO_TAX),
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"type": "classic"},
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "current_period_end": now,
        "current_period_start": now,
        "customer": customer["id"],
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discount": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": listing(f"/v1/subscription_items?subscription={subscription_id}", []),
        "latest_invoice": None,
        "livemode": False,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def subscription_item(item_id: str, now: int, owner: Row, price: Row, quantity: int | None) -> Row:
    """Give a price's place in a subscription; metered prices have no quantity."""
    return {
        "id": item_id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": owner["current_period_end"],
        "current_period_start": owner["current_period_start"],
        "discounts": [],
        "metadata": {},
        "plan": plan(price),
        "price": price,
        "quantity": quantity,
        "subscription": owner["id"],
        "tax_rates": [],
    }


def invoice_item(item_id: str, now: int, customer: Row, currency: str, amount: int) -> Row:
    """Give something that a customer owes and no invoice has yet."""
    return {
        "id": item_id,
        "object": "invoiceitem",
        "amount": amount,
        "currency": currency,
        "customer": customer["id"],
        "date": now,
        "description": None,
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": amount,
        "parent": None,
        "period": {"end": now, "start": now},
        "plan": None,
        "price": None,
        "pricing": None,
        "proration": False,
        "quantity": 1,
        "subscription": None,
        "subscription_item": None,
        "tax_rates": [],
        "test_clock": None,
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def pricing(price: Row | None, unit_amount: str) -> Row:
    """Give a position's price in basil's form."""
    details = None if price is None else {"price": price["id"], "product": price["product"]}
    return {"price_details": details, "type": "price_details", "unit_amount_decimal": unit_amount}


def line(line_id: str, amount: int, currency: str, description: str | None, period: Row) -> Row:
    """Give a position of an invoice, not yet said where it comes from."""
    return {
        "id": line_id,
        "object": "line_item",
        "amount": amount,
        "amount_excluding_tax": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "invoice_item": None,
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": period,
        "plan": None,
        "pretax_credit_amounts": [],
        "price": None,
        "pricing": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "quantity": 1,
        "subscription": None,
        "subscription_item": None,
        "subtotal": amount,
        "tax_amounts": [],
        "tax_rates": [],
        "taxes": [],
        "type": "invoiceitem",
        "unit_amount_excluding_tax": str(amount),
    }


def line_of_invoice_item(line_id: str, item: Row) -> Row:
    """Give the position that an invoice item becomes."""
    row = line(line_id, item["amount"], item["currency"], item["description"], item["period"])
    row.update(
        {name: item[name] for name in ("metadata", "plan", "price", "pricing", "proration", "quantity", "subscription")}
    )
    row["invoice_item"] = item["id"]
    row["parent"] = {
        "invoice_item_details": {
            "invoice_item": item["id"],
            "proration": item["proration"],
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    row["unit_amount_excluding_tax"] = item["unit_amount_decimal"]
    return row


def line_of_subscription_item(line_id: str, item: Row, amount: int, description: str, period: Row) -> Row:
    """Give the position that a subscription's item has for one period."""
    price = item["price"]
    row = line(line_id, amount, price["currency"], description, period)
    row.update(
        metadata=item["metadata"],
        plan=item["plan"],
        price=price,
        pricing=pricing(price, price["unit_amount_decimal"]),
        quantity=item["quantity"] or 0,
        subscription=item["subscription"],
        subscription_item=item["id"],
        type="subscription",
        unit_amount_excluding_tax=price["unit_amount_decimal"],
    )
    row["parent"] = {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }
    return row


def invoice(invoice_id: str, now: int, customer: Row, currency: str, lines: list[Row]) -> Row:
    """Give a draft with `lines`, for `totals` to add up."""
    return {
        "id": invoice_id,
        "object": "invoice",
        "account_country": COUNTRY,
        "account_name": ACCOUNT_NAME,
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "application_fee_amount": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": dict(NO_TAX),
        "automatically_finalizes_at": None,
        "billing_reason": "manual",
        "charge": None,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discount": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {**listing(f"/v1/invoices/{invoice_id}/lines", lines), "total_count": len(lines)},
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "paid": False,
        "paid_out_of_band": False,
        "parent": None,
        "payment_intent": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": now,
        "period_start": now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "quote": None,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subscription": None,
        "subscription_details": {"metadata": None},
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "tax": None,
        "test_clock": None,
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_tax_amounts": [],
        "total_taxes": [],
        "transfer_data": None,
        "webhooks_delivered_at": now,
    }


def totals(row: Row, balance: int) -> None:
    """Add an invoice's lines up. `balance` is the customer's: what is below zero pays for the invoice first."""
    lines = row["lines"]["data"]
    for each in lines:
        each["invoice"] = row["id"]
    row["lines"]["total_count"] = len(lines)
    total = sum(each["amount"] for each in lines)
    row["subtotal"] = row["subtotal_excluding_tax"] = row["total"] = row["total_excluding_tax"] = total
    row["starting_balance"] = balance
    row["amount_due"] = row["amount_remaining"] = max(total + balance, 0)


def period_end(start: int, interval: str, count: int) -> int:
    """Give the end of `count` intervals from `start` (Unix seconds, UTC); a month ends on a day that it has."""
    begin = datetime.fromtimestamp(start, UTC)
    if interval in ("day", "week"):
        return int((begin + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = begin.year * 12 + begin.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    for day in range(begin.day, begin.day - 4, -1):
        try:
            return int(begin.replace(year=year, month=month + 1, day=day).timestamp())
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
