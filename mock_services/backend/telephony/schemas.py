"""Requests and answers of the telephony endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from mock_services.backend.schemas import BigInt, JsonObject, Utc
from mock_services.backend.telephony.numbers import formatted
from mock_services.backend.telephony.state import Call, CallMessage, Configuration


class Setup(BaseModel):
    """An organisation's number, and how its calls shall be answered."""

    organization_phone_number: str
    welcome_message: str | None = None
    business_hours: JsonObject | None = None
    voice_id: str | None = None
    max_concurrent_calls: BigInt | None = 5


class ConfigurationUpdate(BaseModel):
    """What may be changed without a new verification."""

    welcome_message: str | None = None
    business_hours: JsonObject | None = None
    is_enabled: bool | None = None
    max_concurrent_calls: BigInt | None = None


class ConfigurationView(BaseModel):
    """A telephony configuration."""

    id: UUID
    tenant_id: UUID
    organization_phone_number: str
    formatted_phone_number: str | None
    platform_phone_number: str | None
    country_code: str
    verification_status: str
    call_forwarding_enabled: bool
    welcome_message: str | None
    is_enabled: bool
    business_hours: dict[str, Any] | None
    timezone: str
    max_concurrent_calls: int
    call_timeout_seconds: int
    record_calls: bool
    transcript_calls: bool
    forwarding_instructions: str | None
    integration_method: str
    created_at: datetime
    updated_at: datetime | None


class Instructions(BaseModel):
    """How to forward calls to the platform."""

    instructions: str


class VerificationCode(BaseModel):
    """The code that a text message brought."""

    verification_code: str


class VerificationAnswer(BaseModel):
    """How a step of a verification went; a wrong code is `success: false`."""

    success: bool
    message: str
    verification_id: UUID | None = None


class SimulationQuery(BaseModel):
    """Who is said to call."""

    customer_number: str = "+1234567890"


class SimulatedCall(BaseModel):
    """A call that was stored as if it had come in."""

    success: bool
    call_id: UUID
    call_sid: str
    customer_number: str
    organization_number: str
    platform_number: str
    websocket_url: str
    message: str


class CallsQuery(BaseModel):
    """Which calls. `per_page` has no upper bound."""

    page: Annotated[BigInt, Field(ge=1)] = 1
    per_page: Annotated[BigInt, Field(ge=0)] = 20
    status: str | None = None


class CallView(BaseModel):
    """A call."""

    id: UUID
    call_sid: str
    customer_phone_number: str
    organization_phone_number: str
    platform_phone_number: str
    direction: str
    status: str
    start_time: datetime | None
    answer_time: datetime | None
    end_time: datetime | None
    duration_seconds: int | None
    cost_cents: int
    cost_currency: str
    recording_url: str | None
    transcript: str | None
    summary: str | None
    call_metadata: dict[str, Any] | None
    created_at: datetime


class CallPage(BaseModel):
    """One page of calls, newest first."""

    calls: list[CallView]
    total: int
    page: int
    per_page: int


class CallPath(BaseModel):
    """The path of a call: its own id, not Twilio's."""

    call_id: UUID


class MessagePath(CallPath):
    """The path of a call's message."""

    message_id: UUID


class Sender(BaseModel):
    """Who said a line."""

    identifier: str
    name: str | None = None
    type: str
    phone_number: str | None = None


class Metadata(BaseModel):
    """What may be known about a line beside its words."""

    audio_start_time: float | None = None
    audio_end_time: float | None = None
    confidence_score: float | None = None
    language: str | None = None
    recording_segment_url: str | None = None
    is_automated: bool | None = None
    system_event_type: str | None = None


class CallMessageCreate(BaseModel):
    """A new line of a call."""

    content: Annotated[str, Field(min_length=1)]
    sender: Sender
    timestamp: Utc
    message_type: Literal["transcript", "system", "summary", "note"]
    metadata: Metadata | None = None


class MessageUpdate(BaseModel):
    """What may be changed of a line."""

    content: Annotated[str, Field(min_length=1)] | None = None
    metadata: Metadata | None = None


class CallMessageView(BaseModel):
    """A line of a call."""

    id: UUID
    call_id: UUID
    content: str
    sender: Sender
    timestamp: datetime
    message_type: str
    metadata: dict[str, Any] | None
    created_at: datetime


class MessageList(BaseModel):
    """Some lines of a call, and how many there are of the kind that was asked for."""

    messages: list[CallMessageView]
    total: int
    call_id: UUID


