"""Events and attendees as a member of a tenant makes them."""

from __future__ import annotations

from typing import Any

from tests.mock_services.backend.support import Member

EVENTS = "/api/calendar/events"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
VISIT = {"title": "Visit", "start_time": "2026-03-02T10:00:00Z", "end_time": "2026-03-02T11:00:00Z"}
INTERNAL_ERROR = {"detail": "Internal server error", "type": "internal_error"}


async def add_event(member: Member, **fields: Any) -> dict[str, Any]:
    """Add an event; `on="2026-03-02"` gives it an hour of that day, from ten."""
    if day := fields.pop("on", None):
        fields = {"start_time": f"{day}T10:00:00Z", "end_time": f"{day}T11:00:00Z"} | fields
    answer = await member.call("POST", EVENTS, json=VISIT | fields)
    assert answer.status_code == 200, answer.text
    event: dict[str, Any] = answer.json()
    return event


async def add_attendee(member: Member, event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Add an attendee: somebody outside unless said otherwise."""
    body = fields or {"attendee_type": "external", "external_email": "guest@example.com", "external_name": "A Guest"}
    answer = await member.call("POST", f"{EVENTS}/{event['id']}/attendees", json=body)
    assert answer.status_code == 200, answer.text
    attendee: dict[str, Any] = answer.json()
    return attendee


async def titles(member: Member, path: str = "", **params: Any) -> list[str]:
    """List events and give their titles."""
    answer = await member.call("GET", EVENTS + path, params=params)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    return [event["title"] for event in (content if path else content["events"])]
