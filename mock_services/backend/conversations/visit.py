"""One user's time on one conversation's socket: greeting, what was said before, and then taking part."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from mock_services.backend.accounts.state import User
from mock_services.backend.conversations import protocol
from mock_services.backend.conversations.answers import Answers
from mock_services.backend.conversations.protocol import SECURE, Command, Dialect, Ping, Say, Typing, Unreadable
from mock_services.backend.conversations.rooms import Connection, Rooms
from mock_services.backend.conversations.state import Conversation, ConversationStore, Message
from mock_services.backend.defects import Defect, Defects
from mock_services.backend.errors import StorageFull
from mock_services.backend.store import now
from mock_services.core.operations import run_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """What all visits share. Times in seconds; `unread` messages may wait for a client that does not read."""

    conversations: ConversationStore
    rooms: Rooms
    answers: Answers
    defects: Defects
    ping_after_s: float
    silent_after_s: float
    unread: int
    counts: Counter[str] = field(default_factory=Counter)


class Visit:
    """One user on one conversation, over one socket that has been accepted."""

    def __init__(
        self, venue: Venue, websocket: WebSocket, user: User, conversation_id: uuid.UUID, dialect: Dialect
    ) -> None:
        self._venue = venue
        self._websocket = websocket
        self._user = user
        self._conversation_id = conversation_id
        self._dialect = dialect
        self._run_id = run_of(websocket.scope)
        self._mute = dialect is SECURE and Defect.SECURE_SOCKET_MUTE in venue.defects

    async def run(self) -> None:
        """Serve until the client goes. One that leaves too much unread is left: the connection ends without a word."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            async with asyncio.timeout(None) as attention:
                connection = Connection(
                    self._user,
                    self._conversation_id,
                    self._dialect,
                    self._venue.unread,
                    ready.set,
                    lambda: attention.reschedule(loop.time()),
                )
                await self._greet()
                await self._take_part(connection, ready)
        except TimeoutError:
            self._venue.counts["too_slow"] += 1
            log.info("%s leaves too much unread in conversation %s", self._user.email, self._conversation_id)

    async def _greet(self) -> None:
        """Send the welcome and every message so far, with those that come meanwhile."""
        await self._websocket.send_text(protocol.welcome(self._conversation_id, now()))
        conversation = self._venue.conversations.find(self._conversation_id)
        number = 0
        while conversation is not None and (messages := conversation.after(number)):
            for message in messages:
                await self._websocket.send_text(self._dialect.history(message))
            number = messages[-1].number

    async def _take_part(self, connection: Connection, ready: asyncio.Event) -> None:
        venue, room = self._venue, self._conversation_id
        venue.rooms.enter(connection)
        silence = None
        if Defect.CONVERSATION_SOCKET_FALLS_SILENT in venue.defects:
            loop = asyncio.get_running_loop()
            silence = loop.call_later(venue.silent_after_s, venue.rooms.leave, connection)
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self._send(connection, ready))
                venue.rooms.broadcast(room, lambda dialect: dialect.joined(self._user, now()))
                await self._listen(connection)
                sender.cancel()
        finally:
            if silence is not None:
                silence.cancel()
            venue.rooms.leave(connection)
            venue.rooms.broadcast(room, lambda dialect: dialect.left(self._user, now()))

    async def _send(self, connection: Connection, ready: asyncio.Event) -> None:
        waiting = connection.waiting
        try:
            while True:
                await ready.wait()
                ready.clear()
                while waiting:
                    await self._websocket.send_text(waiting[0])
                    waiting.popleft()
        except WebSocketDisconnect:
            return  # whoever listens learns of it too, and ends the visit

    async def _listen(self, connection: Connection) -> None:
        """Do what the client asks, one thing at a time: while an agent answers, nothing else is read."""
        while True:
            try:
                async with asyncio.timeout(self._venue.ping_after_s):
                    received = await self._websocket.receive()
            except TimeoutError:
                connection.send(protocol.SERVER_PING)
                continue
            if received["type"] == "websocket.disconnect":
                return
            await self._obey(connection, received.get("text"))

    async def _obey(self, connection: Connection, text: str | None) -> None:
        heard = Unreadable() if text is None else protocol.read(text)
        if isinstance(heard, Unreadable):
            connection.send(protocol.error(protocol.UNREADABLE))
        elif self._mute:
            connection.send(protocol.error(protocol.FAILED))
        elif isinstance(heard, Ping):
            connection.send(protocol.pong(now()))
        elif isinstance(heard, Command):
            connection.send(protocol.system(self._reply(heard), now()))
        elif isinstance(heard, Typing):
            is_typing = heard.is_typing
            self._venue.rooms.broadcast(
                self._conversation_id, lambda dialect: dialect.typing(self._user, now(), is_typing=is_typing)
            )
        elif isinstance(heard, Say):
            try:
                await self._say(heard)
            except StorageFull as full:
                log.warning("a message is not kept: %s", full)
                connection.send(protocol.error(protocol.FAILED))

    async def _say(self, said: Say) -> None:
        venue = self._venue
        venue.counts["messages"] += 1
        conversation = venue.conversations.find(self._conversation_id)
        if conversation is None:
            passing = venue.conversations.passing_message(
                self._conversation_id, said.content, self._user, said.metadata
            )
            self._broadcast(passing)
            return
        self._broadcast(
            venue.conversations.add_message(conversation, said.content, user=self._user, metadata=said.metadata)
        )
        agent_type, words = await venue.answers.to(conversation, said.content, self._run_id)
        if venue.conversations.find(self._conversation_id) is not conversation:
            return  # it was deleted meanwhile
        venue.counts["answers"] += 1
        self._broadcast(venue.conversations.add_message(conversation, words, agent_type=agent_type))

    def _broadcast(self, message: Message) -> None:
        self._venue.rooms.broadcast(self._conversation_id, lambda dialect: dialect.message(message))

    def _reply(self, command: Command) -> str:
        rooms = self._venue.rooms
        if command.name == "/users":
            return "Connected users: " + ", ".join(user.email for user in rooms.users(self._conversation_id))
        if command.name == "/status":
            conversation = self._venue.conversations.find(self._conversation_id)
            return _status(conversation, rooms.present(self._conversation_id))
        return protocol.HELP


def _status(conversation: Conversation | None, connected: int) -> str:
    if conversation is None:
        return f"This conversation is not kept. Connections: {connected}"
    return (
        f"{conversation.title}: {conversation.status}. Messages: {len(conversation.messages)}. Connections: {connected}"
    )
