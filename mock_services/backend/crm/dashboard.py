"""The CRM's first page: `/api/crm/dashboard`."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice

import orjson
from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.crm.schemas import Dashboard, InteractionType
from mock_services.backend.crm.state import Crm
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, Operation, json_response

SHOWN = 10
GROWTH = timedelta(days=30)


class DashboardPage:
    """The dashboard endpoint."""

    def __init__(self, crm: Crm, access: Access) -> None:
        self._crm = crm
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("crm", "/api/crm", self._access.token)
        return (area("GET", "/dashboard", self.show, gives=Dashboard),)

    async def show(self, exchange: Exchange) -> Response:
        """Show counts, the newest contacts and interactions, and the next tasks."""
        tables = self._crm.of(exchange.principal.tenant.id)
        moment = now()
        statuses: Counter[str] = Counter()
        growth: Counter[str] = Counter()
        unsubscribed = 0
        for contact in tables.contacts.values():
            row = contact.row
            statuses[row["status"]] += 1
            unsubscribed += row["is_unsubscribed"]
            if moment - row["created_at"] <= GROWTH:
                growth[f"{row['created_at']:%Y-%m-%d}"] += 1
        interactions = tables.interactions.values()
        tasks = (
            row
            for row in interactions
            if row["interaction_type"] == InteractionType.TASK and row["interaction_date"] > moment
        )
        total = len(tables.contacts)
        newest = islice(reversed(tables.contacts.values()), SHOWN)
        return json_response(
            {
                "stats": {
                    "total_contacts": total,
                    "contacts_by_status": statuses,
                    "recent_interactions": heapq.nlargest(SHOWN, interactions, key=lambda row: row["interaction_date"]),
                    "upcoming_tasks": heapq.nsmallest(SHOWN, tasks, key=lambda row: row["interaction_date"]),
                    "contact_growth": growth,
                    "unsubscribed_contacts": unsubscribed,
                    "unsubscribe_rate": round(100 * unsubscribed / total, 2) if total else 0.0,
                },
                "recent_contacts": [orjson.Fragment(contact.encoded) for contact in newest],
                "custom_fields": tables.shown_fields(),
            }
        )
