"""Puts the administrators' endpoints together."""

from __future__ import annotations

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import Accounts
from mock_services.backend.admin.organizations import AdminOrganizations
from mock_services.backend.admin.state import Metrics
from mock_services.backend.admin.system import AdminSystem, Sources
from mock_services.backend.admin.telephony import AdminTelephony
from mock_services.backend.admin.users import AdminUsers
from mock_services.backend.billing.state import Billing
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.state import Telephony
from mock_services.backend.usage.reports import UsageReports
from mock_services.backend.usage.state import Usage
from mock_services.core.randomness import Randomness


class AdminAreas:
    """What only administrators reach."""

    def __init__(
        self,
        settings: Settings,
        randomness: Randomness,
        accounts: Accounts,
        access: Access,
        telephony: Telephony,
        billing: Billing,
        usage: Usage,
        sources: Sources,
    ) -> None:
        self._metrics = Metrics(randomness, settings.max_metrics)
        self.areas = (
            AdminSystem(accounts, access, usage, self._metrics, sources),
            AdminUsers(accounts, access, settings.defects),
            UsageReports(usage, accounts, access),
            AdminOrganizations(accounts, access, billing, usage),
            AdminTelephony(telephony, access),
        )

    def clear(self) -> None:
        """Forget the metrics."""
        self._metrics.clear()
