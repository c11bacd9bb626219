"""Organisations, as super administrators see them: `/api/admin/organizations` and `/api/admin/tenants`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import SUPER_ADMIN, Access
from mock_services.backend.accounts.schemas import organization_view
from mock_services.backend.accounts.state import Accounts, Tenant
from mock_services.backend.admin.schemas import (
    AdminOrganization,
    OrganizationPath,
    OrganizationToggled,
)
from mock_services.backend.billing.dashboard import organization_billing
from mock_services.backend.billing.schemas import OrganizationBilling
from mock_services.backend.billing.state import Billing
from mock_services.backend.errors import ResourceNotFound
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.usage.state import Usage, UsageFilter, span
from mock_services.core.operations import Exchange, Operation, json_response


class AdminOrganizations:
    """The organisation endpoints of super administrators."""

    def __init__(self, accounts: Accounts, access: Access, billing: Billing, usage: Usage) -> None:
        self._accounts = accounts
        self._access = access
        self._billing = billing
        self._usage = usage

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("admin", "/api/admin", self._access.one_of(SUPER_ADMIN))
        everyone = list[AdminOrganization]
        return (
            area("GET", "/organizations", self.list, gives=everyone),
            area("GET", "/tenants", self.list, gives=everyone),
            area(
                "POST",
                "/organizations/{org_id}/toggle-status",
                self.toggle,
                path_params=OrganizationPath,
                gives=OrganizationToggled,
                refuses=(404,),
            ),
            area(
                "GET",
                "/organizations/{org_id}/billing",
                self.billing,
                path_params=OrganizationPath,
                gives=OrganizationBilling,
                refuses=(404,),
            ),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List all organisations, oldest first."""
        return json_response([_view(tenant) for tenant in self._accounts.tenants.values()])

    async def toggle(self, exchange: Exchange) -> Response:
        """Switch an organisation off, or on again; nobody logs in to one that is off."""
        tenant = self._tenant(exchange)
        tenant.is_active = not tenant.is_active
        tenant.updated_at = now()
        message = f"Organization {'activated' if tenant.is_active else 'deactivated'} successfully"
        return json_response({"message": message, "organization_id": tenant.id, "is_active": tenant.is_active})

    async def billing(self, exchange: Exchange) -> Response:
        """Show what an organisation has and used."""
        tenant = self._tenant(exchange)
        start, end = span("month")
        used = self._usage.find(UsageFilter(tenant_id=tenant.id, start=start, end=end))
        return json_response(organization_billing(tenant, self._billing, used))

    def _tenant(self, exchange: Exchange) -> Tenant:
        tenant = self._accounts.tenants.get(exchange.path.org_id)
        if tenant is None:
            raise ResourceNotFound(f"there is no organisation {exchange.path.org_id}")
        return tenant


def _view(tenant: Tenant) -> dict[str, Any]:
    return {**organization_view(tenant), "user_count": len(tenant.users)}
