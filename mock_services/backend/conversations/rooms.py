"""Who is on which conversation's sockets, and what a user may still join. No I/O: messages go into outboxes."""

from __future__ import annotations

import uuid
from collections import Counter, deque
from collections.abc import Callable

from mock_services.backend.accounts.state import User
from mock_services.backend.conversations.protocol import Dialect


class Connection:
    """One socket on a conversation: what waits to be sent on it, at most `limit` messages.

    `wake` is called when there is something to send, and `give_up`, once, when the client leaves more than that unread.
    """

    __slots__ = ("_give_up", "_limit", "_wake", "conversation_id", "dialect", "overflowed", "user", "waiting")

    def __init__(
        self,
        user: User,
        conversation_id: uuid.UUID,
        dialect: Dialect,
        limit: int,
        wake: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        self.user = user
        self.conversation_id = conversation_id
        self.dialect = dialect
        self.waiting: deque[str] = deque()
        self.overflowed = False
        self._limit = limit
        self._wake = wake
        self._give_up = give_up

    def send(self, text: str) -> None:
        """Put a message into the outbox."""
        if self.overflowed:
            return
        if len(self.waiting) < self._limit:
            self.waiting.append(text)
            self._wake()
        else:
            self.overflowed = True
            self._give_up()


class Rooms:
    """The sockets of every conversation.

    A user may be on `limit` different conversations at a time. Whoever is admitted holds a place until `release`; they
    hear what is said between `enter` and `leave`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rooms: dict[uuid.UUID, dict[Connection, None]] = {}
        self._places: dict[uuid.UUID, Counter[uuid.UUID]] = {}
        self._lost: dict[uuid.UUID, set[uuid.UUID]] = {}

    def admit(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> bool:
        """Take a place for a user on a conversation; False where that would be one conversation too many."""
        taken = {*self._places.get(user_id, ()), *self._lost.get(user_id, ())}
        if conversation_id not in taken and len(taken) >= self._limit:
            return False
        self._places.setdefault(user_id, Counter())[conversation_id] += 1
        return True

    def release(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
        """Give a place back."""
        places = self._places[user_id]
        places[conversation_id] -= 1
        if not places[conversation_id]:
            del places[conversation_id]
        if not places:
            del self._places[user_id]

    def lose(self, user_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
        """Keep a conversation counted for a user, whoever leaves: nothing but `clear` ends that."""
        self._lost.setdefault(user_id, set()).add(conversation_id)

    def enter(self, connection: Connection) -> None:
        """Let a connection hear what is said from now on."""
        self._rooms.setdefault(connection.conversation_id, {})[connection] = None

    def leave(self, connection: Connection) -> bool:
        """Let a connection hear nothing more; say whether it did until now."""
        room = self._rooms.get(connection.conversation_id, {})
        if connection not in room:
            return False
        del room[connection]
        if not room:
            del self._rooms[connection.conversation_id]
        return True

    def broadcast(self, conversation_id: uuid.UUID, say: Callable[[Dialect], str | None]) -> None:
        """Send something to all on a conversation, in the words of each one's socket."""
        said: dict[Dialect, str | None] = {}
        for connection in tuple(self._rooms.get(conversation_id, ())):
            dialect = connection.dialect
            if dialect not in said:
                said[dialect] = say(dialect)
            text = said[dialect]
            if text is not None:
                connection.send(text)

    def present(self, conversation_id: uuid.UUID) -> int:
        """Count the sockets on a conversation."""
        return len(self._rooms.get(conversation_id, ()))

    def users(self, conversation_id: uuid.UUID) -> list[User]:
        """Give the users on a conversation, in the order in which they came."""
        return list(dict.fromkeys(connection.user for connection in self._rooms.get(conversation_id, ())))

    def totals(self) -> dict[str, int]:
        """Count conversations with somebody on them, sockets, and users."""
        connections = [connection for room in self._rooms.values() for connection in room]
        return {
            "conversations": len(self._rooms),
            "connections": len(connections),
            "users": len({connection.user for connection in connections}),
        }

    def clear(self) -> None:
        """Forget the places that were lost. Sockets that are open stay."""
        self._lost.clear()
