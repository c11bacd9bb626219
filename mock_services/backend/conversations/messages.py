"""Messages over REST: `/api/conversations/{id}/messages`. An agent answers at once in fixed words, without a model."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.agents.state import MODERATOR
from mock_services.backend.conversations.schemas import (
    ConversationPath,
    Done,
    MessageCreate,
    MessageListQuery,
    MessagePath,
    MessageView,
)
from mock_services.backend.conversations.state import Conversation, ConversationStore, Message
from mock_services.backend.conversations.views import message_view
from mock_services.backend.routes import Area
from mock_services.core.operations import Exchange, Operation, json_response

ANSWERER: Final = "ASSISTANT"
ANSWER: Final = "This is the agent response"
ANSWERS_WHEN_MENTIONED: Final = {
    "WEB_SEARCH": "This is the web search agent response",
    MODERATOR: "This is the moderator agent response",
}


class Messages:
    """The message endpoints, for the conversation's members."""

    def __init__(self, conversations: ConversationStore, access: Access) -> None:
        self._conversations = conversations
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("conversations", "/api/conversations/{conversation_id}/messages", self._access.active)
        all_of: dict[str, Any] = {"path_params": ConversationPath}
        one: dict[str, Any] = {"path_params": MessagePath, "refuses": (404,)}
        return (
            area("POST", "", self.create, body=MessageCreate, gives=MessageView, **all_of),
            area("GET", "", self.list, query=MessageListQuery, gives=list[MessageView], **all_of),
            area("DELETE", "", self.clear, gives=Done, **all_of),
            area("GET", "/{message_id}", self.show, gives=MessageView, **one),
            area("DELETE", "/{message_id}", self.delete, gives=Done, **one),
        )

    async def create(self, exchange: Exchange) -> Response:
        """Send a message; the answer is the agent's, not the message."""
        conversation = self._conversation(exchange)
        given: MessageCreate = exchange.body
        self._conversations.add_message(
            conversation,
            given.content,
            user=exchange.principal,
            message_type=given.message_type,
            metadata=given.metadata,
        )
        mentioned = given.mention if given.mention in ANSWERS_WHEN_MENTIONED else None
        answer = self._conversations.add_message(
            conversation,
            ANSWERS_WHEN_MENTIONED[mentioned] if mentioned else ANSWER,
            agent_type=mentioned or ANSWERER,
        )
        return json_response(message_view(answer))

    async def list(self, exchange: Exchange) -> Response:
        """List messages, oldest first."""
        query: MessageListQuery = exchange.query
        messages = self._conversation(exchange).messages
        start = min(query.skip, len(messages))
        stop = None if query.limit is None else min(start + query.limit, len(messages))
        return json_response([message_view(message) for message in islice(messages.values(), start, stop)])

    async def clear(self, exchange: Exchange) -> Response:
        """Delete all messages of a conversation."""
        removed = self._conversations.remove_messages(self._conversation(exchange))
        return json_response({"status": "success", "message": f"{removed} messages deleted"})

    async def show(self, exchange: Exchange) -> Response:
        """Show a message."""
        _, message = self._message(exchange)
        return json_response(message_view(message))

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a message."""
        self._conversations.remove_message(*self._message(exchange))
        return json_response({"status": "success", "message": "Message deleted successfully"})

    def _conversation(self, exchange: Exchange) -> Conversation:
        return self._conversations.of(exchange.principal, exchange.path.conversation_id)

    def _message(self, exchange: Exchange) -> tuple[Conversation, Message]:
        conversation = self._conversation(exchange)
        return conversation, self._conversations.message(conversation, exchange.path.message_id)
