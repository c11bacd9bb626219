"""Section 6 of the contract over real sockets: conversations, their secure twin, and notifications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from typing import Any

import pytest
import websocket
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.mock_services.backend.agents import until as eventually
from tests.mock_services.backend.conversations.talk import (
    NOBODY,
    QUICK,
    TIME,
    UNKNOWN,
    Talk,
    end,
    receive,
    say,
    talk,
    tell,
    until,
)
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

HOURS = "We are open from nine to five on weekdays, and until noon on Saturdays."


@pytest.fixture(scope="module")
def openai() -> Iterator[str]:
    with serving("openai", **QUICK) as address:
        yield address


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def it(openai: str) -> AsyncIterator[Talk]:
    async with talk(OPENAI_BASE_URL=f"http://{openai}/v1") as it:
        yield it


async def settled(socket: ClientConnection) -> None:
    """Pass by the greeting, up to one's own arrival."""
    await until(socket, "user_joined")


async def test_a_conversation_from_greeting_to_farewell(it: Talk) -> None:
    ada, ben = (member := await it.member()), await it.colleague(member)
    conversation = await it.conversation(ada, ben)
    async with it.plain(ada, conversation) as first:
        welcome = await receive(first)
        assert (welcome["type"], welcome["content"]) == ("system", f"Welcome to conversation {conversation}")
        assert TIME.fullmatch(welcome["timestamp"])
        joined = await receive(first)
        assert set(joined) == {"type", "email", "username", "timestamp"}
        assert (joined["type"], joined["email"]) == ("user_joined", ada.user["email"])
        async with it.plain(ben, conversation) as second:
            assert [message["type"] for message in await until(second, "user_joined")] == ["system", "user_joined"]
            assert (await receive(first))["email"] == ben.user["email"]

            await tell(first, "ping")
            pong = await receive(first)
            assert (pong["type"], set(pong)) == ("pong", {"type", "timestamp"})
            await tell(second, "typing_status", is_typing=True)
            for socket in (first, second):
                typing = await receive(socket)
                assert (typing["type"], typing["email"], typing["is_typing"]) == (
                    "typing_status",
                    ben.user["email"],
                    True,
                )

            await say(first, "When do you open?", metadata={"from": "test"})
            heard = [await receive(socket) for socket in (first, second)]
            assert heard[0] == heard[1]
            message = heard[0]
            assert TIME.fullmatch(message.pop("timestamp"))
            assert message == {
                "type": "message",
                "content": "When do you open?",
                "id": message["id"],
                "identifier": ada.user["email"],
                "is_owner": True,
                "email": ada.user["email"],
                "sender_name": "Ida Stone",
                "sender_type": "user",
                "user_metadata": {"from": "test"},
            }
            answers = [await receive(socket) for socket in (first, second)]
            assert answers[0] == answers[1]
            assert answers[0]["content"] == HOURS
            assert (answers[0]["sender_type"], answers[0]["message_type"]) == ("agent", "agent")
            assert (answers[0]["agent_type"], answers[0]["agent_metadata"]) == ("MODERATOR", {})
        left = await receive(first)
        assert (left["type"], left["email"]) == ("user_left", ben.user["email"])

    kept = (await ada.call("GET", f"/api/conversations/{conversation}/messages")).json()
    assert [(each["id"], each["content"]) for each in kept] == [
        (heard[0]["id"], "When do you open?"),
        (answers[0]["id"], HOURS),
    ]
    async with it.plain(ben, conversation) as again:
        replayed = (await until(again, "user_joined"))[1:-1]
    assert replayed == [
        heard[0] | {"is_history": True, "timestamp": heard[1]["timestamp"]},
        answers[0] | {"is_history": True},
    ]


