"""The table of subscriptions, one a tenant, as Stripe last said they are."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mock_services.backend.errors import ResourceNotFound


@dataclass(slots=True, eq=False)
class Subscription:
    """What a tenant has with Stripe: none of it before its first checkout. `status` is in Stripe's words."""

    tenant_id: uuid.UUID
    customer_id: str | None = None
    subscription_id: str | None = None
    status: str | None = None
    cancel_at_period_end: bool = False
    current_period_end: datetime | None = None
    is_demo: bool = False

    @property
    def customer(self) -> str:
        """The customer at Stripe; raise `ResourceNotFound` where there is none."""
        if self.customer_id is None:
            raise ResourceNotFound(f"tenant {self.tenant_id} has no customer at Stripe")
        return self.customer_id

    @property
    def subscription(self) -> str:
        """The subscription at Stripe; raise `ResourceNotFound` where there is none."""
        if self.subscription_id is None:
            raise ResourceNotFound(f"tenant {self.tenant_id} has no subscription at Stripe")
        return self.subscription_id

    def follow(self, told: dict[str, Any]) -> None:
        """Take over what one of Stripe's subscription objects says."""
        self.subscription_id = _text(told.get("id")) or self.subscription_id
        self.status = _text(told.get("status")) or self.status
        self.cancel_at_period_end = told.get("cancel_at_period_end") is True
        self.current_period_end = _moment(told.get("current_period_end")) or self.current_period_end


class Billing:
    """All tenants' subscriptions."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget every subscription."""
        self._tenants: dict[uuid.UUID, Subscription] = {}
        self._by_customer: dict[str, Subscription] = {}

    def of(self, tenant_id: uuid.UUID) -> Subscription:
        """Give what a tenant has; it may be nothing."""
        return self._tenants.get(tenant_id) or Subscription(tenant_id)

    def kept(self, tenant_id: uuid.UUID) -> Subscription:
        """Give what a tenant has, to be changed."""
        return self._tenants.setdefault(tenant_id, Subscription(tenant_id))

    def become_customer(self, tenant_id: uuid.UUID, customer_id: str) -> Subscription:
        """Note which customer at Stripe a tenant is."""
        subscription = self.kept(tenant_id)
        if subscription.customer_id is not None:
            self._by_customer.pop(subscription.customer_id, None)
        subscription.customer_id = customer_id
        self._by_customer[customer_id] = subscription
        return subscription

    def with_customer(self, customer_id: object) -> Subscription | None:
        """Find the tenant that is a customer at Stripe."""
        return self._by_customer.get(customer_id) if isinstance(customer_id, str) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, int):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
