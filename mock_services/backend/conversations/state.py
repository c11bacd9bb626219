"""The tables of conversations and their messages."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import dropwhile
from typing import Any

from mock_services.backend.accounts.state import User
from mock_services.backend.conversations.schemas import ConversationStatus, MessageType
from mock_services.backend.errors import AccessDenied, ResourceNotFound
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.randomness import Randomness


@dataclass(slots=True, eq=False)
class Message:
    """A message: of a user, or of an agent where `agent_type` is set. `number` counts those of a conversation."""

    id: uuid.UUID
    number: int
    conversation_id: uuid.UUID
    content: str
    user: User | None
    agent_type: str | None
    created_at: datetime
    message_type: MessageType = MessageType.TEXT
    metadata: dict[str, Any] | None = None
    updated_at: datetime | None = None

    @property
    def sender_type(self) -> str:
        """Say who sent it: a user, an agent, or the system."""
        return "user" if self.user else "agent" if self.agent_type else "system"

    @property
    def sender_name(self) -> str | None:
        """Give the name that others see."""
        return self.user.name if self.user else self.agent_type


@dataclass(slots=True, eq=False)
class Participant:
    """Somebody who is no user of the platform, known by an e-mail."""

    id: uuid.UUID
    email: str
    joined_at: datetime


@dataclass(slots=True, eq=False)
class Conversation:
    """A conversation of users of one tenant; only its members reach it over REST."""

    id: uuid.UUID
    owner: User
    title: str | None
    description: str | None
    created_at: datetime
    updated_at: datetime
    status: ConversationStatus = ConversationStatus.ACTIVE
    users: dict[uuid.UUID, User] = field(default_factory=dict)
    participants: list[Participant] = field(default_factory=list)
    messages: dict[uuid.UUID, Message] = field(default_factory=dict)
    message_numbers: int = 0

    @property
    def rows(self) -> int:
        """Count the rows that it takes in the store."""
        return 1 + len(self.users) + len(self.participants) + len(self.messages)

    @property
    def last_message(self) -> Message | None:
        """Give the newest message."""
        return next(reversed(self.messages.values()), None)

    def after(self, number: int) -> list[Message]:
        """Give the messages that came after the one of a number, oldest first."""
        return list(dropwhile(lambda message: message.number <= number, self.messages.values()))


class ConversationStore:
    """All conversations, by id and by member."""

    def __init__(self, rows: Rows, randomness: Randomness) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self.clear()

    def __len__(self) -> int:
        return len(self._conversations)

    def clear(self) -> None:
        """Forget every conversation."""
        self._conversations: dict[uuid.UUID, Conversation] = {}
        self._by_member: dict[uuid.UUID, dict[uuid.UUID, Conversation]] = {}

    def add(
        self, owner: User, *, title: str | None, description: str | None, members: Iterable[User], emails: list[str]
    ) -> Conversation:
        """Open a conversation; its owner is a member. Without a title it gets one."""
        users = {owner.id: owner} | {user.id: user for user in members}
        self._rows.take(1 + len(users) + len(emails))
        moment = now()
        conversation = Conversation(
            self._ids.new("conversations"),
            owner,
            title or f"Conversation of {moment:%Y-%m-%d %H:%M}",
            description,
            moment,
            moment,
            users=users,
            participants=[Participant(self._ids.new("participants"), email, moment) for email in emails],
        )
        self._conversations[conversation.id] = conversation
        for user_id in users:
            self._by_member.setdefault(user_id, {})[conversation.id] = conversation
        return conversation

    def of_member(self, user: User) -> Iterator[Conversation]:
        """Give the conversations of a user, newest first."""
        return reversed(self._by_member.get(user.id, {}).values())

    def count_by_tenant(self) -> Counter[uuid.UUID]:
        """Count each tenant's conversations."""
        return Counter(conversation.owner.tenant.id for conversation in self._conversations.values())

    def find(self, conversation_id: uuid.UUID) -> Conversation | None:
        """Find a conversation of any tenant."""
        return self._conversations.get(conversation_id)

    def known_to(self, user: User, conversation_id: uuid.UUID) -> Conversation:
        """Find a conversation for a member; raise `ResourceNotFound` or `AccessDenied`."""
        conversation = self._conversations.get(conversation_id)
        if conversation is None or conversation.owner.tenant is not user.tenant:
            raise ResourceNotFound(f"the tenant has no conversation {conversation_id}")
        return self.of(user, conversation_id)

    def of(self, user: User, conversation_id: uuid.UUID) -> Conversation:
        """Find a conversation for a member; raise `AccessDenied` for any other, whether or not it exists."""
        conversation = self._by_member.get(user.id, {}).get(conversation_id)
        if conversation is None:
            raise AccessDenied(f"the user is no member of conversation {conversation_id}")
        return conversation

    def remove(self, conversation: Conversation) -> None:
        """Delete a conversation and its messages."""
        del self._conversations[conversation.id]
        for user_id in conversation.users:
            del self._by_member[user_id][conversation.id]
            if not self._by_member[user_id]:
                del self._by_member[user_id]
        self._rows.give_back(conversation.rows)

    def add_message(
        self,
        conversation: Conversation,
        content: str,
        *,
        user: User | None = None,
        agent_type: str | None = None,
        message_type: MessageType = MessageType.TEXT,
        metadata: dict[str, Any] | None = None,
    ) -> Message:
        """Add a message of a user or of an agent."""
        self._rows.take()
        conversation.message_numbers += 1
        message = Message(
            self._ids.new("messages"),
            conversation.message_numbers,
            conversation.id,
            content,
            user,
            agent_type,
            now(),
            message_type,
            metadata,
        )
        conversation.messages[message.id] = message
        conversation.updated_at = message.created_at
        return message

    def passing_message(
        self, conversation_id: uuid.UUID, content: str, user: User, metadata: dict[str, Any] | None
    ) -> Message:
        """Make a message of a conversation that does not exist: it is heard, and not kept."""
        return Message(
            self._ids.new("messages"), 0, conversation_id, content, user, None, now(), MessageType.TEXT, metadata
        )

    def message(self, conversation: Conversation, message_id: uuid.UUID) -> Message:
        """Find a message; raise `ResourceNotFound`."""
        message = conversation.messages.get(message_id)
        if message is None:
            raise ResourceNotFound(f"conversation {conversation.id} has no message {message_id}")
        return message

    def remove_message(self, conversation: Conversation, message: Message) -> None:
        """Delete a message."""
        del conversation.messages[message.id]
        self._rows.give_back()

    def remove_messages(self, conversation: Conversation) -> int:
        """Delete all messages of a conversation and say how many there were."""
        removed = len(conversation.messages)
        conversation.messages.clear()
        self._rows.give_back(removed)
        return removed
