"""The tables of events and attendees, one set a tenant, with each tenant's agenda in the order of time."""

from __future__ import annotations

import uuid
from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime
from itertools import count
from operator import itemgetter

from mock_services.backend.accounts.state import Tenant, User
from mock_services.backend.calendar.recurrence import Rule, occurrences
from mock_services.backend.calendar.schemas import AttendeeType
from mock_services.backend.crm.state import Crm, Row
from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import BadRequest, ResourceNotFound
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.randomness import Randomness

NEEDED_ID = {
    AttendeeType.USER: "user_id",
    AttendeeType.CONTACT: "contact_id",
    AttendeeType.EXTERNAL: "external_email",
}
"""What each type of attendee is known by."""


class Event:
    """An event's row, who attends it, and its occurrences in the agenda: one, or several where it recurs."""

    __slots__ = ("agenda", "attendees", "revision", "row", "tenant")

    def __init__(self, tenant: Tenant, row: Row) -> None:
        self.tenant = tenant
        self.row = row
        self.attendees: dict[uuid.UUID, Row] = {}
        self.agenda: list[Occurrence] = []
        self.revision = 0  # how often it was changed

    @property
    def organizer(self) -> tuple[str, str | None]:
        """Who invites, by name and e-mail: the user whose event it is, or the organisation if they were deleted."""
        owner = self.tenant.users.get(self.row["user_id"])
        return (owner.name, owner.email) if owner else (self.tenant.name, self.tenant.organization_email)

    def contacts(self) -> set[uuid.UUID]:
        """Give the ids of the contacts that the event is about or that attend it."""
        ids = {self.row["contact_id"], *(attendee["contact_id"] for attendee in self.attendees.values())}
        return ids - {None}


Occurrence = tuple[datetime, int, datetime, Event]
"""When an occurrence begins, a number that makes it unique, when it ends, and the event."""

BEGIN = itemgetter(0)


class TenantCalendar:
    """One tenant's events, its agenda sorted by start, and which events each contact has to do with."""

    def __init__(self) -> None:
        self.events: dict[uuid.UUID, Event] = {}
        self.agenda: list[Occurrence] = []
        self.by_contact: dict[uuid.UUID, set[Event]] = {}

    def touching(self, start: datetime | None, end: datetime | None) -> list[Occurrence]:
        """Give the occurrences that share some time with the span from `start` up to `end`; None leaves a side open."""
        if start is not None and end is not None and end <= start:
            return []
        begun = self.agenda if end is None else self.agenda[: bisect_left(self.agenda, end, key=BEGIN)]
        return [each for each in begun if start is None or each[2] > start]

    def beginning_in(self, start: datetime, end: datetime) -> list[Occurrence]:
        """Give the occurrences that begin at `start` or later, and before `end`."""
        return self.agenda[bisect_left(self.agenda, start, key=BEGIN) : bisect_left(self.agenda, end, key=BEGIN)]

    def enter(self, event: Event, times: Iterable[tuple[datetime, int, datetime]]) -> None:
        """Put an event's occurrences into the agenda, in place of those it had."""
        for known in event.agenda:
            del self.agenda[bisect_left(self.agenda, known[:2])]
        event.agenda = [(*each, event) for each in times]
        for new in event.agenda:
            insort(self.agenda, new)

    def follow_contacts(self, event: Event, before: set[uuid.UUID], after: set[uuid.UUID]) -> None:
        """Keep `by_contact` true after an event's contacts have changed."""
        for contact_id in before - after:
            self.by_contact[contact_id].discard(event)
            if not self.by_contact[contact_id]:
                del self.by_contact[contact_id]
        for contact_id in after - before:
            self.by_contact.setdefault(contact_id, set()).add(event)


