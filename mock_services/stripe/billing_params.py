"""The parameters of operations on subscriptions and invoices, in the terms of `params`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mock_services.stripe.params import (
    Collection,
    CreatedListing,
    Listing,
    Params,
    PriceData,
    Proration,
)
from mock_services.stripe.values import (
    Amount,
    Array,
    Clearable,
    Count,
    Currency,
    Erasable,
    Flag,
    Integer,
    Metadata,
    Moment,
    Number,
    Part,
    Range,
    Text,
    names,
)

_ACCOUNTING = "account_tax_ids custom_fields customer_account effective_at issuer number rendering shipping_details"


class SubscriptionItem(Part):
    """A price that a new subscription has."""

    unused = ("current_trial",)
    unserved = ("billing_thresholds", "discounts", "tax_rates")

    price: Text | None = None
    plan: Text | None = None
    price_data: PriceData | None = None
    quantity: Count = 1
    metadata: Metadata | None = None


class ItemChange(SubscriptionItem):
    """A change to an item of a subscription: without `id` it is a new item."""

    id: Text | None = None
    deleted: Flag = False
    clear_usage: Flag = False


class PaymentSettings(Part):
    """How a subscription's payments are made."""

    payment_method_options: dict[str, Any] | None = None
    payment_method_types: Array[Text] | None = None
    save_default_payment_method: Literal["off", "on_subscription"] | None = None


class CancellationDetails(Part):
    """Why a subscription ends."""

    comment: Clearable = None
    feedback: Clearable = None


class PauseCollection(Part):
    """What happens to the invoices of a paused subscription."""

    behavior: Literal["keep_as_draft", "mark_uncollectible", "void"]
    resumes_at: Integer | None = None


class SubscriptionUpdate(Params):
    """`POST /v1/subscriptions/{id}`."""

    unused = names(
        "customer_account default_source invoice_settings off_session on_behalf_of payment_behavior "
        "pending_invoice_item_interval"
        " trial_from_plan trial_settings"
    )
    unserved = names(
        "add_invoice_items application_fee_percent automatic_tax billing_schedules billing_thresholds coupon"
        " default_tax_rates discounts promotion_code proration_date transfer_data"
    )

    billing_cycle_anchor: Literal["now", "unchanged"] = "unchanged"
    cancel_at: Moment = None
    cancel_at_period_end: Flag = False
    cancellation_details: CancellationDetails | None = None
    collection_method: Collection = "charge_automatically"
    days_until_due: Count | None = None
    default_payment_method: Clearable = None
    description: Clearable = None
    items: Array[ItemChange] = Field(default_factory=list)
    metadata: Metadata | None = None
    pause_collection: Erasable[PauseCollection] = None
    payment_settings: PaymentSettings | None = None
    proration_behavior: Proration = "create_prorations"
    trial_end: Moment = None


class SubscriptionCreate(Params):
    """`POST /v1/subscriptions`."""

    unused = names(
        "billing_mode customer_account default_source invoice_settings off_session on_behalf_of "
        "pending_invoice_item_interval"
        " proration_behavior trial_settings"
    )
    unserved = names(
        "add_invoice_items application_fee_percent automatic_tax backdate_start_date billing_cycle_anchor"
        " billing_cycle_anchor_config billing_schedules billing_thresholds coupon default_tax_rates discounts "
        "promotion_code"
        " transfer_data"
    )

    customer: Text
    items: Array[SubscriptionItem]
    cancel_at: Moment = None
    cancel_at_period_end: Flag = False
    collection_method: Collection = "charge_automatically"
    currency: Currency | None = None
    days_until_due: Count | None = None
    default_payment_method: Clearable = None
    description: Clearable = None
    metadata: Metadata | None = None
    payment_behavior: Literal["allow_incomplete", "default_incomplete", "error_if_incomplete"] = "allow_incomplete"
    payment_settings: PaymentSettings | None = None
    trial_end: Moment = None
    trial_from_plan: Flag = False
    trial_period_days: Count | None = None


