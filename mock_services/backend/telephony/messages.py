"""What was said in a call: `/api/telephony/calls/{call_id}/messages`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.errors import ResourceNotFound, StorageFull
from mock_services.backend.routes import Area
from mock_services.backend.schemas import ANY_OBJECT, Detail
from mock_services.backend.telephony.schemas import (
    BulkCreated,
    CallMessageCreate,
    CallMessageView,
    CallPath,
    MessageList,
    MessagePath,
    MessagesQuery,
    MessageUpdate,
    TranscriptQuery,
    message_view,
    of_type,
    transcript_text,
)
from mock_services.backend.telephony.state import Call, CallMessage, Telephony
from mock_services.core.operations import Exchange, Operation, json_response


class CallMessages:
    """The endpoints of a call's messages."""

    def __init__(self, telephony: Telephony, access: Access) -> None:
        self._telephony = telephony
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony/calls/{call_id}/messages")
        active, admin = area.by(self._access.active), area.by(self._access.one_of(ORGANIZATION_ADMINS))
        call, one, refuses = CallPath, MessagePath, (404,)
        return (
            active("GET", "", self.list, path_params=call, query=MessagesQuery, gives=MessageList, refuses=refuses),
            admin(
                "POST",
                "",
                self.create,
                path_params=call,
                body=CallMessageCreate,
                gives=CallMessageView,
                refuses=refuses,
            ),
            admin(
                "POST",
                "/bulk",
                self.create_many,
                path_params=call,
                body=list[CallMessageCreate],
                gives=BulkCreated,
                refuses=refuses,
            ),
            active(
                "GET",
                "/transcript",
                self.transcript,
                path_params=call,
                query=TranscriptQuery,
                gives=ANY_OBJECT,
                refuses=refuses,
            ),
            active("GET", "/summary", self.summary, path_params=call, gives=ANY_OBJECT, refuses=refuses),
            admin(
                "PATCH",
                "/{message_id}",
                self.update,
                path_params=one,
                body=MessageUpdate,
                gives=CallMessageView,
                refuses=refuses,
            ),
            admin("DELETE", "/{message_id}", self.delete, path_params=one, gives=Detail, refuses=refuses),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List a call's messages."""
        query: MessagesQuery = exchange.query
        call = self._call(exchange)
        found = [
            message
            for message in call.messages.values()
            if query.message_type in (None, message.message_type)
            and query.sender_type in (None, message.sender["type"])
        ]
        by_creation = query.order_by == "created_at"
        found.sort(
            key=lambda message: message.created_at if by_creation else message.timestamp,
            reverse=query.order_dir == "desc",
        )
        page = found[query.offset : query.offset + query.limit]
        return json_response(
            {"messages": [message_view(call, message) for message in page], "total": len(found), "call_id": call.id}
        )

    async def create(self, exchange: Exchange) -> Response:
        """Add a message."""
        call = self._call(exchange)
        return json_response(message_view(call, self._add(call, exchange.body)))

    async def create_many(self, exchange: Exchange) -> Response:
        """Add messages, or none."""
        call = self._call(exchange)
        if len(exchange.body) > self._telephony.room_for_messages(call):
            raise StorageFull(f"call {call.id} has no room for {len(exchange.body)} messages more")
        made = [self._add(call, each).id for each in exchange.body]
        return json_response({"call_id": call.id, "created_count": len(made), "message_ids": made})

    async def transcript(self, exchange: Exchange) -> Response:
        """Give a call's transcript as text or as messages."""
        call = self._call(exchange)
        if exchange.query.format != "json":
            return json_response(
                {"call_id": call.id, "format": exchange.query.format, "transcript": transcript_text(call) or ""}
            )
        lines = sorted(of_type(call, "transcript"), key=lambda message: message.timestamp)
        return json_response(
            {"call_id": call.id, "format": "json", "messages": [message_view(call, line) for line in lines]}
        )

    async def summary(self, exchange: Exchange) -> Response:
        """Give a call's newest summary, if there is one."""
        call = self._call(exchange)
        summaries = of_type(call, "summary")
        if not summaries:
            return json_response({"call_id": call.id, "summary": None, "message": "This call has no summary yet"})
        newest = summaries[-1]
        return json_response(
            {
                "call_id": call.id,
                "summary": newest.content,
                "created_at": newest.created_at,
                "metadata": newest.metadata,
            }
        )

    async def update(self, exchange: Exchange) -> Response:
        """Change a message's words or metadata."""
        call, message = self._message(exchange)
        for name, value in exchange.body.model_dump(exclude_none=True).items():
            setattr(message, name, value)
        return json_response(message_view(call, message))

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a message."""
        call, message = self._message(exchange)
        del call.messages[message.id]
        return json_response({"detail": "Message deleted successfully"})

    def _call(self, exchange: Exchange) -> Call:
        return self._telephony.call(exchange.principal.tenant.id, exchange.path.call_id)

    def _message(self, exchange: Exchange) -> tuple[Call, CallMessage]:
        call = self._call(exchange)
        message = call.messages.get(exchange.path.message_id)
        if message is None:
            raise ResourceNotFound(f"call {call.id} has no message {exchange.path.message_id}")
        return call, message

    def _add(self, call: Call, given: CallMessageCreate) -> CallMessage:
        metadata = given.metadata.model_dump(exclude_none=True) if given.metadata else None
        return self._telephony.add_message(
            call,
            content=given.content,
            sender=given.sender.model_dump(),
            timestamp=given.timestamp,
            message_type=given.message_type,
            metadata=metadata,
        )