async def test_questions_to_the_server_are_answered_to_the_asker_alone(it: Talk, openai: str) -> None:
    ada, ben = (member := await it.member()), await it.colleague(member)
    conversation = await it.conversation(ada, ben)
    asked = (await it.metrics())["conversation_sockets"]["counts"].get("messages", 0)
    async with it.plain(ada, conversation) as first, it.plain(ben, conversation) as second:
        await settled(second)
        await until(first, "user_joined", email=ben.user["email"])
        for question, part in (
            ("/users", f"{ada.user['email']}, {ben.user['email']}"),
            ("/status", "The gate: active. Messages: 0. Connections: 2"),
            ("? what now", "/status"),
        ):
            await say(first, question)
            reply = await receive(first)
            assert (reply["type"], part in reply["content"]) == ("system", True), reply
        await tell(second, "ping")
        assert (await receive(second))["type"] == "pong"
        active = await ada.call("GET", f"/api/conversations/{conversation}/active-users")
        assert active.json()["active_connections"] == 2
    assert (await it.metrics())["conversation_sockets"]["counts"].get("messages", 0) == asked


async def test_what_means_nothing_is_passed_over_and_what_is_unreadable_is_said_to_be(it: Talk) -> None:
    member = await it.member()
    async with it.plain(member, await it.conversation(member)) as socket:
        await settled(socket)
        for nothing in ('{"type":"subscribe"}', "[]", "7", '{"type":"message","content":""}', '{"type":"message"}'):
            await socket.send(nothing)
        for unreadable in ("hello", "", b"\x00\x01"):
            await socket.send(unreadable)
            assert await receive(socket) == {"type": "error", "content": "Invalid message format"}
        await tell(socket, "ping")
        assert (await receive(socket))["type"] == "pong"


async def test_the_handshake_is_refused_or_the_socket_closed(it: Talk) -> None:
    member = await it.member()
    mine = await it.conversation(member)
    plain, secure = "/api/ws/conversations/", "/api/ws/secure/conversations/"
    header = {"additional_headers": member.headers}
    refused: list[tuple[str, dict[str, Any]]] = [
        (plain + mine, {}),
        (plain + mine, header),
        (f"{plain}{mine}?token=", {}),
        (f"{plain}7?token={member.access_token}", {}),
        (f"{secure}7", header),
        ("/api/ws/notifications", header),
        (f"/ws/conversations/{mine}?token={member.access_token}", {}),
        (f"{plain}?token={member.access_token}", {}),
    ]
    for path, options in refused:
        with pytest.raises(InvalidStatus) as refusal:
            async with it.socket(path, **options):
                pass
        assert refusal.value.response.status_code == 403, path

    async with it.socket(f"{plain}{mine}?token=bad") as socket:
        (error,), close = await end(socket)
    assert (error["type"], error["content"], close) == ("error", "Authentication failed", (4001, ""))
    async with it.socket("/api/ws/notifications?token=bad") as socket:
        assert await end(socket) == ([], (4001, ""))
    headers: list[tuple[dict[str, str], str]] = [
        ({}, "Missing authorization header"),
        ({"Authorization": "Token x"}, "Invalid authorization header format"),
        ({"Authorization": "Bearer"}, "Invalid authorization header format"),
        ({"Authorization": "Bearer bad"}, "Invalid authentication token"),
    ]
    for given, reason in headers:
        async with it.socket(secure + mine, additional_headers=given) as socket:
            assert await end(socket) == ([], (4001, reason))

    stranger = await it.colleague(member)
    for who, conversation in ((stranger, mine), (member, UNKNOWN)):
        for opened in (it.plain(who, conversation), it.secure(who, conversation)):
            async with opened as socket:
                (error,), close = await end(socket)
            assert (error["content"], close) == ("Access denied", (4003, ""))


async def test_a_user_is_on_ten_conversations_and_no_more(it: Talk) -> None:
    member = await it.member()
    conversations = [await it.conversation(member) for _ in range(11)]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(it.plain(member, each)) for each in conversations[:9]]
        await stack.enter_async_context(it.secure(member, conversations[9]))
        for socket in sockets:
            await settled(socket)
        for opened in (it.plain(member, conversations[10]), it.secure(member, conversations[10])):
            async with opened as socket:
                assert await end(socket) == ([], (1000, ""))
        await settled(await stack.enter_async_context(it.plain(member, conversations[0])))  # the same one again
        await sockets[1].close()

        async def has_place() -> bool:
            async with it.plain(member, conversations[10]) as socket:
                return "content" in json.loads(await anext(aiter(socket), "{}"))

        await eventually(has_place)


