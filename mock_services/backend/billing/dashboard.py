"""What organisations have and used: `/api/billing/dashboard`, and who of them is a demonstration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import SUPER_ADMIN, Access
from mock_services.backend.accounts.state import Accounts, Tenant, User
from mock_services.backend.billing.schemas import (
    BillingDashboard,
    DemoQuery,
    DemoStatus,
    TenantPath,
    subscription_view,
)
from mock_services.backend.billing.state import Billing
from mock_services.backend.errors import ResourceNotFound
from mock_services.backend.routes import Area
from mock_services.backend.usage.state import Usage, UsageFilter, UsageRecord, span, totals
from mock_services.core.operations import Exchange, Operation, json_response


class BillingDashboards:
    """The endpoints that show what is paid for."""

    def __init__(self, billing: Billing, usage: Usage, accounts: Accounts, access: Access) -> None:
        self._billing = billing
        self._usage = usage
        self._accounts = accounts
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("billing", "/api/billing")
        active, root = area.by(self._access.active), area.by(self._access.one_of(SUPER_ADMIN))
        return (
            active("GET", "/dashboard", self.show, gives=BillingDashboard),
            root(
                "POST",
                "/set-demo-status/{tenant_id}",
                self.set_demo,
                path_params=TenantPath,
                query=DemoQuery,
                gives=DemoStatus,
                refuses=(404,),
            ),
        )

    async def show(self, exchange: Exchange) -> Response:
        """Show the caller's organisation; to a super administrator, every one."""
        user: User = exchange.principal
        all_tenants = user.role == "super_admin"
        start, end = span("month")
        used = self._usage.by_tenant(
            UsageFilter(tenant_id=None if all_tenants else user.tenant.id, start=start, end=end)
        )
        shown = self._accounts.tenants.values() if all_tenants else [user.tenant]
        views = {tenant.id: organization_billing(tenant, self._billing, used.get(tenant.id, ())) for tenant in shown}
        everyone = [*views.values()] if all_tenants else None
        return json_response({"current": views[user.tenant.id], "organizations": everyone})

    async def set_demo(self, exchange: Exchange) -> Response:
        """Say whether an organisation is a demonstration, which pays nothing."""
        tenant_id = exchange.path.tenant_id
        if tenant_id not in self._accounts.tenants:
            raise ResourceNotFound(f"there is no tenant {tenant_id}")
        is_demo: bool = exchange.query.is_demo
        self._billing.kept(tenant_id).is_demo = is_demo
        message = "The organisation is a demonstration" if is_demo else "The organisation is no demonstration"
        return json_response({"message": message, "tenant_id": tenant_id, "is_demo": is_demo})


def organization_billing(tenant: Tenant, billing: Billing, used: Iterable[UsageRecord]) -> dict[str, Any]:
    """Give an `OrganizationBilling` of what a tenant has and `used`."""
    return {
        "organization_id": tenant.id,
        "organization_name": tenant.name,
        "subscription": subscription_view(billing.of(tenant.id)),
        "usage": totals(used),
    }
