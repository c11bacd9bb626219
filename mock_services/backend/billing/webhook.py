"""What Stripe tells of subscriptions: `POST /api/billing/webhook`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.responses import Response

from mock_services.backend.accounts.state import Accounts
from mock_services.backend.billing.state import Billing
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.schemas import ANY_OBJECT
from mock_services.backend.vendors.payments import signature_fits
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.reckoning import Reckoning


class StripeWebhook:
    """The endpoint that Stripe calls. A bad signature is a 200; only the body tells it from a good one."""

    def __init__(self, billing: Billing, accounts: Accounts, secret: str, reckoning: Reckoning) -> None:
        self._billing = billing
        self._accounts = accounts
        self._secret = secret
        self._reckoning = reckoning

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("billing", "/api/billing")
        return (area("POST", "/webhook", self.receive, gives=ANY_OBJECT, refuses=(400,)),)

    async def receive(self, exchange: Exchange) -> Response:
        """Take over what an event says of a subscription; events of other types are only acknowledged."""
        signature = exchange.request.headers.get("stripe-signature")
        if not signature:
            raise BadRequest("there is no Stripe-Signature")
        exchange.raw_body = await exchange.request.body()
        if not signature_fits(signature, exchange.raw_body, self._secret, time.time()):
            exchange.note = "the Stripe-Signature does not fit, or is older than five minutes"
            return json_response({"error": "Invalid signature"})
        try:
            event = orjson.loads(exchange.raw_body)
            run_id = exchange.run_id
            self._reckoning.note(run_id, "payment webhook", str(event["id"]))
            kind, told = event["type"], event["data"]["object"]
        except (ValueError, KeyError, TypeError):
            exchange.note = "the event is no JSON object with a type and data.object"
            return json_response({"error": "Invalid payload"})
        if isinstance(kind, str) and isinstance(told, dict):
            self._follow(kind, told)
        return json_response({"status": "success", "event_type": str(kind)})

    def _follow(self, kind: str, told: dict[str, Any]) -> None:
        if kind == "checkout.session.completed":
            tenant_id = self._tenant_of(told)
            customer_id = told.get("customer")
            if tenant_id is not None and isinstance(customer_id, str):
                account = self._billing.become_customer(tenant_id, customer_id)
                account.follow({"id": told.get("subscription"), "status": "active"})
        elif kind.startswith("customer.subscription."):
            known = self._billing.with_customer(told.get("customer"))
            if known is not None:
                known.follow(told)

    def _tenant_of(self, session: dict[str, Any]) -> uuid.UUID | None:
        """Find the tenant that a checkout session was made for."""
        metadata = session.get("metadata")
        try:
            tenant_id = uuid.UUID(metadata["tenant_id"]) if isinstance(metadata, dict) else None
        except (KeyError, ValueError, AttributeError, TypeError):
            return None
        return tenant_id if tenant_id in self._accounts.tenants else None
