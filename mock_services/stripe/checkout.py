"""Checkout sessions and the billing portal: pages of Stripe's that a customer is sent to, and what comes of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from mock_services.stripe import objects
from mock_services.stripe.billing_params import SubscriptionCreate, SubscriptionItem
from mock_services.stripe.checkout_params import CheckoutCreate, CheckoutList, PortalCreate
from mock_services.stripe.customers import Customers, PaymentMethods
from mock_services.stripe.errors import InvalidRequestError, NotServed
from mock_services.stripe.models import Account, Page, Row, paginate
from mock_services.stripe.params import CustomerCreate, Listing, Params, fit
from mock_services.stripe.subscription_items import SubscriptionItems, check_alike, period_amount
from mock_services.stripe.subscriptions import Subscriptions
from mock_services.stripe.values import merge_metadata

SHORTEST_S, LONGEST_S = 1_800, 86_400
KEPT_FIELDS = (
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "locale",
    "payment_method_collection",
    "return_url",
    "submit_type",
    "success_url",
)


class Completion(BaseModel):
    """What a customer enters on the page of a checkout session: the lab's stand-in for the browser."""

    model_config = ConfigDict(extra="forbid")

    payment_method: str = "pm_card_visa"
    email: str | None = None
    name: str | None = None
    country: Literal["US"] = "US"
    postal_code: str = "94107"


