"""What goes over a conversation's sockets, without any I/O: what a client's text means, and what the server says.

There are two sockets, and each has its own way of saying things: `PLAIN` and `SECURE`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import orjson

from mock_services.backend.accounts.state import User
from mock_services.backend.conversations.state import Message
from mock_services.core.operations import json_text

SERVER_PING: Final = '{"type":"ping"}'
FAILED: Final = "Failed to process message"
UNREADABLE: Final = "Invalid message format"
HELP: Final = "Commands: /status tells how the conversation stands, /users who is connected, ? shows this help."


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""


@dataclass(frozen=True, slots=True)
class Typing:
    """Says whether the user is typing."""

    is_typing: bool


@dataclass(frozen=True, slots=True)
class Say:
    """A message to the others, and to the agent."""

    content: str
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A question to the server: `/status`, `/users`, or anything that begins with a question mark."""

    name: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Text that is not JSON."""


Heard = Ping | Typing | Say | Command | Unreadable | None


def read(text: str) -> Heard:
    """Read what a client sent; None for what is passed over in silence."""
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Unreadable()
    if not isinstance(given, dict):
        return None
    match given.get("type"):
        case "ping":
            return Ping()
        case "typing_status":
            return Typing(given.get("is_typing") is True)
        case "message":
            return _said(given)
    return None


def _said(given: dict[str, Any]) -> Say | Command | None:
    content = given.get("content")
    if not isinstance(content, str) or not content.strip():
        return None
    command = content.strip()
    if command in {"/status", "/users"}:
        return Command(command)
    if command.startswith("?"):
        return Command("?")
    metadata = given.get("metadata")
    return Say(content, metadata if isinstance(metadata, dict) else {})


class Dialect(Protocol):
    """How one of the sockets says things. What it has no words for, it leaves unsaid: None."""

    def message(self, message: Message) -> str:
        """Write a message as it is sent."""

    def history(self, message: Message) -> str:
        """Write a message that was sent before the client came."""

    def joined(self, user: User, at: datetime) -> str | None:
        """Write that a user came."""

    def left(self, user: User, at: datetime) -> str | None:
        """Write that a user went."""

    def typing(self, user: User, at: datetime, *, is_typing: bool) -> str | None:
        """Write that a user is typing, or has stopped."""


class _Plain:
    def message(self, message: Message) -> str:
        return json_text(self._fields(message))

    def history(self, message: Message) -> str:
        return json_text(self._fields(message) | {"is_history": True})

    def joined(self, user: User, at: datetime) -> str:
        return json_text({"type": "user_joined", "email": user.email, "username": user.username, "timestamp": at})

    def left(self, user: User, at: datetime) -> str:
        return json_text({"type": "user_left", "email": user.email, "username": user.username, "timestamp": at})

    def typing(self, user: User, at: datetime, *, is_typing: bool) -> str:
        return json_text({"type": "typing_status", "email": user.email, "is_typing": is_typing, "timestamp": at})

    def _fields(self, message: Message) -> dict[str, Any]:
        fields: dict[str, Any] = {"type": "message", "content": message.content, "id": message.id}
        if message.user is not None:
            fields |= {
                "identifier": message.user.email,
                "is_owner": True,
                "email": message.user.email,
                "sender_name": message.user.name,
                "sender_type": "user",
                "timestamp": message.created_at,
                "user_metadata": message.metadata or {},
            }
        else:
            fields |= {
                "sender_name": message.sender_name,
                "sender_type": message.sender_type,
                "message_type": message.sender_type,
                "agent_type": message.agent_type,
                "timestamp": message.created_at,
                "agent_metadata": message.metadata or {},
            }
        return fields


class _Secure:
    def message(self, message: Message) -> str:
        return json_text(
            {
                "id": message.id,
                "type": "user" if message.user else "system",
                "content": message.content,
                "sender": message.sender_name,
                "timestamp": message.created_at,
                "metadata": message.metadata or {},
            }
        )

    def history(self, message: Message) -> str:
        return self.message(message)

    def joined(self, user: User, at: datetime) -> None:
        return None

    def left(self, user: User, at: datetime) -> None:
        return None

    def typing(self, user: User, at: datetime, *, is_typing: bool) -> None:
        return None


PLAIN: Final[Dialect] = _Plain()
SECURE: Final[Dialect] = _Secure()


def welcome(conversation_id: uuid.UUID, at: datetime) -> str:
    """Write the greeting of both sockets."""
    return system(f"Welcome to conversation {conversation_id}", at)


def system(content: str, at: datetime) -> str:
    """Write what the server itself has to say."""
    return json_text({"type": "system", "content": content, "timestamp": at})


def error(content: str, at: datetime | None = None) -> str:
    """Write what went wrong."""
    return json_text({"type": "error", "content": content} | ({"timestamp": at} if at else {}))


def pong(at: datetime) -> str:
    """Write the answer to a ping."""
    return json_text({"type": "pong", "timestamp": at})