async def test_places_on_the_secure_socket_come_back_too(it: Talk) -> None:
    member = await it.member()
    for conversation in [await it.conversation(member) for _ in range(12)]:
        async with it.secure(member, conversation) as socket:
            assert (await receive(socket))["type"] == "system"


async def test_many_are_on_one_conversation_and_a_reset_leaves_them_there(it: Talk) -> None:
    member = await it.member()
    conversation = await it.conversation(member)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(it.plain(member, conversation)) for _ in range(60)]
        for socket in sockets:
            await settled(socket)
        await tell(sockets[0], "typing_status", is_typing=True)
        for socket in sockets:
            await until(socket, "typing_status")
        assert (await it.metrics())["conversation_sockets"]["connections"] == 60
        stats = (await it.client.get("/api/ws/stats")).json()
        assert (stats["total_connections"], stats["active_conversations"], stats["active_users"]) == (60, 1, 1)
        await it.client.post("/__lab/reset")
        await tell(sockets[1], "typing_status", is_typing=False)
        for socket in sockets:
            await until(socket, "typing_status", is_typing=False)


async def test_the_secure_socket_says_the_same_in_its_own_way(it: Talk) -> None:
    member = await it.member()
    conversation = await it.conversation(member)
    async with it.secure(member, conversation) as secure, it.plain(member, conversation) as plain:
        assert (await receive(secure))["content"] == f"Welcome to conversation {conversation}"
        await settled(plain)
        await tell(secure, "ping")
        assert (await receive(secure))["type"] == "pong"
        await say(secure, "When do you open?")
        mine, theirs = await receive(secure), (await until(plain, "message"))[-1]
        assert mine == {
            "id": theirs["id"],
            "type": "user",
            "content": "When do you open?",
            "sender": "Ida Stone",
            "timestamp": theirs["timestamp"],
            "metadata": {},
        }
        answer = await receive(secure)
        assert (answer["type"], answer["content"], answer["sender"]) == ("system", HOURS, "MODERATOR")
        await secure.send("hello")
        assert (await receive(secure))["content"] == "Invalid message format"
    async with it.secure(member, conversation) as again:
        await receive(again)
        assert [await receive(again), await receive(again)] == [mine, answer]


async def test_while_the_agent_runs_its_socket_reads_nothing_and_others_do() -> None:
    with serving("openai", OPENAI_FIRST_TOKEN_MS="300", OPENAI_TOKENS_PER_SECOND="0") as openai:
        async with talk(OPENAI_BASE_URL=f"http://{openai}/v1") as it:
            member = await it.member()
            conversation = await it.conversation(member)
            async with it.plain(member, conversation) as busy, it.plain(member, conversation) as free:
                for socket in (busy, free):
                    await settled(socket)
                await until(busy, "user_joined")
                await say(busy, "When do you open?")
                await until(free, "message", sender_type="user")
                await tell(busy, "ping")
                await tell(free, "ping")
                assert (await receive(free))["type"] == "pong"
                assert [message["type"] for message in await until(busy, "pong")] == ["message", "message", "pong"]
                assert (await receive(free))["sender_type"] == "agent"
            asked = (await it.client.get(f"http://{openai}/__lab/metrics")).json()["requests"]
            assert asked == {"POST /v1/chat/completions": {"200": 1}, "POST /v1/responses": {"200": 1}}


async def test_an_agent_that_cannot_be_asked_says_so(openai: str) -> None:
    async with talk(**NOBODY, BACKEND_CONVERSATION_PING_S="0.3") as it:
        member = await it.member()
        conversation = await it.conversation(member)
        async with it.plain(member, conversation) as socket:
            await settled(socket)
            await say(socket, "Hello?")
            answer = (await until(socket, "message", sender_type="agent"))[-1]
            assert (answer["content"], answer["agent_type"]) == (
                "I encountered an error: Connection error.",
                "MODERATOR",
            )
            assert await receive(socket) == {"type": "ping"}  # a client that is silent is asked whether it is there
            assert await receive(socket) == {"type": "ping"}
            deletion = await member.call("DELETE", f"/api/conversations/{conversation}")
            assert deletion.status_code == 200
            await say(socket, "Still there?")  # heard, and kept nowhere
            heard = (await until(socket, "message"))[-1]
            assert (heard["content"], heard["sender_type"]) == ("Still there?", "user")
            await say(socket, "/status")
            assert "is not kept" in (await until(socket, "system"))[-1]["content"]
        assert (await it.metrics())["conversation_sockets"]["counts"] == {"messages": 2, "answers": 1}


