"""Figures of an organisation's calls: `/api/telephony/analytics`, an extension of the lab's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import takewhile

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.telephony.schemas import Analytics, AnalyticsQuery
from mock_services.backend.telephony.state import CallStatus, Telephony
from mock_services.core.operations import Exchange, Operation, json_response

DAYS = {"day": 1, "week": 7, "month": 30}


class CallAnalytics:
    """The analytics endpoint."""

    def __init__(self, telephony: Telephony, access: Access) -> None:
        self._telephony = telephony
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony", self._access.active)
        return (area("GET", "/analytics", self.show, query=AnalyticsQuery, gives=Analytics, extension=True),)

    async def show(self, exchange: Exchange) -> Response:
        """Count the calls that came in within the last days, today included."""
        period = exchange.query.period
        end = now()
        days = [end.date() - timedelta(days=ago) for ago in reversed(range(DAYS[period]))]
        start = end.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=len(days) - 1)
        newest_first = reversed(self._telephony.calls(exchange.principal.tenant.id).values())
        calls = list(takewhile(lambda call: call.created_at >= start, newest_first))
        statuses = Counter(call.status for call in calls)
        each_day = Counter(call.created_at.date() for call in calls)
        durations = [call.duration_seconds for call in calls if call.duration_seconds is not None]
        answered = sum(call.answer_time is not None for call in calls)
        return json_response(
            {
                "period": period,
                "start": start,
                "end": end,
                "total_calls": len(calls),
                "calls_by_status": {status: statuses[status] for status in CallStatus},
                "calls_by_day": {day.isoformat(): each_day[day] for day in days},
                "answered_calls": answered,
                "answered_rate": round(100 * answered / len(calls), 2) if calls else 0.0,
                "average_duration_seconds": round(sum(durations) / len(durations), 2) if durations else None,
            }
        )
