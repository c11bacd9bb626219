"""The calendar as one virtual user calls it: events, their attendees, invitations and what they answer.

Never sent: `contact_id` on an event. The platform stores such an event and then answers 500 for every list that holds
it; contacts are invited as attendees, which works.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, cast

from clients import checks
from clients.checks import Check, both, every, fields, identified, plain_list, same
from clients.session import Body, Session

EVENTS = "/api/calendar/events"
EVENT: dict[str, checks.Kind] = {
    "id": str,
    "tenant_id": str,
    "title": str,
    "start_time": str,
    "end_time": str,
    "event_type": str,
    "status": str,
}
ATTENDEE: dict[str, checks.Kind] = {
    "id": str,
    "event_id": str,
    "attendee_type": str,
    "invitation_token": str,
    "response_status": str,
}
SUMMARY: dict[str, checks.Kind] = {
    "month": int,
    "year": int,
    "total_events": int,
    "events_by_type": dict,
    "events_by_status": dict,
}
TIMES = ("start_time", "end_time")
NOT_SENT_BACK = (*TIMES, "event_metadata")
"""Fields that may come back in another notation than the one that they were sent in."""


class CalendarApi:
    """Events, alone, in lists, in a span of time and counted; and who is invited to them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def events(self, skip: int = 0, limit: int = 20, filters: Mapping[str, str] | None = None) -> Body | None:
        """A part of the events by their start; `filters` are `event_type`, `status`, `start_date` and `end_date`."""
        filters = filters or {}
        same_as_asked = {name: value for name, value in filters.items() if name in ("event_type", "status")}
        check = part_of_events(skip, limit, both(fields(EVENT), same(**same_as_asked)))
        name = f"{EVENTS} [filter]" if filters else EVENTS
        params = {"skip": skip, "limit": limit, **filters}
        return self._session.send("GET", EVENTS, name=name, params=params, check=check).content

    def event(self, event_id: str) -> Body | None:
        """One event."""
        return self._of_event("GET", event_id, "", both(fields(EVENT), same(id=event_id)))

    def ics(self, event_id: str) -> str | None:
        """One event as a calendar file, which the platform gives to anybody."""
        answer = self._session.send(
            "GET", f"{EVENTS}/{event_id}/ics", name=EVENTS + "/{id}/ics", parse=calendar_file, authorised=False
        )
        return cast(str, answer.body) if answer.ok else None

    def range(self, start: str, end: str) -> list[Body] | None:
        """The events of a span of time."""
        check = plain_list(both(fields(EVENT), within(start, end)))
        params = {"start": start, "end": end}
        answer = self._session.send("GET", EVENTS + "/range", params=params, check=check)
        return answer.rows

    def summary(self, month: int, year: int) -> Body | None:
        """How many events a month has, by type and by status."""
        check = both(fields(SUMMARY), same(month=month, year=year), adding_up)
        params = {"month": month, "year": year}
        return self._session.send("GET", EVENTS + "/stats/summary", params=params, check=check).content

    def create(self, event: Mapping[str, Any], label: str = "") -> Body | None:
        """Create an event; what was sent must come back. `label` tells recurring ones apart."""
        check = both(fields(EVENT), identified, _kept(event))
        name = f"{EVENTS} [{label}]" if label else EVENTS
        return self._session.send("POST", EVENTS, name=name, body=dict(event), check=check).content

    def update(self, event_id: str, changes: Mapping[str, Any]) -> Body | None:
        """Change some fields of an event."""
        check = both(fields(EVENT), same(id=event_id), _kept(changes))
        return self._of_event("PUT", event_id, "", check, body=dict(changes))

    def delete(self, event_id: str) -> bool:
        """Delete an event, and with it its occurrences and attendees."""
        return self._of_event("DELETE", event_id, "", fields({"detail": str})) is not None

    def attendees(self, event_id: str) -> Body | None:
        """Who is invited."""
        check = both(
            fields({"attendees": list, "total": int}),
            lambda body: every(body["attendees"], both(fields(ATTENDEE), same(event_id=event_id))),
        )
        return self._of_event("GET", event_id, "/attendees", check)

    def add_contact(self, event_id: str, contact_id: str) -> Body | None:
        """Have a contact of the CRM attend; the body holds the invitation's token."""
        attendee = {"attendee_type": "contact", "contact_id": contact_id}
        check = both(fields(ATTENDEE), identified, same(event_id=event_id, **attendee))
        return self._of_event("POST", event_id, "/attendees", check, body=attendee)

    def add_external(self, event_id: str, email: str, name: str) -> Body | None:
        """Have somebody attend who is no contact: the priest, the florist."""
        attendee = {"attendee_type": "external", "external_email": email, "external_name": name}
        check = both(fields(ATTENDEE), identified, same(event_id=event_id, **attendee))
        return self._of_event("POST", event_id, "/attendees", check, body=attendee)

    def send_invitations(self, event_id: str, attendee_ids: Sequence[str], message: str) -> Body | None:
        """Mail the invitations; each must go out."""
        body = {"attendee_ids": list(attendee_ids), "send_invitations": True, "custom_message": message}
        check = both(
            fields({"sent_count": int, "failed_count": int}), same(sent_count=len(attendee_ids), failed_count=0)
        )
        return self._of_event("POST", event_id, "/send-invitations", check, body=body)

    def invitation(self, token: str) -> Body | None:
        """An invitation as whoever has its link sees it, without an account."""
        check = both(
            fields({"attendee": dict, "event": dict}), lambda body: same(invitation_token=token)(body["attendee"])
        )
        return self._session.send(
            "GET",
            f"/api/calendar/rsvp/{token}",
            name="/api/calendar/rsvp/{token}",
            check=check,
            authorised=False,
        ).content

    def respond(self, token: str, response_status: str) -> Body | None:
        """Answer an invitation, without an account."""
        check = both(fields({"detail": str}), same(response_status=response_status))
        return self._session.send(
            "POST",
            f"/api/calendar/rsvp/{token}/respond",
            name="/api/calendar/rsvp/{token}/respond",
            body={"response_status": response_status},
            check=check,
            authorised=False,
        ).content

    def _of_event(self, method: str, event_id: str, part: str, check: Check, body: Any = None) -> Body | None:
        name = EVENTS + "/{id}" + part
        return self._session.send(method, f"{EVENTS}/{event_id}{part}", name=name, body=body, check=check).content


