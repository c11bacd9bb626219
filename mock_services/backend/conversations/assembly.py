"""Puts the conversations together: their state, endpoints and sockets, and the agents that take part in them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from mock_services.backend.accounts.access import Access
from mock_services.backend.agents.agents import Agents
from mock_services.backend.agents.state import AgentStore
from mock_services.backend.conversations.answers import Answers
from mock_services.backend.conversations.conversation_sockets import PLAIN_PATH, SECURE_PATH, ConversationSockets
from mock_services.backend.conversations.conversations import Conversations
from mock_services.backend.conversations.messages import Messages
from mock_services.backend.conversations.notifications import PATH as NOTIFICATIONS_PATH
from mock_services.backend.conversations.notifications import Notifications
from mock_services.backend.conversations.rooms import Rooms
from mock_services.backend.conversations.state import ConversationStore
from mock_services.backend.conversations.stats import SocketPages
from mock_services.backend.conversations.visit import Venue
from mock_services.backend.settings import Settings
from mock_services.backend.store import Rows
from mock_services.backend.vendors.openai import OpenAI
from mock_services.core.randomness import Randomness


class ConversationAreas:
    """Conversations and what belongs to them. `other_sockets` counts the open sockets of other areas by kind."""

    def __init__(
        self,
        settings: Settings,
        rows: Rows,
        randomness: Randomness,
        access: Access,
        openai: OpenAI,
        other_sockets: Callable[[], dict[str, int]],
    ) -> None:
        self._other_sockets = other_sockets
        self._store = ConversationStore(rows, randomness)
        self._agents = AgentStore(rows, randomness)
        self.rooms = Rooms(settings.conversations_per_user)
        self._notifications = Notifications(access)
        self._venue = Venue(
            conversations=self._store,
            rooms=self.rooms,
            answers=Answers(self._agents, openai),
            defects=settings.defects,
            ping_after_s=settings.conversation_ping_s,
            silent_after_s=settings.conversation_silent_s,
            unread=settings.conversation_unread,
        )
        live = ConversationSockets(access, self._venue)
        self.areas = (
            Conversations(self._store, self.rooms, access),
            Messages(self._store, access),
            SocketPages(self.rooms, access, lambda: {"notifications": self._notifications.open, **other_sockets()}),
            Agents(self._agents, access),
        )
        self.sockets = (
            (PLAIN_PATH, live.plain),
            (SECURE_PATH, live.secure),
            (NOTIFICATIONS_PATH, self._notifications),
        )

    def count_by_tenant(self) -> Mapping[uuid.UUID, int]:
        """Count each tenant's conversations."""
        return self._store.count_by_tenant()

    def open_sockets(self) -> dict[str, int]:
        """Count the open sockets by kind."""
        others = {"notifications": self._notifications.open, **self._other_sockets()}
        return {"conversations": self.rooms.totals()["connections"], **others}

    def clear(self) -> None:
        """Forget conversations, and agents that were added. Sockets that are open stay open."""
        self._store.clear()
        self._agents.clear()
        self.rooms.clear()
        self._venue.counts.clear()

    def gauges(self) -> dict[str, Any]:
        """Say how many there are, and what happened on their sockets."""
        return {
            "conversations": len(self._store),
            "conversation_sockets": {
                **self.rooms.totals(),
                "notifications": self._notifications.open,
                "counts": dict(self._venue.counts),
            },
        }
