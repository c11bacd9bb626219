"""Calls: `/api/telephony/calls`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.telephony.schemas import CallPage, CallPath, CallsQuery, CallView, call_view
from mock_services.backend.telephony.state import Call, CallStatus, Telephony
from mock_services.core.operations import Exchange, Operation, json_response

STATUSES = frozenset(status.value for status in CallStatus)


class Calls:
    """The call endpoints."""

    def __init__(self, telephony: Telephony, access: Access) -> None:
        self._telephony = telephony
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony/calls", self._access.active)
        return (
            area("GET", "", self.list, query=CallsQuery, gives=CallPage),
            area("GET", "/{call_id}", self.show, path_params=CallPath, gives=CallView, refuses=(404,)),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List calls, newest first. A status is written with underscores here."""
        query: CallsQuery = exchange.query
        calls = self._telephony.calls(exchange.principal.tenant.id)
        found: Iterable[Call] = reversed(calls.values())
        total = len(calls)
        if query.status is not None:
            if query.status not in STATUSES:
                raise BadRequest(f"status is {query.status!r}; it takes one of {', '.join(sorted(STATUSES))}")
            found = [call for call in found if call.status == query.status]
            total = len(found)
        start = min((query.page - 1) * query.per_page, total)
        page = islice(found, start, min(start + query.per_page, total))
        return json_response(
            {
                "calls": [call_view(call) for call in page],
                "total": total,
                "page": query.page,
                "per_page": query.per_page,
            }
        )

    async def show(self, exchange: Exchange) -> Response:
        """Show a call."""
        return json_response(call_view(self._telephony.call(exchange.principal.tenant.id, exchange.path.call_id)))
