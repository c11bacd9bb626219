"""The tables of telephony configurations, calls and what was said in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mock_services.backend.errors import BadRequest, ResourceNotFound, StorageFull
from mock_services.backend.store import Ids, now
from mock_services.backend.telephony.numbers import dialled, platform_number
from mock_services.core.randomness import Randomness


class CallStatus(StrEnum):
    """How far a call has come."""

    INCOMING = "incoming"
    RINGING = "ringing"
    ANSWERED = "answered"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    BUSY = "busy"


ACTIVE = frozenset({CallStatus.INCOMING, CallStatus.RINGING, CallStatus.ANSWERED, CallStatus.IN_PROGRESS})
ENDED = frozenset({CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.NO_ANSWER})


@dataclass(slots=True, eq=False)
class Configuration:
    """A tenant's telephony: its own number, and the platform's number that calls are forwarded to."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    platform_phone_number: str
    created_at: datetime
    updated_at: datetime
    organization_phone_number: str = ""
    verified: bool = False
    welcome_message: str | None = None
    business_hours: dict[str, Any] | None = None
    voice_id: str | None = None
    max_concurrent_calls: int = 5
    is_enabled: bool = True


@dataclass(slots=True, eq=False)
class CallMessage:
    """A line of a call: a transcript row, a summary, a note, or what the system says of it."""

    id: uuid.UUID
    content: str
    sender: dict[str, Any]
    timestamp: datetime
    message_type: str
    metadata: dict[str, Any] | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CallConversation:
    """The conversation that the platform keeps of each call. It has no members, so that nobody reaches it.

    Its status is none of those that the API knows.
    """

    id: uuid.UUID
    title: str
    created_at: datetime
    status: str = "completed"


