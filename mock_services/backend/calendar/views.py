"""How events and attendees are answered: their rows, with what is looked up when they are read."""

from __future__ import annotations

from datetime import datetime

from mock_services.backend.calendar.state import NEEDED_ID, Calendar, Event
from mock_services.backend.crm.state import Row
from mock_services.backend.defects import Defect, Defects, DefectShown


class Views:
    """Gives answers from rows, or raises `DefectShown` where the platform cannot."""

    def __init__(self, calendar: Calendar, defects: Defects) -> None:
        self._calendar = calendar
        self._defects = defects

    def event(self, event: Event) -> Row:
        """Give an `EventView` of an event as a whole."""
        row = event.row
        return self.occurrence(event, row["start_time"], row["end_time"])

    def occurrence(self, event: Event, start: datetime, end: datetime) -> Row:
        """Give an `EventView` of one occurrence."""
        contact_id = event.row["contact_id"]
        if contact_id is not None and Defect.CALENDAR_CONTACT_EVENT in self._defects:
            raise DefectShown(Defect.CALENDAR_CONTACT_EVENT, f"event {event.row['id']} is with contact {contact_id}")
        contact = self._calendar.contact(event.tenant, contact_id) or {}
        return event.row | {
            "start_time": start,
            "end_time": end,
            "contact_name": contact.get("contact_name"),
            "contact_business": contact.get("business_name"),
        }

    def attendee(self, event: Event, attendee: Row) -> Row:
        """Give an `AttendeeView`."""
        needed = NEEDED_ID[attendee["attendee_type"]]
        if not attendee[needed]:  # stored like that only with the defect on
            raise DefectShown(Defect.CALENDAR_ATTENDEE_WITHOUT_ID, f"attendee {attendee['id']} has no {needed}")
        email, name = self.address(event, attendee)
        return attendee | {"attendee_email": email, "attendee_name": name}

    def address(self, event: Event, attendee: Row) -> tuple[str | None, str | None]:
        """Give an attendee's e-mail and name; neither, if the user was deleted."""
        match attendee["attendee_type"]:
            case "user":
                user = event.tenant.users.get(attendee["user_id"])
                return (user.email, user.name) if user else (None, None)
            case "contact":
                contact = self._calendar.contact(event.tenant, attendee["contact_id"]) or {}
                return contact.get("contact_email"), contact.get("contact_name")
            case _:
                return attendee["external_email"], attendee["external_name"]
