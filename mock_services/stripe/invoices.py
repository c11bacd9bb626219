"""Invoices: from a draft to open to paid or void, and the payments of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mock_services.stripe import billing_objects, objects
from mock_services.stripe.billing_params import (
    InvoiceCreate,
    InvoiceFinalize,
    InvoiceList,
    InvoicePay,
    InvoiceUpdate,
)
from mock_services.stripe.cards import TEST_CARDS
from mock_services.stripe.customers import PaymentMethods
from mock_services.stripe.errors import CardError, InvalidRequestError
from mock_services.stripe.models import Account, Page, Row, paginate
from mock_services.stripe.params import Listing, Params, PaymentIntentConfirm
from mock_services.stripe.values import merge_metadata

DAY_S = 86_400
Outcome = Literal["paid", "failed", "void"]
UPDATABLE = ("auto_advance", "collection_method", "description", "footer")


def no_payment_method() -> InvalidRequestError:
    """Say that there is no card to charge."""
    return InvalidRequestError(
        "This customer has no attached payment source or default payment method. Please consider adding a default "
        "payment "
        "method. For more information, visit "
        "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
        code="resource_missing",
    )


class Invoices:
    """`/v1/invoices`, and `/v1/payment_intents`, which exist for invoices only."""

    def __init__(self, account: Account, methods: PaymentMethods) -> None:
        self._account = account
        self._methods = methods
        self.on_outcome: Callable[[Row, Outcome], None] = lambda invoice, outcome: None

    # What subscriptions use

    def draft(self, customer: Row, currency: str, lines: list[Row], subscription: Row | None = None) -> Row:
        """Make a draft; `announce` says so to webhooks."""
        row = billing_objects.invoice(self._account.new_id("in_1", 23), self._account.now(), customer, currency, lines)
        if subscription is not None:
            row["subscription"] = subscription["id"]
            row["subscription_details"] = {"metadata": subscription["metadata"]}
            details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
            row["parent"] = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
        billing_objects.totals(row, customer["balance"])
        for line in lines:
            if line["invoice_item"] is not None:
                self._account.tables.invoice_items.rows[line["invoice_item"]]["invoice"] = row["id"]
        return self._account.add(self._account.tables.invoices, row)

    def announce(self, row: Row) -> None:
        """Emit the draft's first event."""
        self._account.emit("invoice.created", row)

    def pending_lines(self, customer: Row, currency: str, subscription: Row | None) -> list[Row]:
        """Give the positions that a customer's items without an invoice become, oldest first."""
        return [
            billing_objects.line_of_invoice_item(self._account.new_id("il_1", 23), item)
            for item in self._account.tables.invoice_items.rows.values()
            if item["customer"] == customer["id"]
            and item["invoice"] is None
            and item["currency"] == currency
            and item["subscription"] in (None, subscription and subscription["id"])
        ]

    def open(self, row: Row) -> None:
        """Finalize a draft: it gets its number and its payment, and is paid at once where nothing is due."""
        now = self._account.now()
        customer = self._account.tables.customers.named(row["customer"], "customer")
        billing_objects.totals(row, customer["balance"])
        row["ending_balance"] = customer["balance"] = min(row["total"] + customer["balance"], 0)
        row["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
        customer["next_invoice_sequence"] += 1
        customer["currency"] = customer["currency"] or row["currency"]
        page = f"https://invoice.stripe.com/i/{billing_objects.ACCOUNT_ID}/test_{row['id'].removeprefix('in_')}"
        row.update(status="open", effective_at=now, hosted_invoice_url=page, invoice_pdf=f"{page}/pdf")
        row["status_transitions"]["finalized_at"] = now
        if row["amount_due"] > 0:
            secret = self._account.draw("client secret", 25)
            intent = objects.payment_intent(self._account.new_id("pi_3", 23), now, secret, row)
            row["payment_intent"] = self._account.add(self._account.tables.payment_intents, intent)["id"]
            self._account.emit("payment_intent.created", intent)
        self._account.emit("invoice.finalized", row)
        if row["amount_due"] == 0:
            self._paid(row)

    def charge(self, row: Row, method: Row | None) -> None:
        """Try to collect an open invoice. Raises the bank's refusal, after it was noted and told to webhooks."""
        refusal = None if method is None else TEST_CARDS[method["_token"]].charge
        row["attempted"] = True
        row["attempt_count"] += 1
        intent = self._account.tables.payment_intents.rows.get(row["payment_intent"] or "")
        if method is not None and refusal is None:
            if intent is not None:
                intent.update(status="succeeded", amount_received=intent["amount"], payment_method=method["id"])
                intent["last_payment_error"] = None
                intent["_paid_at"] = self._account.now()
                self._account.emit("payment_intent.succeeded", intent)
            self._paid(row)
            return
        if intent is not None and refusal is not None and method is not None:
            error = refusal.error().body()["error"]
            intent["last_payment_error"] = {**error, "payment_method": {"id": method["id"], "object": "payment_method"}}
            self._account.emit("payment_intent.payment_failed", intent)
        self._account.emit("invoice.payment_failed", row)
        self.on_outcome(row, "failed")
        if refusal is not None:
            raise refusal.error()
        raise no_payment_method()

    def default_method(self, row: Row) -> Row | None:
        """Give the card that pays an invoice if none is named: its own, its subscription's or its customer's."""
        customer = self._account.tables.customers.rows[row["customer"]]
        subscription = self._account.tables.subscriptions.rows.get(row["subscription"] or "", {})
        return self._methods.default(
            customer, row["default_payment_method"], subscription.get("default_payment_method")
        )

    def cancel(self, row: Row) -> None:
        """Void an open invoice, with its payment."""
        row["status"] = "void"
        row["auto_advance"] = False
        row["status_transitions"]["voided_at"] = self._account.now()
        self._cancel_payment(row)
        self._account.emit("invoice.voided", row)

    # Operations

    def create(self, params: InvoiceCreate) -> Row:
        """Make a draft for what a customer owes."""
        customer = self._account.tables.customers.named(params.customer, "customer")
        subscription = None
        if params.subscription is not None:
            subscription = self._account.tables.subscriptions.named(params.subscription, "subscription")
        currency = params.currency or (subscription or {}).get("currency") or customer["currency"] or "usd"
        includes = params.pending_invoice_items_behavior != "exclude" or subscription is not None
        lines = self.pending_lines(customer, currency, subscription) if includes else []
        method = None
        if params.default_payment_method is not None:
            method = self._methods.adopt(customer, params.default_payment_method, "default_payment_method")
        row = self.draft(customer, currency, lines, subscription)
        row.update(params.given(*UPDATABLE))
        row["metadata"] = merge_metadata({}, params.metadata)
        row["default_payment_method"] = method and method["id"]
        self._set_due(row, params)
        self.announce(row)
        return row

    def update(self, invoice_id: str, params: InvoiceUpdate) -> Row:
        """Change an invoice; once it is finalized, only what does not concern its amount or collection."""
        row = self._account.tables.invoices.get(invoice_id)
        changes = params.model_fields_set - {"expand", "metadata", "auto_advance", "default_payment_method"}
        if row["status"] != "draft" and changes:
            raise InvalidRequestError(
                f"Finalized invoices can't be updated in this way: {', '.join(sorted(changes))}",
                code="invoice_not_editable",
            )
        customer = self._account.tables.customers.rows[row["customer"]]
        with self._account.updating(row, "invoice.updated"):
            row.update(params.given(*UPDATABLE))
            row["metadata"] = merge_metadata(row["metadata"], params.metadata)
            if params.default_payment_method is not None:
                method = self._methods.adopt(customer, params.default_payment_method, "default_payment_method")
                row["default_payment_method"] = method["id"]
            elif "default_payment_method" in params.model_fields_set:
                row["default_payment_method"] = None
            self._set_due(row, params)
        return row

    def delete(self, invoice_id: str, params: Params) -> Row:
        """Delete a draft that no subscription made; its items are pending again."""
        row = self._account.tables.invoices.get(invoice_id)
        if row["status"] != "draft":
            raise InvalidRequestError("You can only delete draft invoices.", code="invoice_not_editable")
        if row["subscription"] is not None:
            raise InvalidRequestError(
                "You can't delete invoices created by subscriptions.", code="invoice_not_editable"
            )
        del self._account.tables.invoices.rows[invoice_id]
        for item in self._account.tables.invoice_items.rows.values():
            if item["invoice"] == invoice_id:
                item["invoice"] = None
        self._account.emit("invoice.deleted", row)
        return {"id": invoice_id, "object": "invoice", "deleted": True}

    def finalize(self, invoice_id: str, params: InvoiceFinalize) -> Row:
        """Finalize a draft; where it advances by itself and a card is there, the card is charged at once."""
        row = self._account.tables.invoices.get(invoice_id)
        if row["status"] != "draft":
            raise InvalidRequestError("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
        if row["collection_method"] == "send_invoice" and row["due_date"] is None:
            raise InvalidRequestError(
                "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'."
            )
        row.update(params.given("auto_advance"))
        self.open(row)
        if row["auto_advance"] and row["collection_method"] == "charge_automatically" and row["status"] == "open":
            self.try_to_charge(row)
        return row

    def try_to_charge(self, row: Row) -> None:
        """Charge as Stripe does by itself: a refusal is noted on the invoice and told to webhooks, and that is all."""
        try:
            self.charge(row, self.default_method(row))
        except InvalidRequestError:
            return  # no card: `charge` has emitted invoice.payment_failed
        except CardError:
            return  # the bank said no, likewise

    def pay(self, invoice_id: str, params: InvoicePay) -> Row:
        """Pay an invoice, by a card or outside of Stripe."""
        row = self._account.tables.invoices.get(invoice_id)
        if row["status"] == "paid":
            raise InvalidRequestError("Invoice is already paid")
        if row["status"] not in ("draft", "open", "uncollectible"):
            raise InvalidRequestError("This invoice can no longer be paid")
        name = params.payment_method or params.source
        customer = self._account.tables.customers.named(row["customer"], "customer")
        method = self._methods.adopt(customer, name, "payment_method") if name else self.default_method(row)
        if not params.paid_out_of_band and method is None:
            raise InvalidRequestError(
                "There is no `default_payment_method` set on this Customer or Invoice. Please set the appropriate "
                "default "
                "payment method and try again."
            )
        if row["status"] == "draft":
            self.open(row)
        if row["status"] == "paid":
            return row
        if params.paid_out_of_band:
            row["paid_out_of_band"] = True
            self._cancel_payment(row)
            self._paid(row)
        else:
            self.charge(row, method)
        return row

    def void(self, invoice_id: str, params: Params) -> Row:
        """Take back an open invoice."""
        row = self._account.tables.invoices.get(invoice_id)
        if row["status"] not in ("open", "uncollectible"):
            raise InvalidRequestError("You can only pass in open invoices. This invoice isn't open.")
        self.cancel(row)
        self.on_outcome(row, "void")
        return row

    def page(self, params: InvoiceList) -> Page:
        """List invoices."""
        return self._account.tables.invoices.page(
            params,
            lambda row: (
                params.collection_method in (None, row["collection_method"])
                and params.customer in (None, row["customer"])
                and (params.due_date is None or (row["due_date"] is not None and params.due_date.hold(row["due_date"])))
                and params.status in (None, row["status"])
                and params.subscription in (None, row["subscription"])
            ),
        )

    def lines(self, invoice_id: str, params: Listing) -> Page:
        """List an invoice's positions."""
        lines = self._account.tables.invoices.get(invoice_id)["lines"]
        return paginate(iter(lines["data"]), lambda row: True, params, lines["url"])

    def confirm(self, intent_id: str, params: PaymentIntentConfirm) -> Row:
        """Pay as the customer's browser does: with a card, which the subscription keeps if it is set to."""
        intent = self._account.tables.payment_intents.get(intent_id)
        if intent["status"] != "requires_payment_method":
            raise InvalidRequestError(
                f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
            )
        customer = self._account.tables.customers.named(intent["customer"], "customer")
        if params.payment_method is None:
            raise InvalidRequestError(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the "
                "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
                "payment "
                "method or ConfirmationToken.",
                code="payment_intent_unexpected_state",
            )
        method = self._methods.adopt(customer, params.payment_method, "payment_method")
        invoice = self._account.tables.invoices.rows[intent["invoice"]]
        subscription = self._account.tables.subscriptions.rows.get(invoice["subscription"] or "")
        self.charge(invoice, method)
        if (
            subscription is not None
            and subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
        ):
            subscription["default_payment_method"] = method["id"]
        return intent

    def _cancel_payment(self, row: Row) -> None:
        intent = self._account.tables.payment_intents.rows.get(row["payment_intent"] or "")
        if intent is not None:
            intent.update(status="canceled", canceled_at=self._account.now(), cancellation_reason="void_invoice")
            self._account.emit("payment_intent.canceled", intent)

    def _paid(self, row: Row) -> None:
        row.update(status="paid", paid=True, attempted=True, auto_advance=False)
        row.update(amount_paid=row["amount_due"], amount_remaining=0)
        row["status_transitions"]["paid_at"] = self._account.now()
        if not row["paid_out_of_band"]:
            paid = self._account.paid
            paid[row["currency"]] = paid.get(row["currency"], 0) + row["amount_paid"]
        self._account.emit("invoice.paid", row)
        self._account.emit("invoice.payment_succeeded", row)
        self.on_outcome(row, "paid")

    def _set_due(self, row: Row, params: InvoiceUpdate) -> None:
        if params.days_until_due is not None:
            row["due_date"] = self._account.now() + params.days_until_due * DAY_S
        elif params.due_date is not None:
            row["due_date"] = params.due_date