class Calendar:
    """All tenants' calendars. Every occurrence and every attendee counts as a row of the store."""

    def __init__(self, rows: Rows, randomness: Randomness, crm: Crm, defects: Defects) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self._crm = crm
        self._defects = defects
        self.clear()
        crm.before_removal(self._let_contact_go)

    def clear(self) -> None:
        """Forget every event."""
        self._tenants: dict[uuid.UUID, TenantCalendar] = {}
        self._events: dict[uuid.UUID, Event] = {}
        self._invitations: dict[str, tuple[Event, Row]] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._events)

    def of(self, tenant_id: uuid.UUID) -> TenantCalendar:
        """Give a tenant's tables."""
        tables = self._tenants.get(tenant_id)
        if tables is None:
            tables = self._tenants[tenant_id] = TenantCalendar()
        return tables

    def event(self, tenant_id: uuid.UUID, event_id: uuid.UUID) -> Event:
        """Find a tenant's event; raise `ResourceNotFound`."""
        event = self.of(tenant_id).events.get(event_id)
        if event is None:
            raise ResourceNotFound(f"the tenant has no event {event_id}")
        return event

    def event_of_any_tenant(self, event_id: uuid.UUID) -> Event:
        """Find an event by its id alone; raise `ResourceNotFound`."""
        event = self._events.get(event_id)
        if event is None:
            raise ResourceNotFound(f"there is no event {event_id}")
        return event

    def invitation(self, token: str) -> tuple[Event, Row]:
        """Find an event and the attendee that a token was given to; raise `ResourceNotFound`."""
        found = self._invitations.get(token)
        if found is None:
            raise ResourceNotFound("there is no such invitation")
        return found

    def refuse_unknown_contact(self, tenant: Tenant, contact_id: uuid.UUID | None) -> None:
        """Raise `BadRequest` if a contact is named that the tenant does not have."""
        if contact_id is not None and contact_id not in self._crm.of(tenant.id).contacts:
            raise BadRequest(f"the tenant has no contact {contact_id}")

    def add_event(self, caller: User, values: Row, rule: Rule | None) -> Event:
        """Add an event with all its occurrences; raise `ValueError` if the rule does not fit its start."""
        times = self._times(values, rule)
        self._rows.take(len(times))
        moment = now()
        row = {
            **values,
            "id": self._ids.new("events"),
            "tenant_id": caller.tenant.id,
            "user_id": values["user_id"] or caller.id,
            "created_at": moment,
            "updated_at": moment,
            "created_by_user_id": caller.id,
        }
        event = Event(caller.tenant, row)
        tables = self.of(caller.tenant.id)
        self._events[row["id"]] = tables.events[row["id"]] = event
        tables.enter(event, times)
        tables.follow_contacts(event, set(), event.contacts())
        return event

    def change_event(self, event: Event, values: Row, rule: Rule | None) -> None:
        """Change an event and enter its occurrences anew; raise `ValueError` if the rule does not fit its start."""
        times = self._times(event.row | values, rule)
        self._rows.take(len(times) - len(event.agenda))
        tables = self.of(event.tenant.id)
        before = event.contacts()
        event.row |= {**values, "updated_at": now()}
        event.revision += 1
        tables.enter(event, times)
        tables.follow_contacts(event, before, event.contacts())

    def remove_event(self, event: Event) -> None:
        """Delete an event with its occurrences and attendees."""
        tables = self.of(event.tenant.id)
        tables.follow_contacts(event, event.contacts(), set())
        for attendee in event.attendees.values():
            del self._invitations[attendee["invitation_token"]]
        self._rows.give_back(len(event.agenda) + len(event.attendees))
        tables.enter(event, ())
        del tables.events[event.row["id"]]
        del self._events[event.row["id"]]

    def add_attendee(self, event: Event, values: Row) -> Row:
        """Add an attendee; raise `BadRequest` if the event has the same one."""
        name = NEEDED_ID[values["attendee_type"]]
        if values[name] and any(
            other["attendee_type"] == values["attendee_type"] and other[name] == values[name]
            for other in event.attendees.values()
        ):
            raise BadRequest(f"the event has an attendee with the {name} {values[name]}")
        self._rows.take()
        moment = now()
        before = event.contacts()
        row = {
            **values,
            "id": self._ids.new("attendees"),
            "event_id": event.row["id"],
            "invitation_status": "pending",
            "response_status": "no_response",
            "invitation_token": str(self._ids.new("invitations")),
            "invited_at": None,
            "responded_at": None,
            "created_at": moment,
            "updated_at": moment,
        }
        event.attendees[row["id"]] = row
        self._invitations[row["invitation_token"]] = (event, row)
        self.of(event.tenant.id).follow_contacts(event, before, event.contacts())
        return row

    def attendee(self, event: Event, attendee_id: uuid.UUID) -> Row:
        """Find an event's attendee; raise `ResourceNotFound`."""
        attendee = event.attendees.get(attendee_id)
        if attendee is None:
            raise ResourceNotFound(f"the event has no attendee {attendee_id}")
        return attendee

    def remove_attendee(self, event: Event, attendee: Row) -> None:
        """Delete an attendee and the invitation that they had."""
        before = event.contacts()
        del event.attendees[attendee["id"]]
        del self._invitations[attendee["invitation_token"]]
        self._rows.give_back()
        self.of(event.tenant.id).follow_contacts(event, before, event.contacts())

    def contact(self, tenant: Tenant, contact_id: uuid.UUID | None) -> Row | None:
        """Give a contact's row, if the tenant has the contact."""
        contact = self._crm.of(tenant.id).contacts.get(contact_id) if contact_id else None
        return contact.row if contact else None

    def _times(self, row: Row, rule: Rule | None) -> list[tuple[datetime, int, datetime]]:
        times = occurrences(row["start_time"], row["end_time"], rule)
        return [(start, next(self._numbers), end) for start, end in times]

    def _let_contact_go(self, tenant_id: uuid.UUID, contact_id: uuid.UUID) -> None:
        """Take a contact that is being deleted out of all events: of their rows and of their attendees."""
        tables = self.of(tenant_id)
        events = tuple(tables.by_contact.get(contact_id, ()))
        if Defect.CALENDAR_CONTACT_EVENT in self._defects:
            for event in events:
                if event.row["contact_id"] == contact_id:
                    raise DefectShown(Defect.CALENDAR_CONTACT_EVENT, f"event {event.row['id']} is with the contact")
        for event in events:
            for attendee in [row for row in event.attendees.values() if row["contact_id"] == contact_id]:
                self.remove_attendee(event, attendee)
            if event.row["contact_id"] == contact_id:
                tables.follow_contacts(event, {contact_id}, set())
                event.row["contact_id"] = None
