"""What was used, for administrators: `/api/admin/usage/*`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, Access
from mock_services.backend.accounts.state import Accounts, User
from mock_services.backend.routes import Area
from mock_services.backend.usage.schemas import (
    OrganizationUsage,
    RecordPage,
    RecordsQuery,
    SpanQuery,
    Stats,
    StatsQuery,
    record_view,
)
from mock_services.backend.usage.state import Usage, UsageFilter, span, stats, totals
from mock_services.core.operations import Exchange, Operation, json_response


class UsageReports:
    """The usage endpoints. An admin sees the own organisation, a super_admin all or the one that is named."""

    def __init__(self, usage: Usage, accounts: Accounts, access: Access) -> None:
        self._usage = usage
        self._accounts = accounts
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("admin", "/api/admin/usage", self._access.one_of(ADMINS))
        return (
            area("GET", "/stats", self.stats, query=StatsQuery, gives=Stats),
            area("GET", "/records", self.records, query=RecordsQuery, gives=RecordPage),
            area("GET", "/by-organization", self.by_organization, query=SpanQuery, gives=list[OrganizationUsage]),
        )

    async def stats(self, exchange: Exchange) -> Response:
        """Add usage up."""
        query: StatsQuery = exchange.query
        start, end = span(query.period, query.start_date, query.end_date)
        tenant_id = seen_tenant(exchange.principal, query.tenant_id)
        found = self._usage.find(UsageFilter(tenant_id=tenant_id, user_id=query.user_id, start=start, end=end))
        return json_response(stats(found, query.period, start, end))

    async def records(self, exchange: Exchange) -> Response:
        """List what was used, newest first."""
        query: RecordsQuery = exchange.query
        found = self._usage.find(
            UsageFilter(
                seen_tenant(exchange.principal, query.tenant_id),
                query.user_id,
                query.usage_type,
                query.service_provider,
                query.start_date,
                query.end_date,
            )
        )
        return json_response(query.of("records", found, record_view))

    async def by_organization(self, exchange: Exchange) -> Response:
        """Add usage up, apart by organisation."""
        query: SpanQuery = exchange.query
        start, end = span(query.period, query.start_date, query.end_date)
        wanted = UsageFilter(tenant_id=seen_tenant(exchange.principal, None), start=start, end=end)
        return json_response(usage_by_organization(self._usage, self._accounts, wanted))


def seen_tenant(caller: User, wanted: uuid.UUID | None) -> uuid.UUID | None:
    """Give the tenant whose rows an administrator sees; None is all."""
    return wanted if caller.role == "super_admin" else caller.tenant.id


def usage_by_organization(usage: Usage, accounts: Accounts, wanted: UsageFilter) -> list[dict[str, Any]]:
    """Give an `OrganizationUsage` for each organisation that used something."""
    return [
        {"tenant_id": tenant_id, "tenant_name": accounts.tenants[tenant_id].name, **totals(records)}
        for tenant_id, records in usage.by_tenant(wanted).items()
        if tenant_id in accounts.tenants
    ]