async def test_a_store_that_is_full_is_told(it: Talk) -> None:
    async with talk(**NOBODY, BACKEND_MAX_ROWS="5") as full:
        member = await full.member()  # two rows
        conversation = await full.conversation(member)  # two more
        async with full.plain(member, conversation) as socket:
            await settled(socket)
            await say(socket, "There is room for me")
            assert (await receive(socket))["sender_type"] == "user"
            assert await receive(socket) == {"type": "error", "content": "Failed to process message"}
            await tell(socket, "ping")
            assert (await receive(socket))["type"] == "pong"


async def test_a_client_that_does_not_read_is_left_and_holds_up_nobody(it: Talk) -> None:
    async with talk(**NOBODY, BACKEND_CONVERSATION_UNREAD="20") as few:
        member = await few.member()
        conversation = await few.conversation(member)
        text = "word " * 20_000  # 100 kB: a few of them fill every buffer on the way
        async with few.plain(member, conversation, max_queue=1, close_timeout=0.1) as deaf:
            async with few.plain(member, conversation) as socket:
                await settled(socket)
                for _ in range(150):
                    await say(socket, text)
                    await until(socket, "message", sender_type="agent")
                metrics = (await few.metrics())["conversation_sockets"]
                assert (metrics["counts"]["too_slow"], metrics["connections"]) == (1, 1)
            assert (await end(deaf))[1] is None  # the server ended it without a close frame


async def test_notifications_answer_every_text_alike(it: Talk) -> None:
    member = await it.member()
    async with it.socket(f"/api/ws/notifications?token={member.access_token}") as socket:
        for text in ("", "hello", '{"type":"subscribe"}', '{"type":"ping"}'):
            await socket.send(b"\x00")
            await socket.send(text)
            update = await receive(socket)
            assert (update["type"], update["count"]) == ("notification_update", 0)
            assert TIME.fullmatch(update["timestamp"])
        assert (await it.client.get("/api/ws/stats")).json()["other_sockets"]["notifications"] == 1


async def test_the_suites_own_client_talks_too(it: Talk, openai: str) -> None:
    member = await it.member()
    conversation = await it.conversation(member)
    url = f"ws://{it.address}/api/ws/conversations/{conversation}?token={member.access_token}"

    def converse() -> list[dict[str, Any]]:
        with closing(websocket.create_connection(url, timeout=10, header={"X-Lab-Run-Id": "run-9"})) as socket:
            heard = [json.loads(socket.recv()) for _ in range(2)]
            socket.send(json.dumps({"type": "message", "content": "When do you open?"}))
            return heard + [json.loads(socket.recv()) for _ in range(2)]

    heard = await asyncio.to_thread(converse)
    assert [message["type"] for message in heard] == ["system", "user_joined", "message", "message"]
    assert heard[-1]["content"] == HOURS
    entries = (await it.client.get(f"http://{openai}/__lab/journal", params={"run_id": "run-9"})).json()["entries"]
    asked = {entry["name"]: json.loads(entry["body"]) for entry in entries}
    assert set(asked) == {"POST /v1/chat/completions", "POST /v1/responses"}
    assert asked["POST /v1/responses"]["input"] == [{"role": "user", "content": "When do you open?"}]
    assert "MODERATOR" in asked["POST /v1/chat/completions"]["messages"][0]["content"]
    sockets = (await it.client.get("/__lab/journal", params={"run_id": "run-9"})).json()["entries"]
    assert [(entry["name"], entry["status"]) for entry in sockets] == [
        ("WS /api/ws/conversations/{conversation_id}", 101)
    ]