class Checkout:
    """`/v1/checkout/sessions` in subscription mode, and `/v1/billing_portal/sessions`."""

    def __init__(
        self,
        account: Account,
        customers: Customers,
        methods: PaymentMethods,
        items: SubscriptionItems,
        subscriptions: Subscriptions,
    ) -> None:
        self._account = account
        self._customers = customers
        self._methods = methods
        self._items = items
        self._subscriptions = subscriptions

    def create(self, params: CheckoutCreate) -> Row:
        """Open a page that sells a subscription."""
        if params.mode != "subscription":
            raise NotServed(f"checkout in mode {params.mode}", "mode")
        if params.ui_mode not in ("hosted", "hosted_page"):
            raise NotServed(f"checkout with ui_mode {params.ui_mode}", "ui_mode")
        if params.success_url is None:
            raise InvalidRequestError("Missing required param: success_url.", "success_url", "parameter_missing")
        if not params.line_items:
            raise InvalidRequestError("Missing required param: line_items.", "line_items", "parameter_missing")
        if params.customer is not None:
            self._account.tables.customers.named(params.customer, "customer")
            if params.customer_email is not None:
                raise InvalidRequestError(
                    "You may only specify one of these parameters: customer, customer_email.", "customer_email"
                )
        now = self._account.now()
        if params.expires_at is not None and not now + SHORTEST_S <= params.expires_at <= now + LONGEST_S:
            raise InvalidRequestError(
                "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session "
                "creation.",
                "expires_at",
            )
        prices = [
            self._items.price(line.price, line.price_data, f"line_items[{index}]")
            for index, line in enumerate(params.line_items)
        ]
        check_alike(prices)
        return self._open(params, prices, [line.quantity for line in params.line_items])

    def retrieve(self, session_id: str, params: Params | None = None) -> Row:
        """Give a session; one whose time is over has expired by now."""
        row = self._account.tables.sessions.get(session_id)
        self._expire_if_over(row)
        return row

    def expire(self, session_id: str, params: Params) -> Row:
        """Close an open session before anybody has paid."""
        row = self.retrieve(session_id)
        self._refuse_unless_open(row, "expired")
        self._expire(row)
        return row

    def page(self, params: CheckoutList) -> Page:
        """List sessions."""
        for row in self._account.tables.sessions.rows.values():
            self._expire_if_over(row)
        email = (params.customer_details or {}).get("email")
        return self._account.tables.sessions.page(
            params,
            lambda row: (
                params.customer in (None, row["customer"])
                and params.status in (None, row["status"])
                and params.subscription in (None, row["subscription"])
                and email in (None, (row["customer_details"] or {}).get("email"))
            ),
        )

    def line_items(self, session_id: str, params: Listing) -> Page:
        """List what a session sells."""
        rows = self._account.tables.sessions.get(session_id)["_line_items"]
        return paginate(iter(rows), lambda row: True, params, f"/v1/checkout/sessions/{session_id}/line_items")

    def complete(self, session_id: str, entered: Completion) -> Row:
        """Do what a customer does on the page: pay, and so become a subscriber. A declined card leaves it open."""
        row = self.retrieve(session_id)
        self._refuse_unless_open(row, "completed")
        self._methods.check(entered.payment_method, "payment_method")
        customer = self._payer(row, entered)
        method = self._methods.adopt(customer, entered.payment_method, "payment_method")
        lines = row["_line_items"]
        wanted = SubscriptionCreate.model_construct(
            customer=customer["id"],
            items=[SubscriptionItem.model_construct(quantity=line["quantity"]) for line in lines],
            default_payment_method=method["id"],
            payment_behavior="error_if_incomplete",
            **row["_subscription"],
        )
        subscription = self._subscriptions.create(wanted, [line["price"] for line in lines])
        row.update(
            status="complete",
            payment_status="paid" if row["amount_total"] else "no_payment_required",
            url=None,
            customer=customer["id"],
            subscription=subscription["id"],
            invoice=subscription["latest_invoice"],
            customer_details={
                "address": {
                    **dict.fromkeys(("city", "line1", "line2", "state")),
                    "country": entered.country,
                    "postal_code": entered.postal_code,
                },
                "email": customer["email"],
                "name": customer["name"],
                "phone": customer["phone"],
                "tax_exempt": customer["tax_exempt"],
                "tax_ids": [],
            },
        )
        self._account.emit("checkout.session.completed", row)
        return row

    def open_portal(self, params: PortalCreate) -> Row:
        """Open the page on which a customer manages what they pay. Nothing of it is kept."""
        customer = self._account.tables.customers.named(params.customer, "customer")
        return {
            "id": self._account.new_id("bps_1", 23),
            "object": "billing_portal.session",
            "configuration": params.configuration or "bpc_1LabPortalConfiguration",
            "created": self._account.now(),
            "customer": customer["id"],
            "flow": None,
            "livemode": False,
            "locale": params.locale,
            "on_behalf_of": None,
            "return_url": params.return_url,
            "url": f"https://billing.stripe.com/p/session/test_{self._account.draw('portal', 40)}",
        }

    def _open(self, params: CheckoutCreate, prices: list[Row], quantities: list[int]) -> Row:
        session_id = self._account.new_id("cs_test_a1", 56)
        url = f"https://checkout.stripe.com/c/pay/{session_id}"
        row = objects.checkout_session(session_id, self._account.now(), url)
        row.update(params.given(*KEPT_FIELDS))
        row["metadata"] = merge_metadata({}, params.metadata)
        row["payment_method_types"] = params.payment_method_types or ["card"]
        row["expires_at"] = params.expires_at or row["expires_at"]
        lines = [self._line(price, quantity, params) for price, quantity in zip(prices, quantities, strict=True)]
        row["currency"] = prices[0]["currency"]
        row["amount_subtotal"] = row["amount_total"] = sum(line["amount_total"] for line in lines)
        row["customer_creation"] = None if params.customer else "always"
        row["_line_items"] = lines
        row["_subscription"] = params.subscription_data.given()
        return self._account.add(self._account.tables.sessions, row)

    def _line(self, price: Row, quantity: int, params: CheckoutCreate) -> Row:
        trial = params.subscription_data.trial_period_days or params.subscription_data.trial_end
        amount = 0 if trial else period_amount(price, quantity)
        return {
            "id": self._account.new_id("li_1", 23),
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": price["currency"],
            "description": self._account.tables.products.rows[price["product"]]["name"],
            "price": price,
            "quantity": quantity,
        }

    def _payer(self, row: Row, entered: Completion) -> Row:
        if row["customer"] is not None:
            return self._account.tables.customers.named(row["customer"], "customer")
        email = row["customer_email"] or entered.email
        if email is None:
            raise InvalidRequestError("Missing required param: email.", "email", "parameter_missing")
        return self._customers.create(fit(CustomerCreate, {"email": email, "name": entered.name or ""}))

    def _refuse_unless_open(self, row: Row, verb: str) -> None:
        if row["status"] != "open":
            raise InvalidRequestError(
                f'Only Checkout Sessions with a status in ["open"] can be {verb}. '
                f"This Checkout Session has a status of `{row['status']}`.",
                "session",
            )

    def _expire_if_over(self, row: Row) -> None:
        if row["status"] == "open" and row["expires_at"] <= self._account.now():
            self._expire(row)

    def _expire(self, row: Row) -> None:
        row.update(status="expired", url=None)
        self._account.emit("checkout.session.expired", row)
