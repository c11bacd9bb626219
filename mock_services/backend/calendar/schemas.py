"""Requests and answers of the calendar endpoints."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from mock_services.backend.schemas import JsonObject, Utc, as_utc

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _with_a_place_in_utc(moment: datetime) -> datetime:
    """Keep a moment as it was written, so that one with an offset can be told from one without."""
    as_utc(moment)
    return moment


def _to_its_end(given: object) -> object:
    """Give a day that is written without a time as the first moment of the next one."""
    if not isinstance(given, str) or not DAY.fullmatch(given):
        return given
    try:
        return datetime.fromisoformat(given) + timedelta(days=1)
    except OverflowError:
        return datetime.max
    except ValueError:
        return given  # it only looks like a day, and pydantic says so


Moment = Annotated[datetime, AfterValidator(_with_a_place_in_utc)]
UpTo = Annotated[Utc, BeforeValidator(_to_its_end)]
"""The moment up to which, itself not included; a day alone is meant to its end."""
Title = Annotated[str, Field(min_length=1, max_length=200)]


class EventType(StrEnum):
    """What kind of event it is."""

    APPOINTMENT = "appointment"
    SERVICE = "service"
    MEETING = "meeting"
    CALL = "call"
    REMINDER = "reminder"
    OTHER = "other"


class EventStatus(StrEnum):
    """Whether an event takes place."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    CANCELLED = "cancelled"


class AttendeeType(StrEnum):
    """Who attends: a user of the tenant, a contact of its CRM, or somebody else."""

    USER = "user"
    CONTACT = "contact"
    EXTERNAL = "external"


class Response(StrEnum):
    """How an invited person answers."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"


class EventCreate(BaseModel):
    """A new event. Times without an offset are UTC; `user_id` is whose event it is, the caller's unless said."""

    title: Title
    start_time: Moment
    end_time: Moment
    description: str | None = None
    all_day: bool = False
    location: str | None = None
    event_type: EventType = EventType.APPOINTMENT
    status: EventStatus = EventStatus.CONFIRMED
    event_metadata: JsonObject | None = None
    contact_id: UUID | None = None
    user_id: UUID | None = None


NEEDED = ("title", "start_time", "end_time", "all_day", "event_type", "status")
"""The fields that an event cannot do without: they may not become null."""


class EventUpdate(BaseModel):
    """Any subset of an event's fields but whose it is. Those in `NEEDED` may be left out, but not be null."""

    title: Title | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    description: str | None = None
    all_day: bool | None = None
    location: str | None = None
    event_type: EventType | None = None
    status: EventStatus | None = None
    event_metadata: JsonObject | None = None
    contact_id: UUID | None = None


class EventView(BaseModel):
    """An event. The contact's names are those of the moment at which it is read."""

    title: Title
    start_time: datetime
    end_time: datetime
    description: str | None
    all_day: bool
    location: str | None
    event_type: EventType
    status: EventStatus
    event_metadata: dict[str, Any] | None
    contact_id: UUID | None
    id: UUID
    tenant_id: UUID
    user_id: UUID
    created_at: datetime
    updated_at: datetime | None
    created_by_user_id: UUID | None
    contact_name: str | None
    contact_business: str | None


class Part(BaseModel):
    """Which part of how many."""

    total: int
    skip: int
    limit: int


class EventPage(Part):
    """A part of the events, by their start."""

    events: list[EventView]


class EventListQuery(BaseModel):
    """Which events: those within a span of time, of a user, with a contact. There is no `page`."""

    start_date: Utc | None = None
    end_date: UpTo | None = None
    user_id: UUID | None = None
    contact_id: UUID | None = None
    event_type: str | None = None
    status: str | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class EventRangeQuery(BaseModel):
    """Which span of time, and whose events."""

    start: Utc
    end: UpTo
    user_id: UUID | None = None


class SummaryQuery(BaseModel):
    """Which month: this one unless said."""

    month: Annotated[int, Field(ge=1, le=12)] | None = None
    year: Annotated[int, Field(ge=2000, le=2100)] | None = None


class DateRange(BaseModel):
    """The month from its first moment up to the next one's."""

    start: datetime
    end: datetime


class Summary(BaseModel):
    """How many events begin in a month."""

    month: int
    year: int
    total_events: int
    events_by_type: dict[str, int]
    events_by_status: dict[str, int]
    date_range: DateRange


class EventPath(BaseModel):
    """The path of an event."""

    event_id: UUID


class AttendeePath(EventPath):
    """The path of an event's attendee."""

    attendee_id: UUID


class InvitationPath(BaseModel):
    """The path of an invitation, which whoever has its token may answer."""

    invitation_token: str


class AttendeeCreate(BaseModel):
    """Somebody to attend: each type needs its own id, an external person an e-mail."""

    attendee_type: AttendeeType
    user_id: UUID | None = None
    contact_id: UUID | None = None
    external_email: str | None = None
    external_name: str | None = None


class AttendeeView(BaseModel):
    """An attendee. Name and e-mail are those of the user or the contact at the moment at which it is read."""

    attendee_type: AttendeeType
    user_id: UUID | None
    contact_id: UUID | None
    external_email: str | None
    external_name: str | None
    id: UUID
    event_id: UUID
    invitation_status: str
    response_status: str
    invitation_token: str
    invited_at: datetime | None
    responded_at: datetime | None
    created_at: datetime
    updated_at: datetime | None
    attendee_email: str | None
    attendee_name: str | None


class AttendeeList(BaseModel):
    """All attendees of an event."""

    attendees: list[AttendeeView]
    total: int


class InvitationRequest(BaseModel):
    """Whom to invite, and what to add to the invitation."""

    attendee_ids: Annotated[list[UUID], Field(min_length=1)]
    send_invitations: bool = True
    custom_message: str | None = None


class InvitationsSent(BaseModel):
    """How many mails went out."""

    detail: str
    sent_count: int
    failed_count: int


class InvitedEvent(BaseModel):
    """What a stranger with an invitation sees of its event."""

    id: UUID
    title: str
    description: str | None
    start_time: datetime
    end_time: datetime
    location: str | None
    all_day: bool


class Invitation(BaseModel):
    """An invitation as its recipient sees it."""

    attendee: AttendeeView
    event: InvitedEvent


class Answer(BaseModel):
    """An answer to an invitation; an external person may correct their name."""

    response_status: Response
    attendee_name: str | None = None


class Answered(BaseModel):
    """The answer as it was recorded."""

    detail: str
    response_status: Response
    responded_at: datetime