class MessagesQuery(BaseModel):
    """Which lines of a call, in which order."""

    message_type: str | None = None
    sender_type: str | None = None
    limit: Annotated[BigInt, Field(ge=0)] = 100
    offset: Annotated[BigInt, Field(ge=0)] = 0
    order_by: str = "timestamp"
    order_dir: str = "asc"


class TranscriptQuery(BaseModel):
    """`json` gives messages; anything else gives text."""

    format: str = "text"


class SummaryMade(BaseModel):
    """A summary that was written just now."""

    success: bool
    call_id: UUID
    summary: str
    message_id: UUID
    created_at: datetime


class AnalyticsQuery(BaseModel):
    """How far back: today, the last 7 days, or the last 30."""

    period: Literal["day", "week", "month"] = "month"


class Analytics(BaseModel):
    """Figures of the calls that came in from `start` on. The rate is in per cent, durations are in seconds."""

    period: str
    start: datetime
    end: datetime
    total_calls: int
    calls_by_status: dict[str, int]
    calls_by_day: dict[str, int]
    answered_calls: int
    answered_rate: float
    average_duration_seconds: float | None


class BulkCreated(BaseModel):
    """What a bulk creation made."""

    call_id: UUID
    created_count: int
    message_ids: list[UUID]


def configuration_view(configuration: Configuration) -> dict[str, Any]:
    """Give a `ConfigurationView`."""
    return {
        "id": configuration.id,
        "tenant_id": configuration.tenant_id,
        "organization_phone_number": configuration.organization_phone_number,
        "formatted_phone_number": formatted(configuration.organization_phone_number),
        "platform_phone_number": configuration.platform_phone_number,
        "country_code": "US",
        "verification_status": "verified" if configuration.verified else "pending",
        "call_forwarding_enabled": configuration.verified,
        "welcome_message": configuration.welcome_message,
        "is_enabled": configuration.is_enabled,
        "business_hours": configuration.business_hours,
        "timezone": "UTC",
        "max_concurrent_calls": configuration.max_concurrent_calls,
        "call_timeout_seconds": 300,
        "record_calls": True,
        "transcript_calls": True,
        "forwarding_instructions": instructions(configuration),
        "integration_method": "call_forwarding",
        "created_at": configuration.created_at,
        "updated_at": configuration.updated_at,
    }


def instructions(configuration: Configuration) -> str:
    """Say how to forward an organisation's calls to its platform number."""
    return (
        f"Forward the calls to {formatted(configuration.organization_phone_number)} "
        f"to {configuration.platform_phone_number}: dial *72, then that number, and wait for the tone. "
        "To end the forwarding dial *73."
    )


def transcript_text(call: Call) -> str | None:
    """Give what was said in a call, a line each; None if nothing is known."""
    lines = [
        f"{message.sender['name'] or message.sender['type']}: {message.content}"
        for message in sorted(of_type(call, "transcript"), key=lambda message: message.timestamp)
    ]
    return "\n".join(lines) or None


def of_type(call: Call, message_type: str) -> list[CallMessage]:
    """Give a call's messages of one type, in the order they were stored."""
    return [message for message in call.messages.values() if message.message_type == message_type]


def call_view(call: Call) -> dict[str, Any]:
    """Give a `CallView`."""
    summaries = of_type(call, "summary")
    return {
        "id": call.id,
        "call_sid": call.call_sid,
        "customer_phone_number": call.customer_phone_number,
        "organization_phone_number": call.organization_phone_number,
        "platform_phone_number": call.platform_phone_number,
        "direction": "inbound",
        "status": call.status,
        "start_time": call.created_at,
        "answer_time": call.answer_time,
        "end_time": call.end_time,
        "duration_seconds": call.duration_seconds,
        "cost_cents": call.cost_cents,
        "cost_currency": "USD",
        "recording_url": None,
        "transcript": transcript_text(call),
        "summary": summaries[-1].content if summaries else None,
        "call_metadata": None,
        "created_at": call.created_at,
    }


def message_view(call: Call, message: CallMessage) -> dict[str, Any]:
    """Give a `CallMessageView`."""
    return {
        "id": message.id,
        "call_id": call.id,
        "content": message.content,
        "sender": message.sender,
        "timestamp": message.timestamp,
        "message_type": message.message_type,
        "metadata": message.metadata,
        "created_at": message.created_at,
    }
