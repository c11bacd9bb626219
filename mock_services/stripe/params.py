"""The parameters that each operation takes.

A field is acted on or kept. What Stripe takes beside it is named `unused` where it has no effect here, and `unserved`
where it would change amounts or states in ways that the stub does not have: that is refused.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from mock_services.stripe.errors import misfit
from mock_services.stripe.values import (
    Amount,
    Array,
    Clearable,
    Count,
    Currency,
    Email,
    Erasable,
    Flag,
    Limit,
    Metadata,
    Number,
    Part,
    Range,
    Text,
    WebUrl,
    names,
)

Interval = Literal["day", "week", "month", "year"]
Collection = Literal["charge_automatically", "send_invoice"]
Proration = Literal["create_prorations", "none", "always_invoice"]


class Params(Part):
    """What every operation takes."""

    expand: Array[Text] = Field(default_factory=list)


P = TypeVar("P", bound=Params)


def fit(model: type[P], given: dict[str, Any]) -> P:
    """Read decoded parameters as `model`. Raises a `StripeError`."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise misfit(error) from None


class Listing(Params):
    """What every list takes."""

    limit: Limit = 10
    starting_after: Text | None = None
    ending_before: Text | None = None


class CreatedListing(Listing):
    """A list that can be narrowed by when its objects were made."""

    created: Range | None = None


# Customers and how they pay


class Address(Part):
    """A postal address."""

    city: Clearable = None
    country: Clearable = None
    line1: Clearable = None
    line2: Clearable = None
    postal_code: Clearable = None
    state: Clearable = None


class Shipping(Part):
    """Where and to whom something is sent."""

    address: Address
    name: Text
    phone: Clearable = None


class InvoiceSettings(Part):
    """A customer's wishes for invoices."""

    unused = ("custom_fields", "rendering_options")

    default_payment_method: Clearable = None
    footer: Clearable = None


class CustomerUpdate(Params):
    """`POST /v1/customers/{id}`."""

    unused = names(
        "business_name cash_balance default_source individual_name invoice_prefix next_invoice_sequence tax tax_id_data"
        " test_clock validate"
    )
    unserved = ("coupon", "promotion_code")

    address: Erasable[Address] = None
    balance: Amount = 0
    description: Clearable = None
    email: Email = None
    invoice_settings: InvoiceSettings | None = None
    metadata: Metadata | None = None
    name: Clearable = None
    phone: Clearable = None
    preferred_locales: Array[Text] = Field(default_factory=list)
    shipping: Erasable[Shipping] = None
    source: Text | None = None
    tax_exempt: Literal["exempt", "none", "reverse"] = "none"


class CustomerCreate(CustomerUpdate):
    """`POST /v1/customers`."""

    payment_method: Text | None = None


class CustomerList(CreatedListing):
    """`GET /v1/customers`."""

    unused = ("test_clock",)

    email: Text | None = None


class PaymentMethodAttach(Params):
    """`POST /v1/payment_methods/{id}/attach`."""

    unused = ("customer_account",)

    customer: Text


class PaymentMethodList(Listing):
    """`GET /v1/payment_methods`."""

    unused = ("allow_redisplay", "customer_account")

    customer: Text | None = None
    type: Text | None = None


class PaymentIntentConfirm(Params):
    """`POST /v1/payment_intents/{id}/confirm`: what a customer's browser does."""

    unused = names(
        "allowed_payment_method_types amount_details capture_method error_on_requires_action "
        "excluded_payment_method_types"
        " hooks mandate mandate_data off_session payment_details payment_method_options payment_method_types "
        "radar_options"
        " receipt_email return_url setup_future_usage shipping use_stripe_sdk"
    )
    unserved = ("amount_to_confirm", "confirmation_token", "payment_method_data")

    payment_method: Text | None = None


# Catalogue


class Recurring(Part):
    """How often a price is charged."""

    interval: Interval
    interval_count: Count = 1
    usage_type: Literal["licensed", "metered"] = "licensed"
    aggregate_usage: Literal["last_during_period", "last_ever", "max", "sum"] | None = None
    meter: Text | None = None
    trial_period_days: Count | None = None


