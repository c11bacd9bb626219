"""Subscriptions: from the first invoice over changes to the end."""

from __future__ import annotations

from mock_services.stripe import billing_objects
from mock_services.stripe.billing_params import (
    SubscriptionCancel,
    SubscriptionCreate,
    SubscriptionList,
    SubscriptionUpdate,
)
from mock_services.stripe.cards import TEST_CARDS
from mock_services.stripe.customers import PaymentMethods
from mock_services.stripe.errors import InvalidRequestError, ResourceMissing
from mock_services.stripe.invoices import DAY_S, Invoices, Outcome, no_payment_method
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.subscription_items import SubscriptionItems, check_alike, interval, period_amount, rate
from mock_services.stripe.values import merge_metadata

ENDED = ("canceled", "incomplete_expired")
CREATED_FIELDS = ("collection_method", "days_until_due", "description")
UPDATED_FIELDS = CREATED_FIELDS


class Subscriptions:
    """`/v1/subscriptions`."""

    def __init__(self, account: Account, methods: PaymentMethods, invoices: Invoices, items: SubscriptionItems) -> None:
        self._account = account
        self._methods = methods
        self._invoices = invoices
        self._items = items
        invoices.on_outcome = self._follow

    def create(self, params: SubscriptionCreate, sold: list[Row] | None = None) -> Row:
        """Subscribe a customer; the first invoice is made at once, and charged unless the client is to confirm it.

        `sold` are the items' prices where a checkout session has settled them before.
        """
        customer = self._account.tables.customers.named(params.customer, "customer")
        if not params.items:
            raise InvalidRequestError("Missing required param: items.", "items", "parameter_missing")
        if params.collection_method == "send_invoice" and params.days_until_due is None:
            raise InvalidRequestError(
                "If invoice collection method is 'send_invoice', you must specify 'days_until_due'.", "days_until_due"
            )
        self._check_times(params)
        prices = sold or [
            self._items.price(item.price or item.plan, item.price_data, f"items[{index}]")
            for index, item in enumerate(params.items)
        ]
        check_alike(prices)
        method = self._adopt(customer, params.default_payment_method)
        payer = method or self._methods.default(customer)
        trial_end = self._trial_end(params, prices)
        due = self._first_amount(customer, params, prices, trial_end)
        automatic = params.collection_method == "charge_automatically" and due > 0
        refusal = None if payer is None else TEST_CARDS[payer["_token"]].charge
        if automatic and params.payment_behavior != "default_incomplete":
            if payer is None:
                raise no_payment_method()
            if refusal is not None and params.payment_behavior == "error_if_incomplete":
                raise refusal.error()
        waits = automatic and (params.payment_behavior == "default_incomplete" or payer is None or refusal is not None)

        row = self._make(customer, params, prices, trial_end)
        row["default_payment_method"] = method and method["id"]
        row["status"] = "trialing" if trial_end else "incomplete" if waits else "active"
        invoice = self._invoice(customer, row, "subscription_create")
        self._account.emit("customer.subscription.created", row)
        self._invoices.announce(invoice)
        if params.collection_method == "charge_automatically":
            self._invoices.open(invoice)
            if automatic and params.payment_behavior != "default_incomplete":
                self._invoices.try_to_charge(invoice)
        return row

    def update(self, subscription_id: str, params: SubscriptionUpdate) -> Row:
        """Change a subscription. What a change of items costs or gives back goes to an invoice now or the next one."""
        row = self._account.tables.subscriptions.get(subscription_id)
        if row["status"] in ENDED and params.model_fields_set - {"cancellation_details", "expand", "metadata"}:
            raise InvalidRequestError("A canceled subscription can only update its cancellation_details and metadata.")
        if row["status"] == "incomplete" and (params.items or params.trial_end or params.billing_cycle_anchor == "now"):
            raise InvalidRequestError(
                "This subscription is incomplete: its first invoice has to be paid before its items or periods can "
                "change."
            )
        self._check_times(params)
        changes = self._items.plan(row, params) if params.items else None
        customer = self._account.tables.customers.rows[row["customer"]]
        method = self._adopt(customer, params.default_payment_method)
        invoice = None
        with self._account.updating(row, "customer.subscription.updated"):
            prorates = params.proration_behavior != "none" and row["status"] in ("active", "past_due")
            begins = self._change_trial(row, params) or params.billing_cycle_anchor == "now"
            if changes is not None:
                begins = begins or changes.new_period
                self._items.apply(row, changes, prorates=prorates)
            if begins:
                self._begin_period(row)
            if params.model_fields_set & {"cancel_at", "cancel_at_period_end"}:
                self._set_end(row, params.cancel_at_period_end, params.cancel_at)
            self._change_details(row, params)
            if "default_payment_method" in params.model_fields_set:
                row["default_payment_method"] = method and method["id"]
            owes = bool(self._invoices.pending_lines(customer, row["currency"], row))
            if begins or (changes is not None and owes and params.proration_behavior == "always_invoice"):
                invoice = self._invoice(customer, row, "subscription_update", with_items=begins)
        if invoice is not None:
            self._collect(invoice)
        return row

    def cancel(self, subscription_id: str, params: SubscriptionCancel) -> Row:
        """End a subscription now."""
        row = self._account.tables.subscriptions.get(subscription_id)
        if row["status"] in ENDED:
            raise ResourceMissing("subscription", subscription_id, "id")
        customer = self._account.tables.customers.rows[row["customer"]]
        if params.prorate and row["status"] == "active":
            for item in row["items"]["data"]:
                self._items.credit(row, item)
        invoice = None
        if params.invoice_now:
            invoice = self._invoice(customer, row, "subscription_update", with_items=False)
        self._end(row)
        details = params.cancellation_details
        row["cancellation_details"] = {
            "comment": details and details.comment,
            "feedback": details and details.feedback,
            "reason": "cancellation_requested",
        }
        if invoice is not None:
            self._collect(invoice)
        self._account.emit("customer.subscription.deleted", row)
        return row

    def cancel_all(self, customer_id: str) -> None:
        """End what a customer has, since the customer is going to be deleted."""
        for row in list(self._account.tables.subscriptions.rows.values()):
            if row["customer"] == customer_id and row["status"] not in ENDED:
                self.cancel(row["id"], SubscriptionCancel())

    def page(self, params: SubscriptionList) -> Page:
        """List subscriptions: those that have ended only if they are asked for."""
        wanted = params.price or params.plan
        starts, ends = params.current_period_start, params.current_period_end

        def keep(row: Row) -> bool:
            ended = row["status"] in ENDED
            by_status = {"all": True, "ended": ended, None: not ended}.get(
                params.status, row["status"] == params.status
            )
            return (
                by_status
                and params.customer in (None, row["customer"])
                and params.collection_method in (None, row["collection_method"])
                and (wanted is None or any(item["price"]["id"] == wanted for item in row["items"]["data"]))
                and (starts is None or starts.hold(row["current_period_start"]))
                and (ends is None or ends.hold(row["current_period_end"]))
            )

        return self._account.tables.subscriptions.page(params, keep)

    def _adopt(self, customer: Row, name: str | None) -> Row | None:
        return None if name is None else self._methods.adopt(customer, name, "default_payment_method")

    def _check_times(self, params: SubscriptionCreate | SubscriptionUpdate) -> None:
        if params.cancel_at_period_end and params.cancel_at is not None:
            raise InvalidRequestError(
                "You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at"
            )
        for name in ("cancel_at", "trial_end"):
            moment = getattr(params, name)
            if (moment == "now" and name == "cancel_at") or (isinstance(moment, int) and moment <= self._account.now()):
                raise InvalidRequestError("Invalid timestamp: must be in the future", name)

    def _trial_end(self, params: SubscriptionCreate, prices: list[Row]) -> int | None:
        days = params.trial_period_days
        if days is None and params.trial_from_plan:
            days = prices[0]["recurring"]["trial_period_days"]
        if days:
            return self._account.now() + days * DAY_S
        return params.trial_end if isinstance(params.trial_end, int) else None

    def _first_amount(self, customer: Row, params: SubscriptionCreate, prices: list[Row], trial_end: int | None) -> int:
        """What the first invoice is going to ask for, so that a refusal comes before anything is made."""
        pending = sum(line["amount"] for line in self._invoices.pending_lines(customer, prices[0]["currency"], None))
        amounts = [period_amount(price, item.quantity) for price, item in zip(prices, params.items, strict=True)]
        total: int = pending + customer["balance"] + (0 if trial_end else sum(amounts))
        return max(total, 0)

    def _make(self, customer: Row, params: SubscriptionCreate, prices: list[Row], trial_end: int | None) -> Row:
        now, currency = self._account.now(), prices[0]["currency"]
        row = billing_objects.subscription(self._account.new_id("sub_1", 23), now, customer, currency)
        row.update(params.given(*CREATED_FIELDS))
        row["metadata"] = merge_metadata({}, params.metadata)
        row["current_period_end"] = trial_end or billing_objects.period_end(now, *interval(prices[0]))
        if trial_end:
            row.update(trial_start=now, trial_end=trial_end, billing_cycle_anchor=trial_end)
        if params.payment_settings is not None:
            row["payment_settings"] |= params.payment_settings.given()
        self._account.add(self._account.tables.subscriptions, row)
        for price, wanted in zip(prices, params.items, strict=True):
            self._items.add(row, price, wanted)
        self._set_end(row, params.cancel_at_period_end, params.cancel_at)
        return row

    def _invoice(self, customer: Row, row: Row, reason: str, *, with_items: bool = True) -> Row:
        """Make the invoice of a period that begins, with what was pending; without its items, of that alone."""
        lines = self._invoices.pending_lines(customer, row["currency"], row)
        period = {"end": row["current_period_end"], "start": row["current_period_start"]}
        trial = row["status"] == "trialing"
        for item in row["items"]["data"] if with_items else []:
            price = item["price"]
            name = self._account.tables.products.rows[price["product"]]["name"]
            words = f"Trial period for {name}" if trial else f"{item['quantity'] or 0} × {name} ({rate(price)})"
            amount = 0 if trial else period_amount(price, item["quantity"])
            line_id = self._account.new_id("il_1", 23)
            lines.append(billing_objects.line_of_subscription_item(line_id, item, amount, words, period))
        invoice = self._invoices.draft(customer, row["currency"], lines, row)
        invoice.update(billing_reason=reason, collection_method=row["collection_method"], auto_advance=True)
        if row["collection_method"] == "send_invoice":
            invoice["due_date"] = self._account.now() + (row["days_until_due"] or 0) * DAY_S
        row["latest_invoice"] = invoice["id"]
        return invoice

    def _collect(self, invoice: Row) -> None:
        self._invoices.announce(invoice)
        self._invoices.open(invoice)
        if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
            self._invoices.try_to_charge(invoice)

    def _follow(self, invoice: Row, outcome: Outcome) -> None:
        """Follow what came of the last invoice: paid, it makes a subscription active, and failed, past due.

        An incomplete subscription whose only invoice is voided has expired.
        """
        row = self._account.tables.subscriptions.rows.get(invoice["subscription"] or "")
        if row is None or row["latest_invoice"] != invoice["id"]:
            return
        with self._account.updating(row, "customer.subscription.updated"):
            if outcome == "paid" and row["status"] in ("incomplete", "past_due", "unpaid"):
                row["status"] = "active"
            elif outcome == "failed" and row["status"] == "active":
                row["status"] = "past_due"
            elif outcome == "void" and row["status"] == "incomplete":
                row.update(status="incomplete_expired", ended_at=self._account.now())

    def _change_trial(self, row: Row, params: SubscriptionUpdate) -> bool:
        """Change the trial; whether it ends now, and the first paid period begins."""
        now = self._account.now()
        if params.trial_end == "now" and row["status"] == "trialing":
            row.update(status="active", trial_end=now)
            return True
        if isinstance(params.trial_end, int):
            end = params.trial_end
            row.update(status="trialing", trial_end=end, trial_start=row["trial_start"] or now)
            row.update(current_period_end=end, billing_cycle_anchor=end)
            for item in row["items"]["data"]:
                item["current_period_end"] = end
        return False

    def _begin_period(self, row: Row) -> None:
        now = self._account.now()
        end = billing_objects.period_end(now, *interval(row["items"]["data"][0]["price"]))
        row.update(billing_cycle_anchor=now, current_period_start=now, current_period_end=end)
        for item in row["items"]["data"]:
            item.update(current_period_start=now, current_period_end=end)

    def _set_end(self, row: Row, at_period_end: bool, cancel_at: int | str | None) -> None:
        when = row["current_period_end"] if at_period_end else cancel_at
        row["cancel_at_period_end"] = at_period_end
        row["cancel_at"] = when
        row["canceled_at"] = None if when is None else self._account.now()
        row["cancellation_details"]["reason"] = None if when is None else "cancellation_requested"

    def _change_details(self, row: Row, params: SubscriptionUpdate) -> None:
        row.update(params.given(*UPDATED_FIELDS))
        if "pause_collection" in params.model_fields_set:
            row["pause_collection"] = params.pause_collection and params.pause_collection.model_dump()
        if params.payment_settings is not None:
            row["payment_settings"] |= params.payment_settings.given()
        if params.cancellation_details is not None:
            row["cancellation_details"] |= params.cancellation_details.given()
        row["metadata"] = merge_metadata(row["metadata"], params.metadata)

    def _end(self, row: Row) -> None:
        now = self._account.now()
        latest = self._account.tables.invoices.rows.get(row["latest_invoice"] or "")
        if row["status"] == "incomplete" and latest is not None and latest["status"] == "open":
            self._invoices.cancel(latest)
        row.update(status="canceled", canceled_at=now, ended_at=now, cancel_at=None, cancel_at_period_end=False)
