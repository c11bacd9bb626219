"""Puts billing together: subscriptions, the endpoints about them, and the way to Stripe."""

from __future__ import annotations

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import Accounts
from mock_services.backend.billing.checkout import Checkouts
from mock_services.backend.billing.dashboard import BillingDashboards
from mock_services.backend.billing.state import Billing
from mock_services.backend.billing.subscriptions import Subscriptions
from mock_services.backend.billing.webhook import StripeWebhook
from mock_services.backend.settings import Settings
from mock_services.backend.usage.state import Usage
from mock_services.backend.vendors.payments import Payments
from mock_services.core.reckoning import Reckoning


class BillingAreas:
    """Subscriptions and what belongs to them."""

    def __init__(
        self, settings: Settings, accounts: Accounts, access: Access, usage: Usage, reckoning: Reckoning
    ) -> None:
        self.billing = Billing()
        self._payments = Payments(
            str(settings.stripe_api_url), settings.stripe_secret_key, settings.vendor_timeout_s, reckoning
        )
        price_id = settings.stripe_price_id
        self.areas = (
            Checkouts(self.billing, access, self._payments, price_id),
            Subscriptions(self.billing, access, self._payments, price_id),
            StripeWebhook(self.billing, accounts, settings.stripe_webhook_secret, reckoning),
            BillingDashboards(self.billing, usage, accounts, access),
        )

    def clear(self) -> None:
        """Forget every subscription."""
        self.billing.clear()

    async def close(self) -> None:
        """End the connections to Stripe."""
        await self._payments.close()
