"""What recurring events add to requests and answers; each field is marked as the lab's extension."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from mock_services.backend.calendar.recurrence import MAX_OCCURRENCES, Rule
from mock_services.backend.calendar.schemas import EventCreate, EventUpdate, EventView, Part
from mock_services.core.openapi import EXTENSION


def _readable(rule: str) -> str:
    Rule.parse(rule)
    return rule


def _rule_field(**more: Any) -> Any:
    return Field(
        description="RFC 5545: FREQ=DAILY|WEEKLY|MONTHLY, with INTERVAL, and COUNT or UNTIL. Lists, ranges and the "
        f"summary hold the occurrences, each with the event's id and at most {MAX_OCCURRENCES} of them.",
        examples=["FREQ=WEEKLY;COUNT=4"],
        json_schema_extra=EXTENSION,
        **more,
    )


GivenRule = Annotated[str, AfterValidator(_readable)]


class RecurringEventCreate(EventCreate):
    """A new event, which may recur."""

    recurrence_rule: GivenRule | None = _rule_field(default=None)


class RecurringEventUpdate(EventUpdate):
    """Any subset of an event's fields; a change is one of all its occurrences."""

    recurrence_rule: GivenRule | None = _rule_field(default=None)


class RecurringEventView(EventView):
    """An event, or an occurrence of one."""

    recurrence_rule: str | None = _rule_field()


class RecurringEventPage(Part):
    """A part of the events and their occurrences, by their start."""

    events: list[RecurringEventView]