class SubscriptionCancel(Params):
    """`DELETE /v1/subscriptions/{id}`."""

    cancellation_details: CancellationDetails | None = None
    invoice_now: Flag = False
    prorate: Flag = False


class SubscriptionList(CreatedListing):
    """`GET /v1/subscriptions`."""

    unused = ("automatic_tax", "customer_account", "test_clock")

    collection_method: Collection | None = None
    current_period_end: Range | None = None
    current_period_start: Range | None = None
    customer: Text | None = None
    plan: Text | None = None
    price: Text | None = None
    status: (
        Literal[
            "active",
            "all",
            "canceled",
            "ended",
            "incomplete",
            "incomplete_expired",
            "past_due",
            "paused",
            "trialing",
            "unpaid",
        ]
        | None
    ) = None


class ItemList(Listing):
    """`GET /v1/subscription_items`."""

    subscription: Text


class UsageRecord(Params):
    """`POST /v1/subscription_items/{id}/usage_records`, which API versions before basil have."""

    quantity: Count
    action: Literal["increment", "set"] = "increment"
    timestamp: Moment = "now"


class Period(Part):
    """A span of time that an invoice item is for, in Unix seconds."""

    start: Integer
    end: Integer


class Pricing(Part):
    """The price of an invoice item, from basil on."""

    price: Text | None = None


class InvoiceItemUpdate(Params):
    """`POST /v1/invoiceitems/{id}`."""

    unused = names("customer_account discountable invoicing_rules tax_behavior tax_code")
    unserved = names("discounts quantity_decimal tax_rates")

    amount: Amount | None = None
    description: Clearable = None
    metadata: Metadata | None = None
    period: Period | None = None
    price: Text | None = None
    price_data: PriceData | None = None
    pricing: Pricing | None = None
    quantity: Count | None = None
    unit_amount: Amount | None = None
    unit_amount_decimal: Number | None = None


class InvoiceItemCreate(InvoiceItemUpdate):
    """`POST /v1/invoiceitems`."""

    customer: Text
    currency: Currency | None = None
    invoice: Text | None = None
    metadata: Metadata | None = None
    subscription: Text | None = None


class InvoiceItemList(CreatedListing):
    """`GET /v1/invoiceitems`."""

    unused = ("customer_account",)

    customer: Text | None = None
    invoice: Text | None = None
    pending: Flag | None = None


class InvoiceUpdate(Params):
    """`POST /v1/invoices/{id}`."""

    unused = names(
        f"{_ACCOUNTING} automatically_finalizes_at default_source on_behalf_of payment_settings statement_descriptor"
    )
    unserved = names(
        "application_fee_amount automatic_tax default_tax_rates discounts from_invoice shipping_cost transfer_data"
    )

    auto_advance: Flag = False
    collection_method: Collection = "charge_automatically"
    days_until_due: Count | None = None
    default_payment_method: Clearable = None
    description: Clearable = None
    due_date: Integer | None = None
    footer: Clearable = None
    metadata: Metadata | None = None


class InvoiceCreate(InvoiceUpdate):
    """`POST /v1/invoices`."""

    customer: Text
    currency: Currency | None = None
    metadata: Metadata | None = None
    pending_invoice_items_behavior: Literal["exclude", "include", "include_and_require"] = "exclude"
    subscription: Text | None = None


class InvoiceFinalize(Params):
    """`POST /v1/invoices/{id}/finalize`."""

    auto_advance: Flag | None = None


class InvoicePay(Params):
    """`POST /v1/invoices/{id}/pay`."""

    unused = ("mandate", "off_session")
    unserved = ("forgive",)

    paid_out_of_band: Flag = False
    payment_method: Text | None = None
    source: Text | None = None


class InvoiceList(CreatedListing):
    """`GET /v1/invoices`."""

    unused = ("customer_account",)

    collection_method: Collection | None = None
    customer: Text | None = None
    due_date: Range | None = None
    status: Literal["draft", "open", "paid", "uncollectible", "void"] | None = None
    subscription: Text | None = None
