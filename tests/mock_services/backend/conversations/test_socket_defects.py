"""The platform's own defects of conversation sockets, shown where their switches are on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from tests.mock_services.backend.agents import until as eventually
from tests.mock_services.backend.conversations.talk import NOBODY, UNKNOWN, Talk, end, receive, say, talk, tell, until
from tests.mock_services.backend.support import Member

pytestmark = pytest.mark.anyio

DEFECTS = "conversation-socket-open-to-all,secure-socket-mute,secure-socket-clean-up"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def it() -> AsyncIterator[Talk]:
    async with talk(**NOBODY, BACKEND_CONVERSATIONS_PER_USER="3", BACKEND_DEFECTS=DEFECTS) as it:
        yield it


async def test_a_socket_falls_silent_and_stays_open() -> None:
    silent = {"BACKEND_DEFECTS": "conversation-socket-falls-silent", "BACKEND_CONVERSATION_SILENT_S": "0.4"}
    async with talk(**NOBODY, **silent) as it:
        ada, ben = (member := await it.member()), await it.colleague(member)
        conversation = await it.conversation(ada, ben)
        begun = time.monotonic()
        async with it.plain(ada, conversation) as old:
            await until(old, "user_joined")

            async def is_alone() -> bool:
                active = await ada.call("GET", f"/api/conversations/{conversation}/active-users")
                return bool(active.json()["active_connections"] == 0)

            await eventually(is_alone)
            assert time.monotonic() - begun >= 0.4
            async with it.plain(ben, conversation) as new:
                await until(new, "user_joined")
                await say(old, "Can you hear me?")
                assert (await until(new, "message"))[-1]["content"] == "Can you hear me?"
                await tell(old, "ping")
                assert (await receive(old))["type"] == "pong"  # of all that happened it hears only this


async def test_any_token_opens_any_conversation(it: Talk) -> None:
    owner, stranger = await it.member(), await it.member()
    conversation = await it.conversation(owner)
    sent = {"content": "For us alone"}
    await owner.call("POST", f"/api/conversations/{conversation}/messages", json=sent)
    for opened in (it.plain(stranger, conversation), it.secure(stranger, conversation)):
        async with opened as socket:
            await receive(socket)
            assert (await receive(socket))["content"] == "For us alone"
    async with it.plain(stranger, UNKNOWN) as nowhere:
        await until(nowhere, "user_joined")
        await say(nowhere, "Into the void")
        assert (await receive(nowhere))["content"] == "Into the void"
        await tell(nowhere, "ping")
        assert (await receive(nowhere))["type"] == "pong"  # no agent answers there
        await say(nowhere, "/status")
        assert "not kept" in (await receive(nowhere))["content"]


async def test_the_secure_socket_cannot_carry_messages(it: Talk) -> None:
    member = await it.member()
    conversation = await it.conversation(member)
    async with it.secure(member, conversation) as socket, it.plain(member, conversation) as plain:
        await receive(socket)
        await until(plain, "user_joined")
        for kind in ("ping", "message", "typing_status", "nonsense"):
            await tell(socket, kind, content="hello")
            assert await receive(socket) == {"type": "error", "content": "Failed to process message"}
        await tell(plain, "ping")
        assert (await receive(plain))["type"] == "pong"  # nothing reached the others
    assert (await member.call("GET", f"/api/conversations/{conversation}/messages")).json() == []


async def visit_securely(it: Talk, member: Member, conversation: str) -> None:
    async with it.secure(member, conversation) as socket:
        await receive(socket)


async def test_secure_sockets_use_a_users_conversations_up_for_good(it: Talk) -> None:
    member, other = await it.member(), await it.member()
    conversations = [await it.conversation(member) for _ in range(4)]
    for conversation in conversations[:3]:
        await visit_securely(it, member, conversation)
    async with it.secure(member, conversations[3]) as socket:
        assert await end(socket) == ([], None)  # no close frame
    async with it.plain(member, conversations[3]) as socket:
        assert await end(socket) == ([], (1000, ""))
    await visit_securely(it, member, conversations[0])  # one of the three is still open to the user
    await visit_securely(it, other, await it.conversation(other))

    async def all_gone() -> bool:
        return bool((await it.client.get("/api/ws/stats")).json()["total_connections"] == 0)

    await eventually(all_gone)
