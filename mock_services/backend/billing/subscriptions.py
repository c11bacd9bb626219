"""Subscriptions of the caller's organisation: begun, ended, taken up again, and looked after in Stripe's portal."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, Access
from mock_services.backend.accounts.state import User
from mock_services.backend.billing.schemas import (
    Portal,
    PortalQuery,
    Subscribed,
    SubscriptionChanged,
    SubscriptionRequest,
    subscription_view,
)
from mock_services.backend.billing.state import Billing
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.vendors.payments import Object, PaymentRefused, Payments
from mock_services.core.operations import Exchange, Operation, json_response


class Subscriptions:
    """The endpoints that need a customer at Stripe, and answer 404 where there is none."""

    def __init__(self, billing: Billing, access: Access, payments: Payments, price_id: str) -> None:
        self._billing = billing
        self._access = access
        self._payments = payments
        self._price_id = price_id

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("billing", "/api/billing")
        admin = area.by(self._access.one_of(ADMINS))
        active = area.by(self._access.active)
        changed, refuses = SubscriptionChanged, (404,)
        return (
            admin(
                "POST", "/create-subscription", self.begin, body=SubscriptionRequest, gives=Subscribed, refuses=refuses
            ),
            admin("POST", "/cancel-subscription", self.cancel, gives=changed, refuses=refuses),
            admin("POST", "/reactivate-subscription", self.resume, gives=changed, refuses=refuses),
            active("GET", "/customer-portal", self.portal, query=PortalQuery, gives=Portal, refuses=refuses),
        )

    async def begin(self, exchange: Exchange) -> Response:
        """Begin a subscription that has yet to be paid."""
        user: User = exchange.principal
        given: SubscriptionRequest = exchange.body
        account = self._billing.of(user.tenant.id)
        try:
            subscription = await self._payments.create_subscription(
                account.customer, given.price_id or self._price_id, given.trial_days, exchange.run_id
            )
        except PaymentRefused as refusal:
            raise BadRequest(str(refusal)) from refusal
        account.follow(subscription)
        return json_response(
            {
                "subscription_id": subscription.get("id"),
                "status": subscription.get("status"),
                "client_secret": _client_secret(subscription),
            }
        )

    async def cancel(self, exchange: Exchange) -> Response:
        """Have the subscription end with its period."""
        return await self._end(exchange, "The subscription ends with its period", at_period_end=True)

    async def resume(self, exchange: Exchange) -> Response:
        """Have a subscription that was cancelled go on."""
        return await self._end(exchange, "The subscription goes on", at_period_end=False)

    async def portal(self, exchange: Exchange) -> Response:
        """Make the page on which the organisation looks after its subscription."""
        customer_id = self._billing.of(exchange.principal.tenant.id).customer
        try:
            session = await self._payments.create_portal_session(
                customer_id, exchange.query.return_url, exchange.run_id
            )
        except PaymentRefused as refusal:
            raise BadRequest(str(refusal)) from refusal
        return json_response({"portal_url": session.get("url")})

    async def _end(self, exchange: Exchange, message: str, *, at_period_end: bool) -> Response:
        account = self._billing.of(exchange.principal.tenant.id)
        try:
            account.follow(
                await self._payments.end_subscription(
                    account.subscription, at_period_end=at_period_end, run_id=exchange.run_id
                )
            )
        except PaymentRefused as refusal:
            raise BadRequest(str(refusal)) from refusal
        return json_response({"message": message, "subscription": subscription_view(account)})


def _client_secret(subscription: Object) -> str | None:
    """Give the secret by which a browser pays the first invoice, if there is anything to pay."""
    invoice = subscription.get("latest_invoice")
    intent = invoice.get("payment_intent") if isinstance(invoice, dict) else None
    secret = intent.get("client_secret") if isinstance(intent, dict) else None
    return secret if isinstance(secret, str) else None
