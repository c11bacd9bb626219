"""Rooms: who hears what, how many conversations a user may be on, and what an unread outbox does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.accounts.state import Tenant, User
from mock_services.backend.conversations.protocol import PLAIN, SECURE, Dialect
from mock_services.backend.conversations.rooms import Connection, Rooms

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TENANT = Tenant(uuid.UUID(int=1), "Elm", "elm", "code", NOW, NOW)
CONVERSATIONS = [uuid.UUID(int=number) for number in range(100, 112)]


def user(number: int) -> User:
    name = f"u{number}"
    return User(uuid.UUID(int=number), TENANT, f"{name}@example.com", name, b"", None, None, "user", True, NOW)


class Ears:
    """A connection and what happened to it."""

    def __init__(self, who: User, where: uuid.UUID, dialect: Dialect = PLAIN, limit: int = 100) -> None:
        self.woken = 0
        self.given_up = 0
        self.connection = Connection(who, where, dialect, limit, self.wake, self.give_up)

    def wake(self) -> None:
        self.woken += 1

    def give_up(self) -> None:
        self.given_up += 1

    def heard(self) -> list[str]:
        return list(self.connection.waiting)


def test_a_broadcast_reaches_everybody_there_in_the_words_of_their_socket() -> None:
    rooms, here, there = Rooms(10), *CONVERSATIONS[:1], CONVERSATIONS[1]
    plain, again, secure, elsewhere = (
        Ears(user(1), here),
        Ears(user(2), here),
        Ears(user(3), here, SECURE),
        Ears(user(4), there),
    )
    for ears in (plain, again, secure, elsewhere):
        rooms.enter(ears.connection)
    said: list[Dialect] = []

    def say(dialect: Dialect) -> str | None:
        said.append(dialect)
        return "hello" if dialect is PLAIN else None

    rooms.broadcast(here, say)
    assert (plain.heard(), again.heard(), secure.heard(), elsewhere.heard()) == (["hello"], ["hello"], [], [])
    assert said == [PLAIN, SECURE]  # once for each kind of socket
    assert (plain.woken, secure.woken) == (1, 0)
    assert rooms.present(here) == 3
    assert rooms.totals() == {"conversations": 2, "connections": 4, "users": 4}

    assert rooms.leave(plain.connection)
    assert not rooms.leave(plain.connection)
    rooms.broadcast(here, say)
    assert len(plain.heard()) == 1
    assert [each.email for each in rooms.users(here)] == ["u2@example.com", "u3@example.com"]


def test_an_outbox_that_is_full_gives_up_once_and_takes_nothing_more() -> None:
    ears = Ears(user(1), CONVERSATIONS[0], limit=2)
    for text in "abcd":
        ears.connection.send(text)
    assert (ears.heard(), ears.given_up, ears.woken) == (["a", "b"], 1, 2)
    ears.connection.waiting.clear()
    ears.connection.send("e")
    assert (ears.heard(), ears.given_up) == ([], 1)


def test_what_is_lost_counts_until_it_is_cleared() -> None:
    rooms, me = Rooms(2), user(1).id
    for conversation in CONVERSATIONS[:2]:
        assert rooms.admit(me, conversation)
        rooms.lose(me, conversation)
        rooms.release(me, conversation)
    assert not rooms.admit(me, CONVERSATIONS[2])
    assert rooms.admit(me, CONVERSATIONS[0])
    assert rooms.admit(user(2).id, CONVERSATIONS[2])
    rooms.clear()
    assert rooms.admit(me, CONVERSATIONS[2])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=80), st.integers(0, 10))
def test_a_user_is_never_on_more_conversations_than_allowed(steps: list[tuple[bool, int]], limit: int) -> None:
    rooms, me = Rooms(limit), user(1).id
    held: list[int] = []
    for comes, number in steps:
        if comes:
            admitted = rooms.admit(me, CONVERSATIONS[number])
            assert admitted == (number in held or len(set(held)) < limit)
            if admitted:
                held.append(number)
        elif number in held:
            rooms.release(me, CONVERSATIONS[number])
            held.remove(number)
        assert len(set(held)) <= limit