def instant(text: Any) -> datetime.datetime | None:
    """The moment that an ISO 8601 text names; None when it names none. One without an offset is UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def part_of_events(skip: int, limit: int, each: Check) -> Check:
    """The body is a part of the events, in the order of their start, each of which passes `each`."""
    envelope = both(fields({"events": list, "total": int, "skip": int, "limit": int}), same(skip=skip, limit=limit))

    def check(body: Any) -> str | None:
        wrong = envelope(body)
        if wrong:
            return wrong
        events = body["events"]
        if len(events) > limit or body["total"] < len(events):
            return "a part of another size"
        wrong = every(events, each)
        if wrong:
            return wrong
        starts = [instant(event["start_time"]) for event in events]
        if None in starts:
            return "start_time is no moment"
        return None if starts == sorted(cast("list[datetime.datetime]", starts)) else "events out of order"

    return check


def within(start: str, end: str) -> Check:
    """The event shares some time with the span."""
    first, last = instant(start), instant(end)

    def check(body: Any) -> str | None:
        begins, ends = instant(body["start_time"]), instant(body["end_time"])
        if begins is None or ends is None or first is None or last is None:
            return "start_time or end_time is no moment"
        return None if begins <= last and ends >= first else "an event outside the span"

    return check


def adding_up(body: Any) -> str | None:
    """The counts by type and by status each add up to the total."""
    for name in ("events_by_type", "events_by_status"):
        if sum(body[name].values()) != body["total_events"]:
            return f"{name} does not add up"
    return None


def calendar_file(content: bytes) -> str:
    """The text of a calendar file with one event; ValueError for anything else (RFC 5545, sections 3.1.4 and 3.4)."""
    text = content.decode()
    lines = text.split()
    if not lines or lines[0] != "BEGIN:VCALENDAR" or lines[-1] != "END:VCALENDAR" or "BEGIN:VEVENT" not in lines:
        raise ValueError("no calendar file")
    return text


def _kept(sent: Mapping[str, Any]) -> Check:
    """What was sent came back, times as moments."""
    plain = same(**{name: value for name, value in sent.items() if name not in NOT_SENT_BACK})
    times = {name: instant(sent[name]) for name in TIMES if name in sent}

    def check(body: Any) -> str | None:
        wrong = plain(body)
        if wrong:
            return wrong
        for name, moment in times.items():
            if instant(body[name]) != moment:
                return f"another {name} came back"
        return None

    return check
