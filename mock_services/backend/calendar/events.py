"""Events: `/api/calendar/events`, alone, in lists, in a span of time, and counted by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import Tenant, User
from mock_services.backend.calendar import recurring_schemas, schemas
from mock_services.backend.calendar.recurrence import Rule
from mock_services.backend.calendar.schemas import (
    NEEDED,
    EventCreate,
    EventListQuery,
    EventPath,
    EventRangeQuery,
    EventUpdate,
    Summary,
    SummaryQuery,
)
from mock_services.backend.calendar.state import Calendar, Occurrence
from mock_services.backend.calendar.views import Views
from mock_services.backend.crm.state import Row
from mock_services.backend.defects import Defect, Defects, DefectShown, refuse_null
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Detail, as_utc
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, InvalidRequest, Operation, json_response

Wanted = Callable[[Occurrence], bool]


class Events:
    """The event endpoints. Any valid token of the tenant will do. With `extensions`, events may recur."""

    def __init__(
        self, calendar: Calendar, views: Views, access: Access, defects: Defects, *, extensions: bool = True
    ) -> None:
        self._calendar = calendar
        self._views = views
        self._access = access
        self._defects = defects
        self._extensions = extensions

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("calendar", "/api/calendar/events", self._access.token)
        create: Any = schemas.EventCreate
        update: Any = schemas.EventUpdate
        view: Any = schemas.EventView
        page: Any = schemas.EventPage
        if self._extensions:
            create, update = recurring_schemas.RecurringEventCreate, recurring_schemas.RecurringEventUpdate
            view, page = recurring_schemas.RecurringEventView, recurring_schemas.RecurringEventPage
        return (
            area("GET", "", self.list, query=EventListQuery, gives=page),
            area("GET", "/range", self.range, query=EventRangeQuery, gives=list[view]),
            area("GET", "/stats/summary", self.summary, query=SummaryQuery, gives=Summary),
            area("POST", "", self.create, body=create, gives=view, refuses=(400,)),
            area("GET", "/{event_id}", self.show, path_params=EventPath, gives=view, refuses=(404,)),
            area("PUT", "/{event_id}", self.update, path_params=EventPath, body=update, gives=view, refuses=(400, 404)),
            area("DELETE", "/{event_id}", self.delete, path_params=EventPath, gives=Detail, refuses=(404,)),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List events by their start: those that share some time with the span that is asked for."""
        query: EventListQuery = exchange.query
        tables = self._calendar.of(exchange.principal.tenant.id)
        found = tables.touching(query.start_date, query.end_date)
        tests = tuple(_filters(query))
        if tests:
            found = [each for each in found if all(test(each) for test in tests)]
        shown = found[query.skip : query.skip + query.limit]
        return json_response(
            {
                "events": self._views_of(shown),
                "total": len(found),
                "skip": orjson.Fragment(b"%d" % query.skip),  # it may be larger than what orjson takes
                "limit": query.limit,
            }
        )

    async def range(self, exchange: Exchange) -> Response:
        """List the events that share some time with a span; one that ends before it begins holds none."""
        query: EventRangeQuery = exchange.query
        found = self._calendar.of(exchange.principal.tenant.id).touching(query.start, query.end)
        if query.user_id is not None:
            found = [each for each in found if each[3].row["user_id"] == query.user_id]
        return json_response(self._views_of(found))

    async def summary(self, exchange: Exchange) -> Response:
        """Count the events that begin in a month of UTC, by type and by status."""
        today = now()
        month, year = exchange.query.month or today.month, exchange.query.year or today.year
        start = datetime(year, month, 1, tzinfo=UTC)
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        rows = [each[3].row for each in self._calendar.of(exchange.principal.tenant.id).beginning_in(start, end)]
        return json_response(
            {
                "month": month,
                "year": year,
                "total_events": len(rows),
                "events_by_type": Counter(row["event_type"] for row in rows),
                "events_by_status": Counter(row["status"] for row in rows),
                "date_range": {"start": start, "end": end},
            }
        )

    async def create(self, exchange: Exchange) -> Response:
        """Add an event."""
        caller: User = exchange.principal
        given: EventCreate = exchange.body
        values = given.model_dump()
        self._refuse_mixed(given.start_time, given.end_time)
        _to_utc(values)
        if values["end_time"] <= values["start_time"]:
            raise _misfit("end_time", "end_time must be later than start_time")
        self._calendar.refuse_unknown_contact(caller.tenant, given.contact_id)
        self._refuse_unknown_user(caller.tenant, given.user_id)
        try:
            event = self._calendar.add_event(caller, values, _rule(values))
        except ValueError as misfit:
            raise _misfit("recurrence_rule", str(misfit)) from None
        return json_response(self._views.event(event))

    async def show(self, exchange: Exchange) -> Response:
        """Show an event; one that recurs, at its first occurrence."""
        event = self._calendar.event(exchange.principal.tenant.id, exchange.path.event_id)
        return json_response(self._views.event(event))

    async def update(self, exchange: Exchange) -> Response:
        """Change some fields of an event."""
        given: EventUpdate = exchange.body
        event = self._calendar.event(exchange.principal.tenant.id, exchange.path.event_id)
        self._calendar.refuse_unknown_contact(event.tenant, given.contact_id)
        times = given.start_time or event.row["start_time"], given.end_time or event.row["end_time"]
        self._refuse_mixed(*times)
        if as_utc(times[1]) <= as_utc(times[0]):
            raise BadRequest("the event would end before it starts")
        refuse_null(given, NEEDED, self._defects)
        values = given.model_dump(exclude_unset=True)
        _to_utc(values)
        try:
            self._calendar.change_event(event, values, _rule(event.row | values))
        except ValueError as misfit:
            raise BadRequest(str(misfit)) from None
        return json_response(self._views.event(event))

    async def delete(self, exchange: Exchange) -> Response:
        """Delete an event with all its occurrences and attendees."""
        self._calendar.remove_event(self._calendar.event(exchange.principal.tenant.id, exchange.path.event_id))
        return json_response({"detail": "Event deleted successfully"})

    def _views_of(self, found: Iterable[Occurrence]) -> Any:
        return [self._views.occurrence(event, start, end) for start, _, end, event in found]

    def _refuse_unknown_user(self, tenant: Tenant, user_id: UUID | None) -> None:
        if user_id is not None and user_id not in tenant.users:
            reason = f"the tenant has no user {user_id}"
            if Defect.CALENDAR_UNKNOWN_USER in self._defects:
                raise DefectShown(Defect.CALENDAR_UNKNOWN_USER, reason)
            raise BadRequest(reason)

    def _refuse_mixed(self, start: datetime, end: datetime) -> None:
        if (start.tzinfo is None) is not (end.tzinfo is None) and Defect.CALENDAR_MIXED_TIMES in self._defects:
            raise DefectShown(Defect.CALENDAR_MIXED_TIMES, "one time has an offset and the other has none")


def _to_utc(values: Row) -> None:
    """Bring an event's times to the form in which they are stored."""
    for name in ("start_time", "end_time"):
        if name in values:
            values[name] = as_utc(values[name])


def _rule(values: Row) -> Rule | None:
    rule = values.get("recurrence_rule")
    return Rule.parse(rule) if rule is not None else None


def _misfit(field: str, message: str) -> InvalidRequest:
    return InvalidRequest([{"loc": ("body", field), "type": "value_error", "msg": f"Value error, {message}"}])


def _filters(query: EventListQuery) -> Iterable[Wanted]:
    for name in ("user_id", "contact_id", "event_type", "status"):
        wanted = getattr(query, name)
        if wanted:
            yield _equals(name, wanted)


def _equals(name: str, wanted: object) -> Wanted:
    return lambda each: bool(each[3].row[name] == wanted)
