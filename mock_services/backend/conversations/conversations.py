"""Conversations: `/api/conversations/`, whose collection needs its last slash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.conversations.rooms import Rooms
from mock_services.backend.conversations.schemas import (
    ActiveUsers,
    ConversationCreate,
    ConversationListItem,
    ConversationListQuery,
    ConversationPath,
    ConversationStats,
    ConversationUpdate,
    ConversationView,
    Done,
    Export,
    SearchQuery,
)
from mock_services.backend.conversations.state import Conversation, ConversationStore
from mock_services.backend.conversations.views import conversation_view, list_item
from mock_services.backend.errors import BadRequest, Unprocessable
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Refusal
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, Operation, json_response


class Conversations:
    """The conversation endpoints; each is for the conversation's members, but `active-users` is for all."""

    def __init__(self, conversations: ConversationStore, rooms: Rooms, access: Access) -> None:
        self._conversations = conversations
        self._rooms = rooms
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("conversations", "/api/conversations")
        active, token = area.by(self._access.active), area.by(self._access.token)
        one: dict[str, Any] = {"path_params": ConversationPath}
        search = active("GET", "/search", self.search, query=SearchQuery, gives=list[ConversationListItem])
        search = replace(search, responses={**search.responses, 422: Refusal})  # raised by hand: it names no fields
        return (
            active("POST", "/", self.create, body=ConversationCreate, gives=ConversationView),
            active("GET", "/", self.list, query=ConversationListQuery, gives=list[ConversationListItem]),
            search,
            active("GET", "/{conversation_id}", self.show, gives=ConversationView, refuses=(404,), **one),
            active("PATCH", "/{conversation_id}", self.update, body=ConversationUpdate, gives=ConversationView, **one),
            active("DELETE", "/{conversation_id}", self.delete, gives=Done, refuses=(404,), **one),
            active("GET", "/{conversation_id}/export", self.export, gives=Export, **one),
            active("GET", "/{conversation_id}/stats", self.stats, gives=ConversationStats, **one),
            token("GET", "/{conversation_id}/active-users", self.active_users, gives=ActiveUsers, **one),
        )

    async def create(self, exchange: Exchange) -> Response:
        """Open a conversation."""
        user: User = exchange.principal
        given: ConversationCreate = exchange.body
        members = []
        for user_id in given.user_ids or ():
            member = user.tenant.users.get(user_id)
            if member is None:
                raise BadRequest(f"the tenant has no user {user_id}")
            members.append(member)
        conversation = self._conversations.add(
            user,
            title=given.title,
            description=given.description,
            members=members,
            emails=given.participant_emails or [],
        )
        return json_response(conversation_view(conversation))

    async def list(self, exchange: Exchange) -> Response:
        """List the caller's conversations, newest first."""
        query: ConversationListQuery = exchange.query
        found: Iterable[Conversation] = self._conversations.of_member(exchange.principal)
        if query.status is not None:
            found = (conversation for conversation in found if conversation.status == query.status)
        start = min((query.page - 1) * query.page_size, len(self._conversations))
        return json_response([list_item(each) for each in islice(found, start, start + query.page_size)])

    async def search(self, exchange: Exchange) -> Response:
        """Search the caller's conversations by title and description."""
        if not exchange.query.q:
            raise Unprocessable("a search needs q")
        term = exchange.query.q.lower()
        return json_response(
            [
                list_item(conversation)
                for conversation in self._conversations.of_member(exchange.principal)
                if term in (conversation.title or "").lower() or term in (conversation.description or "").lower()
            ]
        )

    async def show(self, exchange: Exchange) -> Response:
        """Show a conversation with all its messages."""
        return json_response(conversation_view(self._known(exchange)))

    async def update(self, exchange: Exchange) -> Response:
        """Change a conversation's title, description or status."""
        conversation = self._conversation(exchange)
        for name, value in exchange.body.model_dump(exclude_none=True).items():
            setattr(conversation, name, value)
        conversation.updated_at = now()
        return json_response(conversation_view(conversation))

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a conversation and its messages."""
        self._conversations.remove(self._known(exchange))
        return json_response({"status": "success", "message": "Conversation deleted successfully"})

    async def export(self, exchange: Exchange) -> Response:
        """Give a conversation to keep."""
        conversation = self._conversation(exchange)
        return json_response(
            {
                "thread_id": conversation.id,
                "title": conversation.title,
                "description": conversation.description,
                "created_at": conversation.created_at,
                "messages": [
                    {
                        "id": message.id,
                        "content": message.content,
                        "sender_name": message.sender_name,
                        "sender_type": message.sender_type,
                        "created_at": message.created_at,
                        "metadata": message.metadata,
                    }
                    for message in conversation.messages.values()
                ],
            }
        )

    async def stats(self, exchange: Exchange) -> Response:
        """Give a conversation in numbers."""
        conversation = self._conversation(exchange)
        last = conversation.last_message
        agents = {message.agent_type for message in conversation.messages.values() if message.agent_type}
        return json_response(
            {
                "message_count": len(conversation.messages),
                "created_at": conversation.created_at,
                "last_message_at": last.created_at if last else None,
                "agents_used": sorted(agents),
                "status": conversation.status,
                "title": conversation.title,
            }
        )

    async def active_users(self, exchange: Exchange) -> Response:
        """Count the sockets on a conversation, whether or not it exists."""
        conversation_id = exchange.path.conversation_id
        return json_response(
            {
                "conversation_id": conversation_id,
                "active_connections": self._rooms.present(conversation_id),
                "timestamp": now(),
            }
        )

    def _known(self, exchange: Exchange) -> Conversation:
        return self._conversations.known_to(exchange.principal, exchange.path.conversation_id)

    def _conversation(self, exchange: Exchange) -> Conversation:
        return self._conversations.of(exchange.principal, exchange.path.conversation_id)
