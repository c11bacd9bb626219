"""What a client sees of the stub's objects: the fields of its API version, and whole objects where it asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from mock_services.stripe.errors import InvalidRequestError
from mock_services.stripe.models import Account, Row, Table
from mock_services.stripe.objects import listing
from mock_services.stripe.protocol import BASIL, HOSTED_PAGE, since

MOST_LEVELS = 4


def _fields(**kinds: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType(
        {kind.replace("checkout_", "checkout."): frozenset(text.split()) for kind, text in kinds.items()}
    )


BEFORE_BASIL = _fields(
    invoice="application_fee_amount charge discount paid paid_out_of_band payment_intent quote subscription"
    " subscription_details tax total_tax_amounts transfer_data",
    invoiceitem="plan price subscription subscription_item unit_amount unit_amount_decimal",
    line_item="amount_excluding_tax invoice_item plan price proration proration_details subscription_item tax_amounts"
    " tax_rates type unit_amount_excluding_tax",
    payment_intent="invoice",
    subscription="current_period_end current_period_start discount",
)
"""The fields that objects have up to basil, by kind of object."""

FROM_BASIL = _fields(
    invoice="amount_overpaid parent total_taxes",
    invoiceitem="net_amount parent pricing",
    line_item="parent pricing subtotal taxes",
    subscription="billing_mode",
    subscription_item="current_period_end current_period_start",
)
"""The fields that objects have since basil."""

EXPANDABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "checkout.session": {"customer": "customers", "invoice": "invoices", "subscription": "subscriptions"},
        "customer": {"default_payment_method": "payment_methods", "default_source": "payment_methods"},
        "invoice": {
            "customer": "customers",
            "default_payment_method": "payment_methods",
            "payment_intent": "payment_intents",
            "subscription": "subscriptions",
        },
        "invoice_payment": {"invoice": "invoices", "payment_intent": "payment_intents"},
        "invoiceitem": {"customer": "customers", "invoice": "invoices", "subscription": "subscriptions"},
        "line_item": {"invoice_item": "invoice_items", "subscription": "subscriptions", "price": "prices"},
        "payment_intent": {"customer": "customers", "invoice": "invoices", "payment_method": "payment_methods"},
        "payment_method": {"customer": "customers"},
        "price": {"product": "products"},
        "plan": {"product": "products"},
        "product": {"default_price": "prices"},
        "subscription": {
            "customer": "customers",
            "default_payment_method": "payment_methods",
            "latest_invoice": "invoices",
            "pending_setup_intent": "payment_intents",
        },
    }
)
"""The table that the id in a field points to, by kind of object. A field of an inner object counts as its object's."""


