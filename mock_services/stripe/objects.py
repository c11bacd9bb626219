"""How Stripe's objects look when they are new: every field that they have, in the shapes of all API versions at once.

Source of the fields: the types of Stripe's own SDK for Python, versions 11.6.1 (before basil) and 16.1.0 (after it).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mock_services.stripe.cards import Card

Row = dict[str, Any]
COUNTRY = "US"


def customer(customer_id: str, now: int, invoice_prefix: str) -> Row:
    """Give a customer without any details."""
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(method_id: str, now: int, card: Card, token: str) -> Row:
    """Give a card as a payment method; `token` is the test card's name, which says how payments with it go."""
    return {
        "id": method_id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            **dict.fromkeys(("email", "name", "phone", "tax_id")),
        },
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": COUNTRY,
            "display_brand": card.brand,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"lab{card.last4}fingerprint",
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_token": token,
    }


def payment_intent(intent_id: str, now: int, secret: str, invoice: Row) -> Row:
    """Give the payment of an invoice that nobody has tried yet."""
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": invoice["amount_due"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": "Subscription creation" if invoice["subscription"] else "Payment for Invoice",
        "invoice": invoice["id"],
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def product(product_id: str, now: int, name: str) -> Row:
    """Give a product with nothing but a name."""
    return {
        "id": product_id,
        "object": "product",
        "active": True,
        "attributes": [],
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
    }


def price(price_id: str, now: int, product_id: str, currency: str, unit_amount: Decimal) -> Row:
    """Give a one-time price. `unit_amount` is in the currency's smallest unit and may have a fraction."""
    whole = unit_amount == unit_amount.to_integral_value()
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product_id,
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": int(unit_amount) if whole else None,
        "unit_amount_decimal": decimal_text(unit_amount),
    }


def plan(of: Row) -> Row:
    """Give the legacy form of a recurring price, which subscription items still carry."""
    recurring = of["recurring"]
    return {
        "id": of["id"],
        "object": "plan",
        "active": of["active"],
        "amount": of["unit_amount"],
        "amount_decimal": of["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": of["created"],
        "currency": of["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": of["metadata"],
        "meter": recurring["meter"],
        "nickname": of["nickname"],
        "product": of["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def checkout_session(session_id: str, now: int, url: str) -> Row:
    """Give an open checkout session in subscription mode."""
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_creation": None,
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "expires_at": now + 86_400,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": "subscription",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "return_url": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": url,
    }


def webhook_endpoint(endpoint_id: str, now: int, url: str, secret: str) -> Row:
    """Give an enabled endpoint; its secret is shown once, when it is made."""
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_secret": secret,
    }


def balance(pending: dict[str, int]) -> Row:
    """Give the account's balance: amounts by currency that are on their way."""
    amounts = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted((pending or {"usd": 0}).items())
    ]
    available = [{**each, "amount": 0, "source_types": {"card": 0}} for each in amounts]
    return {"object": "balance", "available": available, "livemode": False, "pending": amounts}


def listing(path: str, data: list[Row], has_more: bool = False) -> Row:
    """Give a list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": path}


def decimal_text(number: Decimal) -> str:
    """Write a decimal as Stripe does: no exponent, no trailing zeros."""
    return f"{number.normalize():f}"


def times(price_row: Row, quantity: int) -> int:
    """Give the amount of `quantity` units at a price, halves rounded up."""
    return int((Decimal(price_row["unit_amount_decimal"]) * quantity).quantize(Decimal(1), ROUND_HALF_UP))