@dataclass(slots=True, eq=False)
class Call:
    """A call. `answer_time` is set when its media stream starts; webhooks never set it."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    call_sid: str
    customer_phone_number: str
    organization_phone_number: str
    platform_phone_number: str
    status: CallStatus
    created_at: datetime
    answer_time: datetime | None = None
    end_time: datetime | None = None
    duration_seconds: int | None = None
    cost_cents: int = 0
    conversation: CallConversation | None = None
    messages: dict[uuid.UUID, CallMessage] = field(default_factory=dict)


class Telephony:
    """All tenants' configurations and calls.

    Of more than `max_calls` calls the oldest that is over is dropped; a call keeps its first `max_messages` messages.
    An unfinished call older than `stale_s` is failed when its tenant's calls are next counted.
    """

    def __init__(self, randomness: Randomness, *, max_calls: int, max_messages: int, stale_s: float) -> None:
        self._ids = Ids(randomness)
        self._max_calls = max_calls
        self._max_messages = max_messages
        self._stale = timedelta(seconds=stale_s)
        self.clear()

    def clear(self) -> None:
        """Forget every configuration and call."""
        self._configurations: dict[uuid.UUID, Configuration] = {}
        self._by_platform_number: dict[str, Configuration] = {}
        self._by_organization_number: dict[str, dict[uuid.UUID, Configuration]] = {}
        self._calls: dict[uuid.UUID, dict[uuid.UUID, Call]] = {}
        self._active: dict[uuid.UUID, dict[uuid.UUID, Call]] = {}
        self._by_sid: dict[str, Call] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def configuration(self, tenant_id: uuid.UUID) -> Configuration:
        """Give a tenant's configuration; raise `ResourceNotFound` before the set-up."""
        found = self._configurations.get(tenant_id)
        if found is None:
            raise ResourceNotFound(f"tenant {tenant_id} has not set up telephony")
        return found

    def configurations(self) -> Iterable[Configuration]:
        """Give every tenant's configuration."""
        return self._configurations.values()

    def configuration_with_id(self, configuration_id: uuid.UUID) -> Configuration:
        """Find a configuration of any tenant by its own id; raise `ResourceNotFound`."""
        found = next((each for each in self.configurations() if each.id == configuration_id), None)
        if found is None:
            raise ResourceNotFound(f"there is no telephony configuration {configuration_id}")
        return found

    def set_up(self, tenant_id: uuid.UUID, organization_number: str, values: Mapping[str, Any]) -> Configuration:
        """Make or renew a tenant's configuration. It is verified at once if its number is the platform's own."""
        moment = now()
        found = self._configurations.get(tenant_id)
        if found is None:
            number = platform_number(tenant_id)
            found = Configuration(self._ids.new("telephony"), tenant_id, number, moment, moment)
            self._configurations[tenant_id] = found
            self._by_platform_number.setdefault(number, found)
        else:
            self._by_organization_number[found.organization_phone_number].pop(tenant_id)
        found.organization_phone_number = organization_number
        found.verified = organization_number == found.platform_phone_number
        self._by_organization_number.setdefault(organization_number, {})[tenant_id] = found
        self.change(found, values)
        return found

    def change(self, configuration: Configuration, values: Mapping[str, Any]) -> None:
        """Set some fields of a configuration."""
        for name, value in values.items():
            setattr(configuration, name, value)
        configuration.updated_at = now()

    def answering(self, to: str) -> Configuration | None:
        """Find who takes calls to a platform number: verified and enabled."""
        found = self._by_platform_number.get(dialled(to))
        return found if found is not None and found.verified and found.is_enabled else None

    def with_organization_number(self, number: str) -> Configuration | None:
        """Find the one configuration with this organisation number; several are as good as none."""
        found = self._by_organization_number.get(number, {})
        return next(iter(found.values())) if len(found) == 1 else None

    def add_call(self, configuration: Configuration, call_sid: str, customer: str, status: CallStatus) -> Call:
        """Store a new call; raise `BadRequest` if its sid is known."""
        if call_sid in self._by_sid:
            raise BadRequest(f"call {call_sid} is known already")
        if len(self._by_sid) >= self._max_calls:
            self._drop_oldest()
        call = Call(
            self._ids.new("calls"),
            configuration.tenant_id,
            call_sid,
            customer,
            configuration.organization_phone_number,
            configuration.platform_phone_number,
            status,
            now(),
        )
        self._by_sid[call_sid] = call
        self._calls.setdefault(call.tenant_id, {})[call.id] = call
        self.set_status(call, status)
        return call

    def by_sid(self, call_sid: str) -> Call | None:
        """Find a call of any tenant by Twilio's id."""
        return self._by_sid.get(call_sid)

    def calls(self, tenant_id: uuid.UUID) -> dict[uuid.UUID, Call]:
        """Give a tenant's calls, oldest first."""
        return self._calls.get(tenant_id, {})

    def calls_by_tenant(self) -> dict[uuid.UUID, int]:
        """Count each tenant's calls."""
        return {tenant_id: len(calls) for tenant_id, calls in self._calls.items()}

    def call(self, tenant_id: uuid.UUID, call_id: uuid.UUID) -> Call:
        """Find a tenant's call; raise `ResourceNotFound`."""
        call = self.calls(tenant_id).get(call_id)
        if call is None:
            raise ResourceNotFound(f"the tenant has no call {call_id}")
        return call

    def set_status(self, call: Call, status: CallStatus) -> None:
        """Move a call to a status, and note its end where it has come to one."""
        call.status = status
        if status in ACTIVE:
            self._active.setdefault(call.tenant_id, {})[call.id] = call
            return
        self._active.get(call.tenant_id, {}).pop(call.id, None)
        if status in ENDED:
            call.end_time = now()

    def open_conversation(self, call: Call) -> None:
        """Keep a conversation of a call that is over, unless there is one."""
        if call.conversation is None:
            title = f"Call from {call.customer_phone_number}"
            call.conversation = CallConversation(self._ids.new("call_conversations"), title, now())

    def conversations(self) -> int:
        """Count the conversations that calls have left."""
        return sum(call.conversation is not None for call in self._by_sid.values())

    def active_calls(self, tenant_id: uuid.UUID) -> int:
        """Count a tenant's unfinished calls, after failing the stale ones."""
        active = self._active.get(tenant_id, {})
        oldest = now() - self._stale
        for call in [call for call in active.values() if call.created_at < oldest]:
            self.set_status(call, CallStatus.FAILED)
        return len(active)

    def add_message(
        self,
        call: Call,
        *,
        content: str,
        sender: dict[str, Any],
        timestamp: datetime,
        message_type: str,
        metadata: dict[str, Any] | None = None,
    ) -> CallMessage:
        """Add a message to a call; raise `StorageFull` where it has its number."""
        if len(call.messages) >= self._max_messages:
            raise StorageFull(f"call {call.id} has its {self._max_messages} messages")
        identity = self._ids.new("call_messages")
        message = CallMessage(identity, content, sender, timestamp, message_type, metadata, now())
        call.messages[message.id] = message
        return message

    def room_for_messages(self, call: Call) -> int:
        """Say how many messages a call can still take."""
        return self._max_messages - len(call.messages)

    def _drop_oldest(self) -> None:
        over: Iterable[Call] = (call for call in self._by_sid.values() if call.status not in ACTIVE)
        oldest = next(iter(over), None)
        if oldest is None:
            raise StorageFull(f"{self._max_calls} calls are under way; BACKEND_MAX_CALLS allows no more")
        del self._by_sid[oldest.call_sid]
        del self._calls[oldest.tenant_id][oldest.id]
