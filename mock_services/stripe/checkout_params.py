"""The parameters of checkout and of the billing portal, in the terms of `params`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_services.stripe.params import CreatedListing, Params, PriceData
from mock_services.stripe.values import (
    Array,
    Clearable,
    Count,
    Email,
    Flag,
    Integer,
    Metadata,
    Moment,
    Part,
    Text,
    WebUrl,
    names,
)


class LineItem(Part):
    """A position that a customer checks out."""

    unused = ("adjustable_quantity", "metadata")
    unserved = ("dynamic_tax_rates", "tax_rates")

    price: Text | None = None
    price_data: PriceData | None = None
    quantity: Count = 1


class SubscriptionData(Part):
    """What the subscription of a checkout session is to have."""

    unused = names("billing_mode invoice_settings on_behalf_of pending_invoice_item_interval trial_settings")
    unserved = names("application_fee_percent billing_cycle_anchor default_tax_rates proration_behavior transfer_data")

    description: Clearable = None
    metadata: Metadata | None = None
    trial_end: Moment = None
    trial_period_days: Count | None = None


class CheckoutCreate(Params):
    """`POST /v1/checkout/sessions`."""

    unused = names(
        "adaptive_pricing after_expiration allowed_payment_method_types branding_settings consent_collection currency"
        " custom_fields custom_text customer_account customer_creation customer_update excluded_payment_method_types"
        " integration_identifier managed_payments name_collection origin_context payment_method_configuration"
        " payment_method_data payment_method_options permissions phone_number_collection redirect_on_completion"
        " saved_payment_method_options setup_intent_data shipping_address_collection tax_id_collection wallet_options"
    )
    unserved = names("automatic_tax discounts invoice_creation optional_items payment_intent_data shipping_options")

    mode: Literal["payment", "setup", "subscription"]
    allow_promotion_codes: Flag | None = None
    billing_address_collection: Literal["auto", "required"] | None = None
    cancel_url: WebUrl | None = None
    client_reference_id: Text | None = None
    customer: Text | None = None
    customer_email: Email = None
    expires_at: Integer | None = None
    line_items: Array[LineItem] = Field(default_factory=list)
    locale: Text | None = None
    metadata: Metadata | None = None
    payment_method_collection: Literal["always", "if_required"] = "always"
    payment_method_types: Array[Text] = Field(default_factory=list)
    return_url: WebUrl | None = None
    submit_type: Literal["auto", "book", "donate", "pay", "subscribe"] | None = None
    subscription_data: SubscriptionData = Field(default_factory=SubscriptionData)
    success_url: WebUrl | None = None
    ui_mode: Literal["custom", "elements", "embedded", "embedded_page", "form", "hosted", "hosted_page"] = "hosted"


class CheckoutList(CreatedListing):
    """`GET /v1/checkout/sessions`."""

    unused = ("customer_account", "payment_intent", "payment_link")

    customer: Text | None = None
    customer_details: dict[str, str] | None = None
    status: Literal["open", "complete", "expired"] | None = None
    subscription: Text | None = None


class PortalCreate(Params):
    """`POST /v1/billing_portal/sessions`."""

    unused = ("after_expiration", "customer_account", "flow_data", "on_behalf_of")

    customer: Text
    configuration: Text | None = None
    locale: Text | None = None
    return_url: WebUrl | None = None