def shape(value: Any, version: str) -> Any:
    """Copy an object for a client of `version`, without the fields of other versions and the stub's own."""
    if isinstance(value, list):
        return [shape(element, version) for element in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("object")
    hidden: frozenset[str] = frozenset()
    if isinstance(kind, str):
        hidden = (BEFORE_BASIL if since(version, BASIL) else FROM_BASIL).get(kind, hidden)
    shaped = {
        name: shape(inner, version) for name, inner in value.items() if name not in hidden and not name.startswith("_")
    }
    if kind == "checkout.session" and not since(version, HOSTED_PAGE):
        shaped["ui_mode"] = "hosted"
    return shaped


def shape_event(event: Row, version: str) -> Row:
    """Give an event as a client of `version` sees it: with the object as it was when the event happened."""
    data = {"object": shape(orjson.loads(event["_object"]), version)}
    if event["_previous"] is not None:
        data["previous_attributes"] = shape(orjson.loads(event["_previous"]), version)
        del data["previous_attributes"]["object"]
    shaped: Row = {**shape(event, version), "api_version": version, "data": data}
    return shaped


class Expansion:
    """Puts objects in the place of their ids, as `expand` asks for."""

    def __init__(self, account: Account, version: str) -> None:
        self._account = account
        self._version = version
        self._parts: dict[tuple[str, str], Callable[[str], Row | None]] = {
            ("checkout.session", "line_items"): self._line_items,
            ("customer", "subscriptions"): self._subscriptions,
        }
        if since(version, BASIL):
            self._parts["invoice", "confirmation_secret"] = self._confirmation_secret
            self._parts["invoice", "payments"] = self._payments

    def expand(self, shaped: Row, paths: list[str]) -> None:
        """Expand each path, such as `latest_invoice.payment_intent` or `data.customer`, in place."""
        for path in paths:
            segments = path.split(".")
            if len(segments) > MOST_LEVELS:
                raise InvalidRequestError(
                    f"You cannot expand more than {MOST_LEVELS} levels of a property. Property: {path[:200]}", "expand"
                )
            self._walk(shaped, str(shaped.get("object", "")), segments, path)

    def _walk(self, value: Any, kind: str, segments: list[str], path: str) -> None:
        if not segments or value is None:
            return
        if isinstance(value, list):
            for element in value:
                self._walk(element, kind, segments, path)
            return
        if not isinstance(value, dict):
            raise _not_expandable(path, "")
        kind = str(value.get("object", kind))
        name, *following = segments
        table = self._table(kind, name)
        part = self._parts.get((kind, name))
        if part is not None and isinstance(value.get("id"), str):
            value.setdefault(name, part(value["id"]))
        elif name in value and table is not None and isinstance(value[name], str):
            value[name] = self._object(table, value[name])
        elif name not in value or not (
            isinstance(value[name], dict | list) or (value[name] is None and table is not None)
        ):
            hint = f" You may want to try expanding 'data.{path}' instead." if kind == "list" and name != "data" else ""
            raise _not_expandable(path, hint)
        self._walk(value[name], kind, following, path)

    def _table(self, kind: str, name: str) -> Table | None:
        table = EXPANDABLE.get(kind, {}).get(name)
        return None if table is None else self._account.tables.of(table)

    def _object(self, table: Table, object_id: str) -> Any:
        row = table.rows.get(object_id)
        return object_id if row is None else shape(row, self._version)

    def _line_items(self, session_id: str) -> Row:
        rows = self._account.tables.sessions.rows[session_id]["_line_items"]
        return listing(f"/v1/checkout/sessions/{session_id}/line_items", shape(rows, self._version))

    def _subscriptions(self, customer_id: str) -> Row:
        rows = self._account.tables.subscriptions.newest_first(
            lambda row: row["customer"] == customer_id and row["status"] not in ("canceled", "incomplete_expired")
        )
        return listing(f"/v1/customers/{customer_id}/subscriptions", [shape(row, self._version) for row in rows])

    def _confirmation_secret(self, invoice_id: str) -> Row | None:
        intent = self._intent(invoice_id)
        return None if intent is None else {"client_secret": intent["client_secret"], "type": "payment_intent"}

    def _payments(self, invoice_id: str) -> Row:
        intent = self._intent(invoice_id)
        return listing(f"/v1/invoices/{invoice_id}/payments", [] if intent is None else [invoice_payment(intent)])

    def _intent(self, invoice_id: str) -> Row | None:
        intent_id = self._account.tables.invoices.rows[invoice_id]["payment_intent"]
        return None if intent_id is None else self._account.tables.payment_intents.rows[intent_id]


def invoice_payment(intent: Row) -> Row:
    """Give the link between an invoice and its payment, which basil put in the place of `invoice.payment_intent`."""
    status = {"succeeded": "paid", "canceled": "canceled"}.get(intent["status"], "open")
    return {
        "id": intent["id"].replace("pi_", "inpay_"),
        "object": "invoice_payment",
        "amount_paid": intent["amount_received"] or None,
        "amount_requested": intent["amount"],
        "created": intent["created"],
        "currency": intent["currency"],
        "invoice": intent["invoice"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": status,
        "status_transitions": {"canceled_at": intent["canceled_at"], "paid_at": intent.get("_paid_at")},
    }


def _not_expandable(path: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(f"This property cannot be expanded ({path[:200]}).{hint}", "expand")
