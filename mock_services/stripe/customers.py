"""Customers, and the cards that they pay with."""

from __future__ import annotations

from typing import Any

from mock_services.stripe import objects
from mock_services.stripe.cards import TEST_CARDS
from mock_services.stripe.errors import InvalidRequestError, ResourceMissing
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.params import (
    CustomerCreate,
    CustomerList,
    CustomerUpdate,
    Params,
    PaymentMethodAttach,
    PaymentMethodList,
)
from mock_services.stripe.values import merge_metadata

PLAIN_FIELDS = ("balance", "description", "email", "name", "phone", "preferred_locales", "tax_exempt")
DEFAULT_METHOD = "invoice_settings[default_payment_method]"


class Customers:
    """`/v1/customers`."""

    def __init__(self, account: Account, methods: PaymentMethods) -> None:
        self._account = account
        self._methods = methods

    def create(self, params: CustomerCreate) -> Row:
        """Make a customer; with a test card in `payment_method` or `source`, one who can pay."""
        chosen = params.invoice_settings.default_payment_method if params.invoice_settings else None
        for param in ("payment_method", "source"):
            if (token := getattr(params, param)) is not None:
                self._methods.check(token, param)
        if chosen is not None and chosen != params.payment_method:
            self._methods.check(chosen, DEFAULT_METHOD)
        prefix = self._account.draw("invoice prefix", 8).upper()
        row = objects.customer(self._account.new_id("cus", 14), self._account.now(), prefix)
        self._apply(row, params)
        self._account.add(self._account.tables.customers, row)
        self._account.emit("customer.created", row)
        adopted = {
            token: self._methods.adopt(row, token, "payment_method")["id"]
            for token in dict.fromkeys((params.payment_method, params.source, chosen))
            if token is not None
        }
        row["default_source"] = adopted.get(params.source or "")
        row["invoice_settings"]["default_payment_method"] = adopted.get(chosen or "")
        return row

    def update(self, customer_id: str, params: CustomerUpdate) -> Row:
        """Change a customer's details."""
        row = self._account.tables.customers.get(customer_id)
        settings = params.invoice_settings
        with self._account.updating(row, "customer.updated"):
            if settings is not None and settings.default_payment_method is not None:
                method = self._methods.adopt(row, settings.default_payment_method, DEFAULT_METHOD)
                row["invoice_settings"]["default_payment_method"] = method["id"]
            elif settings is not None and "default_payment_method" in settings.model_fields_set:
                row["invoice_settings"]["default_payment_method"] = None
            if params.source is not None:
                row["default_source"] = self._methods.adopt(row, params.source, "source")["id"]
            self._apply(row, params)
        return row

    def retrieve(self, customer_id: str, params: Params) -> Row:
        """Give a customer; of a deleted one, that it is deleted."""
        table = self._account.tables.customers
        row = table.rows.get(customer_id)
        return row if row is not None else table.get(customer_id)

    def delete(self, customer_id: str) -> Row:
        """Delete a customer for good; the subscriptions have to be cancelled before."""
        table = self._account.tables.customers
        row = table.get(customer_id)
        table.rows[customer_id] = {"id": customer_id, "object": "customer", "deleted": True}
        self._account.emit("customer.deleted", row)
        return table.rows[customer_id]

    def page(self, params: CustomerList) -> Page:
        """List customers, as of one address (its case counts, as with Stripe)."""
        return self._account.tables.customers.page(
            params, lambda row: params.email is None or row["email"] == params.email
        )

    def _apply(self, row: Row, params: CustomerUpdate) -> None:
        row.update(params.given(*PLAIN_FIELDS))
        if params.address is not None or "address" in params.model_fields_set:
            row["address"] = params.address and params.address.model_dump()
        if params.shipping is not None or "shipping" in params.model_fields_set:
            row["shipping"] = params.shipping and _shipping(params.shipping.model_dump())
        if params.invoice_settings is not None and "footer" in params.invoice_settings.model_fields_set:
            row["invoice_settings"]["footer"] = params.invoice_settings.footer
        row["metadata"] = merge_metadata(row["metadata"], params.metadata)


def _shipping(given: dict[str, Any]) -> dict[str, Any]:
    return {"address": given["address"], "name": given["name"], "phone": given["phone"]}


class PaymentMethods:
    """`/v1/payment_methods`: cards, which exist by Stripe's test names only."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def check(self, token: str, param: str) -> None:
        """Refuse a name that is no test card, or one whose bank refuses as soon as it is asked."""
        if token not in TEST_CARDS:
            raise ResourceMissing("token" if token.startswith("tok_") else "PaymentMethod", token, param, 400)
        refusal = TEST_CARDS[token].attach
        if refusal is not None:
            raise refusal.error()

    def adopt(self, customer: Row, name: str, param: str) -> Row:
        """Give the card that `name` means: a test card becomes the customer's, an id has to be the customer's."""
        held = self._account.tables.payment_methods.rows.get(name)
        if held is None:
            self.check(name, param)
            return self._attach(customer, self._make(name))
        if held["customer"] != customer["id"]:
            raise InvalidRequestError(
                f"The customer does not have a payment method with the ID {name}. The payment method must be attached "
                "to "
                "the customer.",
                param,
                "resource_missing",
            )
        return held

    def attach(self, name: str, params: PaymentMethodAttach) -> Row:
        """Give a customer a card: a test card by its name, or one that was detached."""
        customer = self._account.tables.customers.named(params.customer, "customer")
        held = self._account.tables.payment_methods.rows.get(name)
        if held is None and name not in TEST_CARDS:
            raise ResourceMissing("PaymentMethod", name, "payment_method")
        if held is None:
            self.check(name, "payment_method")
            return self._attach(customer, self._make(name))
        if held["customer"] not in (None, customer["id"]):
            raise InvalidRequestError(
                "The payment method you provided has already been attached to a customer.",
                code="payment_method_already_attached",
            )
        return held if held["customer"] else self._attach(customer, held)

    def detach(self, method_id: str, params: Params) -> Row:
        """Take a card from its customer, who cannot pay with it any more."""
        row = self._account.tables.payment_methods.get(method_id)
        if row["customer"] is None:
            raise InvalidRequestError(
                "The payment method you provided is not attached to a customer so detachment is impossible."
            )
        customer = self._account.tables.customers.rows[row["customer"]]
        settings = customer.get("invoice_settings")
        if settings is not None and settings["default_payment_method"] == method_id:
            settings["default_payment_method"] = None
        if customer.get("default_source") == method_id:
            customer["default_source"] = None
        with self._account.updating(row, "payment_method.detached"):
            row["customer"] = None
        return row

    def page(self, params: PaymentMethodList) -> Page:
        """List cards, as of one customer."""
        return self._account.tables.payment_methods.page(
            params,
            lambda row: params.customer in (None, row["customer"]) and params.type in (None, row["type"]),
        )

    def default(self, customer: Row, *preferred: str | None) -> Row | None:
        """Give the card that pays: the first of `preferred` that there is, else the customer's default."""
        settings = customer.get("invoice_settings") or {}
        candidates = (*preferred, settings.get("default_payment_method"), customer.get("default_source"))
        rows = self._account.tables.payment_methods.rows
        return next((rows[name] for name in candidates if name in rows), None)

    def _make(self, token: str) -> Row:
        row = objects.payment_method(self._account.new_id("pm_1", 23), self._account.now(), TEST_CARDS[token], token)
        return self._account.add(self._account.tables.payment_methods, row)

    def _attach(self, customer: Row, row: Row) -> Row:
        row["customer"] = customer["id"]
        self._account.emit("payment_method.attached", row)
        return row
