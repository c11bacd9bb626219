"""The platform in numbers: `/api/admin/dashboard`, `/api/admin/system/metrics`, `/api/admin/websocket/stats`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, Access
from mock_services.backend.accounts.state import Accounts, Tenant, User
from mock_services.backend.admin.schemas import (
    AdminDashboard,
    MetricCreate,
    MetricData,
    MetricQuery,
    MetricView,
    OpenSockets,
)
from mock_services.backend.admin.state import Metrics
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.usage.reports import seen_tenant, usage_by_organization
from mock_services.backend.usage.schemas import record_view
from mock_services.backend.usage.state import Usage, UsageFilter, span, stats
from mock_services.core.operations import Exchange, Operation, json_response

SHOWN = 10
POOL_SIZE = 50
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the numbers come from: calls and conversations by tenant, and the open sockets by kind."""

    calls: Callable[[], Mapping[UUID, int]]
    conversations: Callable[[], Mapping[UUID, int]]
    sockets: Callable[[], Mapping[str, int]]


class AdminSystem:
    """The endpoints of numbers. An admin sees the own organisation's, a super_admin all."""

    def __init__(self, accounts: Accounts, access: Access, usage: Usage, metrics: Metrics, sources: Sources) -> None:
        self._accounts = accounts
        self._access = access
        self._usage = usage
        self._metrics = metrics
        self._sources = sources

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("admin", "/api/admin", self._access.one_of(ADMINS))
        return (
            area("GET", "/dashboard", self.dashboard, gives=AdminDashboard),
            area("GET", "/system/metrics", self.list_metrics, query=MetricQuery, gives=list[MetricView]),
            area("POST", "/system/metrics", self.add_metric, query=MetricCreate, body=MetricData, gives=MetricView),
            area("GET", "/websocket/stats", self.socket_stats, gives=OpenSockets),
        )

    async def dashboard(self, exchange: Exchange) -> Response:
        """Show users, conversations, calls, sockets and usage."""
        caller: User = exchange.principal
        tenant_id = seen_tenant(caller, None)
        tenants = [*self._accounts.tenants.values()] if tenant_id is None else [caller.tenant]
        numbers = self._numbers(tenants)
        start, end = span("month")
        wanted = UsageFilter(tenant_id=tenant_id, start=start, end=end)
        used = self._usage.find(wanted)
        return json_response(
            {
                "total_users": sum(each["users"] for each in numbers),
                "total_conversations": sum(each["conversations"] for each in numbers),
                "total_phone_calls": sum(each["phone_calls"] for each in numbers),
                "active_ws_connections": sum(self._sources.sockets().values()),
                "db_connection_pool_size": POOL_SIZE,
                "recent_usage": [record_view(record) for record in used[:SHOWN]],
                "system_metrics": [asdict(each) for each in self._metrics.find(None, now() - DAY)[:SHOWN]],
                "tenant_stats": numbers,
                "overall_usage_stats": stats(used, "month", start, end),
                "usage_by_organization": usage_by_organization(self._usage, self._accounts, wanted),
            }
        )

    async def list_metrics(self, exchange: Exchange) -> Response:
        """List the numbers that were written down in the last hours, newest first."""
        query: MetricQuery = exchange.query
        found = self._metrics.find(query.metric_type, now() - timedelta(hours=query.hours))
        return json_response([asdict(each) for each in found])

    async def add_metric(self, exchange: Exchange) -> Response:
        """Write a number down."""
        query: MetricCreate = exchange.query
        return json_response(asdict(self._metrics.add(query.metric_type, query.value, query.tenant_id, exchange.body)))

    async def socket_stats(self, exchange: Exchange) -> Response:
        """Count the open sockets."""
        sockets = self._sources.sockets()
        return json_response({"total_connections": sum(sockets.values()), "connections": sockets})

    def _numbers(self, tenants: Iterable[Tenant]) -> list[dict[str, Any]]:
        conversations, calls = self._sources.conversations(), self._sources.calls()
        return [
            {
                "tenant_id": tenant.id,
                "tenant_name": tenant.name,
                "users": len(tenant.users),
                "conversations": conversations.get(tenant.id, 0),
                "phone_calls": calls.get(tenant.id, 0),
            }
            for tenant in tenants
        ]
