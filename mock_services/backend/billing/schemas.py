"""Requests and answers of the billing endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from mock_services.backend.billing.state import Subscription
from mock_services.backend.schemas import BigInt


class CheckoutRequest(BaseModel):
    """Where a customer goes on after the checkout, and how long nothing is to be paid."""

    success_url: str
    cancel_url: str
    trial_days: BigInt = 0


class SignupRequest(CheckoutRequest):
    """A checkout by somebody who has no organisation yet."""

    customer_email: str
    organization_name: str


class Checkout(BaseModel):
    """The page of a checkout."""

    checkout_url: str


class SubscriptionRequest(BaseModel):
    """A subscription without a checkout page. Without `price_id` it is the platform's own price."""

    price_id: str | None = None
    trial_days: BigInt = 0


class Subscribed(BaseModel):
    """A new subscription; `client_secret` lets a browser pay for it."""

    subscription_id: str
    status: str | None
    client_secret: str | None


class SubscriptionView(BaseModel):
    """What a tenant has with Stripe."""

    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    status: str | None
    cancel_at_period_end: bool
    current_period_end: datetime | None
    is_demo: bool


class SubscriptionChanged(BaseModel):
    """A subscription that ends with its period, or goes on after all."""

    message: str
    subscription: SubscriptionView


class PortalQuery(BaseModel):
    """Where a customer goes on after the portal."""

    return_url: str


class Portal(BaseModel):
    """The page on which a customer looks after their subscription."""

    portal_url: str


class Plan(BaseModel):
    """What can be subscribed to; `unit_amount` is in cents."""

    id: str
    product_id: str | None
    name: str
    description: str | None
    unit_amount: int
    currency: str
    interval: str


class Plans(BaseModel):
    """All plans."""

    plans: list[Plan]


class DemoQuery(BaseModel):
    """Whether an organisation is a demonstration."""

    is_demo: bool


class TenantPath(BaseModel):
    """The path of a tenant."""

    tenant_id: UUID


class DemoStatus(BaseModel):
    """Whether an organisation is a demonstration now."""

    message: str
    tenant_id: UUID
    is_demo: bool


class OrganizationBilling(BaseModel):
    """What one organisation has and used this month."""

    organization_id: UUID
    organization_name: str
    subscription: SubscriptionView
    usage: dict[str, int]


class BillingDashboard(BaseModel):
    """The caller's organisation; for a super administrator, each of them."""

    current: OrganizationBilling
    organizations: list[OrganizationBilling] | None


def subscription_view(subscription: Subscription) -> dict[str, Any]:
    """Give a `SubscriptionView`."""
    return {
        "stripe_customer_id": subscription.customer_id,
        "stripe_subscription_id": subscription.subscription_id,
        "status": subscription.status,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "current_period_end": subscription.current_period_end,
        "is_demo": subscription.is_demo,
    }