class ProductData(Part):
    """A product made together with its price."""

    name: Text
    id: Text | None = None
    active: Flag = True
    description: Clearable = None
    images: Array[Text] = Field(default_factory=list)
    metadata: Metadata | None = None
    statement_descriptor: Clearable = None
    tax_code: Text | None = None
    tax_details: dict[str, Any] | None = None
    unit_label: Clearable = None


class PriceData(Part):
    """A price made on the spot: in a checkout session, a subscription's item, an invoice's item."""

    currency: Currency
    product: Text | None = None
    product_data: ProductData | None = None
    recurring: Recurring | None = None
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] = "unspecified"
    unit_amount: Amount | None = None
    unit_amount_decimal: Number | None = None


class PriceCreate(Params):
    """`POST /v1/prices`."""

    unused = ("transfer_lookup_key",)
    unserved = ("currency_options", "custom_unit_amount", "tiers", "tiers_mode", "transform_quantity")

    currency: Currency
    active: Flag = True
    billing_scheme: Literal["per_unit", "tiered"] = "per_unit"
    lookup_key: Text | None = None
    metadata: Metadata | None = None
    nickname: Clearable = None
    product: Text | None = None
    product_data: ProductData | None = None
    recurring: Recurring | None = None
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] = "unspecified"
    unit_amount: Amount | None = None
    unit_amount_decimal: Number | None = None


class PriceUpdate(Params):
    """`POST /v1/prices/{id}`."""

    unused = ("transfer_lookup_key",)
    unserved = ("currency_options",)

    active: Flag | None = None
    lookup_key: Clearable = None
    metadata: Metadata | None = None
    nickname: Clearable = None
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] = "unspecified"


class RecurringFilter(Part):
    """Which recurring prices a list shows."""

    interval: Interval | None = None
    usage_type: Literal["licensed", "metered"] | None = None
    meter: Text | None = None


class PriceList(CreatedListing):
    """`GET /v1/prices`."""

    active: Flag | None = None
    currency: Currency | None = None
    lookup_keys: Array[Text] = Field(default_factory=list)
    product: Text | None = None
    recurring: RecurringFilter | None = None
    type: Literal["one_time", "recurring"] | None = None


class ProductUpdate(Params):
    """`POST /v1/products/{id}`."""

    unused = ("tax_details",)

    active: Flag = True
    default_price: Clearable = None
    description: Clearable = None
    images: Array[Text] = Field(default_factory=list)
    marketing_features: Array[dict[str, str]] = Field(default_factory=list)
    metadata: Metadata | None = None
    name: Text | None = None
    package_dimensions: dict[str, str] | None = None
    shippable: Flag | None = None
    statement_descriptor: Clearable = None
    tax_code: Clearable = None
    unit_label: Clearable = None
    url: Clearable = None


class ProductCreate(ProductUpdate):
    """`POST /v1/products`."""

    name: Text
    id: Text | None = None
    default_price_data: PriceData | None = None
    type: Literal["good", "service"] = "service"


class ProductList(CreatedListing):
    """`GET /v1/products`."""

    active: Flag | None = None
    ids: Array[Text] = Field(default_factory=list)
    shippable: Flag | None = None
    type: Literal["good", "service"] | None = None
    url: Text | None = None


# Events and webhooks


class EndpointUpdate(Params):
    """`POST /v1/webhook_endpoints/{id}`."""

    description: Clearable = None
    disabled: Flag = False
    enabled_events: Array[Text] | None = None
    metadata: Metadata | None = None
    url: WebUrl | None = None


class EndpointCreate(Params):
    """`POST /v1/webhook_endpoints`."""

    unused = ("connect",)

    enabled_events: Array[Text]
    url: WebUrl
    api_version: Text | None = None
    description: Clearable = None
    metadata: Metadata | None = None


class EventList(CreatedListing):
    """`GET /v1/events`."""

    delivery_success: Flag | None = None
    type: Text | None = None
    types: Array[Text] = Field(default_factory=list)
