"""Requests and answers of the conversation endpoints."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from mock_services.backend.accounts.schemas import UserView
from mock_services.backend.schemas import JsonObject


class ConversationStatus(StrEnum):
    """Where a conversation stands."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    CLOSED = "closed"


class MessageType(StrEnum):
    """What a message is."""

    TEXT = "text"
    SYSTEM = "system"
    AGENT_HANDOFF = "agent_handoff"
    PARTICIPANT_JOIN = "participant_join"
    PARTICIPANT_LEAVE = "participant_leave"


class ConversationPath(BaseModel):
    """The path of a conversation."""

    conversation_id: UUID


class MessagePath(ConversationPath):
    """The path of a message."""

    message_id: UUID


class ConversationCreate(BaseModel):
    """A new conversation. The platform takes `agent_types` and `participant_ids`, and does nothing with them."""

    title: str | None = None
    description: str | None = None
    user_ids: list[UUID] | None = Field(default_factory=list)
    agent_types: list[str] | None = Field(default_factory=list)
    participant_ids: list[UUID] | None = Field(default_factory=list)
    participant_emails: list[str] | None = Field(default_factory=list)


class ConversationUpdate(BaseModel):
    """Any subset of what may change of a conversation; null changes nothing."""

    title: str | None = None
    description: str | None = None
    status: ConversationStatus | None = None


class ConversationListQuery(BaseModel):
    """Which conversations."""

    page: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    status: ConversationStatus | None = None


class SearchQuery(BaseModel):
    """What to search for. The platform documents it as optional and refuses a request without it."""

    q: str | None = None


class MessageCreate(BaseModel):
    """A new message. `mention` names the agent that is to answer."""

    content: str
    message_type: MessageType = MessageType.TEXT
    metadata: JsonObject | None = None
    mention: str | None = None


class MessageListQuery(BaseModel):
    """Which messages; all of them without a limit."""

    skip: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1)] | None = None


class MessageView(BaseModel):
    """A message."""

    id: UUID
    conversation_id: UUID
    message_type: MessageType
    content: str
    user_id: UUID | None
    agent_type: str | None
    participant_id: UUID | None
    metadata: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime | None
    sender_name: str | None = None
    sender_type: str


class ParticipantView(BaseModel):
    """Somebody who takes part without being a user."""

    id: UUID
    conversation_id: UUID
    participant_type: str
    identifier: str
    display_name: str | None
    is_active: bool
    joined_at: datetime
    left_at: datetime | None


class ConversationView(BaseModel):
    """A conversation with all its messages."""

    id: UUID
    tenant_id: UUID
    title: str | None
    description: str | None
    status: ConversationStatus
    created_by_user_id: UUID | None
    created_at: datetime
    updated_at: datetime | None
    users: list[UserView] | None = Field(default_factory=list)
    participants: list[ParticipantView] | None = Field(default_factory=list)
    recent_messages: list[MessageView] | None = Field(default_factory=list)
    owner_id: UUID | None = None


class ConversationListItem(BaseModel):
    """A conversation as lists show it."""

    id: UUID
    title: str | None
    description: str | None
    status: ConversationStatus
    created_at: datetime
    updated_at: datetime | None
    last_message: MessageView | None = None
    participant_count: int
    message_count: int


class Done(BaseModel):
    """What was deleted."""

    status: str
    message: str


class Export(BaseModel):
    """A conversation to keep."""

    thread_id: UUID
    title: str | None
    description: str | None
    created_at: datetime
    messages: list[dict[str, Any]]


class ConversationStats(BaseModel):
    """A conversation in numbers."""

    message_count: int
    created_at: datetime
    last_message_at: datetime | None
    agents_used: list[str]
    status: ConversationStatus
    title: str | None


class ActiveUsers(BaseModel):
    """How many sockets are on a conversation."""

    conversation_id: UUID
    active_connections: int
    timestamp: datetime
