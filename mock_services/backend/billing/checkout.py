"""Plans, and the checkout pages on which they are subscribed to."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, Access
from mock_services.backend.accounts.state import Tenant, User
from mock_services.backend.billing.schemas import Checkout, CheckoutRequest, Plans, SignupRequest
from mock_services.backend.billing.state import Billing
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.vendors.payments import PaymentRefused, Payments
from mock_services.core.operations import Exchange, Operation, json_response

log = logging.getLogger(__name__)

FIXED_PLAN = {
    "id": "basic",
    "product_id": None,
    "name": "Basic",
    "description": "The platform for one organisation",
    "unit_amount": 4_900,
    "currency": "usd",
    "interval": "month",
}


class Checkouts:
    """The endpoints that lead to a subscription. Where Stripe does not do its part, they answer 400."""

    def __init__(self, billing: Billing, access: Access, payments: Payments, price_id: str) -> None:
        self._billing = billing
        self._access = access
        self._payments = payments
        self._price_id = price_id

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("billing", "/api/billing")
        admin = area.by(self._access.one_of(ADMINS))
        return (
            area("GET", "/subscription-plans", self.plans, gives=Plans),
            area("POST", "/organization-signup", self.sign_up, body=SignupRequest, gives=Checkout, refuses=(400,)),
            admin("POST", "/create-checkout-session", self.check_out, body=CheckoutRequest, gives=Checkout),
        )

    async def plans(self, exchange: Exchange) -> Response:
        """Show the platform's plan as Stripe has it; a fixed one, if Stripe cannot be asked."""
        run_id = exchange.run_id
        try:
            price = await self._payments.price(self._price_id, run_id)
            product = await self._payments.product(str(price.get("product")), run_id)
            plan = _plan(price, product)
        except PaymentRefused as refusal:
            log.warning("a fixed plan is shown: %s", refusal)
            plan = FIXED_PLAN
        return json_response({"plans": [plan]})

    async def sign_up(self, exchange: Exchange) -> Response:
        """Make the checkout page for somebody who has no organisation yet."""
        given: SignupRequest = exchange.body
        values = {
            "customer_email": given.customer_email,
            "metadata": {"organization_name": given.organization_name},
        }
        return await self._session(exchange, given, values)

    async def check_out(self, exchange: Exchange) -> Response:
        """Make the checkout page for the caller's organisation, which becomes a customer at Stripe."""
        user: User = exchange.principal
        run_id = exchange.run_id
        customer_id = self._billing.of(user.tenant.id).customer_id or await self._become_customer(user, run_id)
        values = {"customer": customer_id, "metadata": _metadata(user.tenant)}
        return await self._session(exchange, exchange.body, values)

    async def _become_customer(self, user: User, run_id: str) -> str:
        tenant = user.tenant
        email = tenant.organization_email or user.email
        try:
            customer = await self._payments.create_customer(tenant.name, email, _metadata(tenant), run_id)
        except PaymentRefused as refusal:
            raise BadRequest(str(refusal)) from refusal
        customer_id = str(customer.get("id"))
        self._billing.become_customer(tenant.id, customer_id)
        return customer_id

    async def _session(self, exchange: Exchange, given: CheckoutRequest, values: dict[str, Any]) -> Response:
        values |= {
            "success_url": given.success_url,
            "cancel_url": given.cancel_url,
            "line_items": [{"price": self._price_id, "quantity": 1}],
        }
        if given.trial_days > 0:
            values["subscription_data"] = {"trial_period_days": given.trial_days}
        try:
            session = await self._payments.create_checkout_session(values, exchange.run_id)
        except PaymentRefused as refusal:
            raise BadRequest(str(refusal)) from refusal
        return json_response({"checkout_url": session.get("url")})


def _metadata(tenant: Tenant) -> dict[str, str]:
    return {"tenant_id": str(tenant.id)}


def _plan(price: dict[str, Any], product: dict[str, Any]) -> dict[str, Any]:
    recurring = price.get("recurring")
    return {
        "id": price.get("id"),
        "product_id": product.get("id"),
        "name": product.get("name"),
        "description": product.get("description"),
        "unit_amount": price.get("unit_amount") or 0,
        "currency": price.get("currency"),
        "interval": recurring.get("interval") if isinstance(recurring, dict) else "month",
    }
