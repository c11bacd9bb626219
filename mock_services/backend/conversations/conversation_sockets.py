"""The sockets that conversations happen on: `/api/ws/conversations/{id}` and `/api/ws/secure/conversations/{id}`."""

from __future__ import annotations

import uuid
from typing import Final

from starlette.websockets import WebSocket

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.conversations import protocol
from mock_services.backend.conversations.protocol import PLAIN, SECURE, Dialect
from mock_services.backend.conversations.visit import Venue, Visit
from mock_services.backend.defects import Defect
from mock_services.backend.errors import AuthenticationRequired
from mock_services.backend.sockets import BAD_TOKEN, NORMAL, NOT_ALLOWED, HandshakeRefused
from mock_services.backend.store import now

PLAIN_PATH: Final = "/api/ws/conversations/{conversation_id}"
SECURE_PATH: Final = "/api/ws/secure/conversations/{conversation_id}"


class ConversationSockets:
    """Answers the handshakes of both sockets, and lets in who may come in."""

    def __init__(self, access: Access, venue: Venue) -> None:
        self._access = access
        self._venue = venue
        self._leaks = Defect.SECURE_SOCKET_CLEAN_UP in venue.defects
        self._open_to_all = Defect.CONVERSATION_SOCKET_OPEN_TO_ALL in venue.defects

    async def plain(self, websocket: WebSocket) -> None:
        """Serve a conversation to a socket whose token comes in its query."""
        conversation_id = _conversation_id(websocket)
        token = websocket.query_params.get("token")
        if not token:
            raise HandshakeRefused("no token in the query")
        await websocket.accept()
        try:
            user = self._access.bearer(token)
        except AuthenticationRequired:
            await websocket.send_text(protocol.error("Authentication failed", now()))
            await websocket.close(BAD_TOKEN)
            return
        if not await self._visit(websocket, user, conversation_id, PLAIN):
            await websocket.close(NORMAL)

    async def secure(self, websocket: WebSocket) -> None:
        """Serve a conversation to a socket whose token comes in a header."""
        conversation_id = _conversation_id(websocket)
        await websocket.accept()
        try:
            user = self._access.bearer(_bearer_token(websocket.headers.get("authorization")))
        except AuthenticationRequired:
            await websocket.close(BAD_TOKEN, "Invalid authentication token")
        except BadHeader as bad:
            await websocket.close(BAD_TOKEN, str(bad))
        else:
            admitted = await self._visit(websocket, user, conversation_id, SECURE)
            if not admitted and not self._leaks:
                await websocket.close(NORMAL)
            # Where the clean-up crashes, the connection ends here without a close frame.

    async def _visit(self, websocket: WebSocket, user: User, conversation_id: uuid.UUID, dialect: Dialect) -> bool:
        """Let a user in for as long as they like; False if they are on too many conversations."""
        venue = self._venue
        conversation = venue.conversations.find(conversation_id)
        if not self._open_to_all and (conversation is None or user.id not in conversation.users):
            venue.counts["refused"] += 1
            await websocket.send_text(protocol.error("Access denied", now()))
            await websocket.close(NOT_ALLOWED)
            return True
        if not venue.rooms.admit(user.id, conversation_id):
            venue.counts["refused"] += 1
            return False
        if dialect is SECURE and self._leaks:
            venue.rooms.lose(user.id, conversation_id)
        try:
            await Visit(venue, websocket, user, conversation_id, dialect).run()
        finally:
            venue.rooms.release(user.id, conversation_id)
        return True


class BadHeader(Exception):
    """An Authorization header without a bearer token; the message is what the socket closes with."""


def _bearer_token(header: str | None) -> str:
    if header is None:
        raise BadHeader("Missing authorization header")
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer" or not token:
        raise BadHeader("Invalid authorization header format")
    return token


def _conversation_id(websocket: WebSocket) -> uuid.UUID:
    given = websocket.scope["path_params"]["conversation_id"]
    try:
        return uuid.UUID(given)
    except ValueError:
        raise HandshakeRefused(f"{given!r} is no id of a conversation") from None
