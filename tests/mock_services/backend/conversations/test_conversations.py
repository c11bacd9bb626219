"""Section 5 of the contract: conversations and messages over REST."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.conversations.schemas import ConversationListItem, ConversationView, MessageView
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import SECRET, Founder, Member

pytestmark = pytest.mark.anyio

PATH = "/api/conversations/"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def open_conversation(member: Member, **body: Any) -> dict[str, Any]:
    answer = await member.call("POST", PATH, json=body)
    assert answer.status_code == 200, answer.text
    conversation: dict[str, Any] = answer.json()
    return conversation


async def say(member: Member, conversation: dict[str, Any], content: str = "Hello", **body: Any) -> dict[str, Any]:
    answer = await member.call("POST", f"{PATH}{conversation['id']}/messages", json={"content": content, **body})
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = answer.json()
    return message


async def messages(member: Member, conversation: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    answer = await member.call("GET", f"{PATH}{conversation['id']}/messages", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_the_collection_needs_its_last_slash(member: Member) -> None:
    for method, path in (("POST", "/api/conversations"), ("GET", "/api/conversations?page=2")):
        answer = await member.call(method, path, json={})
        target = path.replace("conversations", "conversations/")
        assert (answer.status_code, answer.headers["location"]) == (307, f"http://backend{target}")


async def test_a_conversation_is_opened_read_changed_and_deleted(founder: Founder, member: Member) -> None:
    colleague = await founder.join(member)
    conversation = await open_conversation(
        member,
        title="The east wing",
        description="What grows there",
        user_ids=[colleague.user["id"]],
        agent_types=["NOBODY"],
        participant_ids=[UNKNOWN],
        participant_emails=["bob@example.com"],
    )
    assert set(conversation) == set(ConversationView.model_fields)
    assert conversation["tenant_id"] == member.organization["id"]
    assert conversation["owner_id"] == conversation["created_by_user_id"] == member.user["id"]
    assert [user["id"] for user in conversation["users"]] == [member.user["id"], colleague.user["id"]]
    (participant,) = conversation["participants"]
    assert (participant["identifier"], participant["participant_type"]) == ("bob@example.com", "email")
    assert (conversation["status"], conversation["recent_messages"]) == ("active", [])

    path = PATH + conversation["id"]
    assert (await colleague.call("GET", path)).json() == conversation
    changed = (await colleague.call("PATCH", path, json={"title": "The west wing", "status": "archived"})).json()
    assert (changed["title"], changed["status"]) == ("The west wing", "archived")
    assert changed["description"] == "What grows there"
    assert (await member.call("PATCH", path, json={"title": None})).json()["title"] == "The west wing"
    gone = await member.call("DELETE", path)
    assert (gone.status_code, gone.json()["status"]) == (200, "success")
    assert (await member.call("GET", path)).status_code == 404
    assert (await colleague.call("GET", PATH)).json() == []


async def test_everything_is_optional_but_the_body(member: Member) -> None:
    assert (await open_conversation(member))["title"]
    everything = ("user_ids", "agent_types", "participant_ids", "participant_emails", "title", "description")
    await open_conversation(member, **dict.fromkeys(everything))
    for content in (None, "", "no"):
        assert (await member.call("POST", PATH, content=content)).status_code == 422
    assert (await member.call("POST", PATH, json={"user_ids": ["7"]})).status_code == 422
    assert (await member.call("POST", PATH, json={"user_ids": [UNKNOWN]})).status_code == 400


async def test_only_members_reach_a_conversation(founder: Founder, member: Member, client: httpx.AsyncClient) -> None:
    colleague, stranger = await founder.join(member), await founder.found()
    conversation = await open_conversation(member)
    message = await say(member, conversation)
    path = PATH + conversation["id"]
    closed: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", path, {}),
        ("PATCH", path, {"json": {"title": "x"}}),
        ("DELETE", path, {}),
        ("POST", f"{path}/messages", {"json": {"content": "x"}}),
        ("GET", f"{path}/messages", {}),
        ("DELETE", f"{path}/messages", {}),
        ("GET", f"{path}/messages/{message['id']}", {}),
        ("DELETE", f"{path}/messages/{message['id']}", {}),
        ("GET", f"{path}/export", {}),
        ("GET", f"{path}/stats", {}),
    ]
    for method, target, parts in closed:
        assert (await colleague.call(method, target, **parts)).status_code == 403, (method, target)
        assert (await client.request(method, target, **parts)).status_code == 403, (method, target)
        other = await stranger.call(method, target, **parts)
        assert other.status_code == (404 if target == path and method != "PATCH" else 403), (method, target)
        unknown = await member.call(method, target.replace(conversation["id"], UNKNOWN), **parts)
        assert unknown.status_code == other.status_code, (method, target)
        malformed = await member.call(method, target.replace(conversation["id"], "7"), **parts)
        assert malformed.status_code == 422, (method, target)
    assert (await client.get(PATH)).status_code == 403
    assert (await colleague.call("GET", PATH)).json() == []


async def test_a_deactivated_user_is_turned_away(member: Member, backend: Backend) -> None:
    next(iter(backend.accounts.users.values())).is_active = False
    assert (await member.call("GET", PATH)).status_code == 400
    assert (await member.call("GET", f"{PATH}{UNKNOWN}/active-users")).status_code == 200


async def test_conversations_are_listed_newest_first(member: Member) -> None:
    made = [await open_conversation(member, title=f"C{number}") for number in range(25)]
    await say(member, made[24], "Anybody?")
    await member.call("PATCH", PATH + made[3]["id"], json={"status": "closed"})
    expected = [conversation["id"] for conversation in reversed(made)]
    for page, size in ((1, 20), (2, 20), (3, 20), (25, 1), (10**30, 100)):
        listed = (await member.call("GET", PATH, params={"page": page, "page_size": size})).json()
        assert [each["id"] for each in listed] == expected[(page - 1) * size : page * size]
    (first, second) = (await member.call("GET", PATH, params={"page_size": 2})).json()
    assert set(first) == set(ConversationListItem.model_fields)
    assert (first["message_count"], first["participant_count"]) == (2, 1)
    assert first["last_message"]["content"] == "This is the agent response"
    assert (second["message_count"], second["last_message"]) == (0, None)
    closed = (await member.call("GET", PATH, params={"status": "closed"})).json()
    assert [each["title"] for each in closed] == ["C3"]
    for params in ({"page": 0}, {"page_size": 0}, {"page_size": 101}, {"status": "completed"}):
        assert (await member.call("GET", PATH, params=params)).status_code == 422


async def test_conversations_are_found_by_title_and_description(founder: Founder, member: Member) -> None:
    await open_conversation(member, title="Roses", description="By the gate")
    await open_conversation(member, title="The Gate")
    await open_conversation(await founder.join(member), title="Gate of another")
    found = (await member.call("GET", f"{PATH}search", params={"q": "gate"})).json()
    assert [each["title"] for each in found] == ["The Gate", "Roses"]
    for params in ({}, {"q": ""}):
        answer = await member.call("GET", f"{PATH}search", params=params)
        assert (answer.status_code, answer.json()) == (422, {"detail": "Invalid request data", "status_code": 422})


@pytest.mark.parametrize(
    ("mention", "content", "agent_type"),
    [
        (None, "This is the agent response", "ASSISTANT"),
        ("NOBODY", "This is the agent response", "ASSISTANT"),
        ("WEB_SEARCH", "This is the web search agent response", "WEB_SEARCH"),
        ("MODERATOR", "This is the moderator agent response", "MODERATOR"),
    ],
)
async def test_a_message_is_answered_in_fixed_words(
    member: Member, mention: str | None, content: str, agent_type: str
) -> None:
    conversation = await open_conversation(member)
    answer = await say(member, conversation, "", message_type="system", metadata={"row": 3}, mention=mention)
    assert set(answer) == set(MessageView.model_fields)
    assert (answer["content"], answer["agent_type"], answer["user_id"]) == (content, agent_type, None)
    assert (answer["sender_type"], answer["sender_name"]) == ("agent", agent_type)
    sent, kept = await messages(member, conversation)
    assert kept == answer
    assert (sent["content"], sent["message_type"], sent["metadata"]) == ("", "system", {"row": 3})
    assert (sent["user_id"], sent["sender_name"], sent["sender_type"]) == (member.user["id"], "Ida Stone", "user")


@pytest.mark.parametrize(
    "body", [{}, {"content": None}, {"content": "x", "message_type": "agent"}, {"content": "x", "metadata": 7}]
)
async def test_a_message_is_validated(member: Member, body: dict[str, Any]) -> None:
    conversation = await open_conversation(member)
    assert (await member.call("POST", f"{PATH}{conversation['id']}/messages", json=body)).status_code == 422
    assert await messages(member, conversation) == []


async def test_messages_are_listed_oldest_first_and_deleted(member: Member) -> None:
    conversation = await open_conversation(member)
    path = f"{PATH}{conversation['id']}/messages"
    for number in range(3):
        await say(member, conversation, f"M{number}")
    everything = await messages(member, conversation)
    assert [each["content"] for each in everything[::2]] == ["M0", "M1", "M2"]
    assert await messages(member, conversation, skip=1, limit=2) == everything[1:3]
    assert await messages(member, conversation, skip=10**30, limit=10**30) == []
    for params in ({"skip": -1}, {"limit": 0}):
        assert (await member.call("GET", path, params=params)).status_code == 422
    shown = (await member.call("GET", PATH + conversation["id"])).json()
    assert shown["recent_messages"] == everything

    one = f"{path}/{everything[0]['id']}"
    assert (await member.call("GET", one)).json() == everything[0]
    assert (await member.call("DELETE", one)).json()["status"] == "success"
    assert (await member.call("GET", one)).status_code == 404
    assert (await member.call("DELETE", one)).status_code == 404
    assert (await member.call("GET", f"{path}/7")).status_code == 422
    assert await messages(member, conversation) == everything[1:]
    assert (await member.call("DELETE", path)).json() == {"status": "success", "message": "5 messages deleted"}
    assert await messages(member, conversation) == []


async def test_a_conversation_is_exported_and_counted(member: Member) -> None:
    conversation = await open_conversation(member, title="T", description="D")
    path = PATH + conversation["id"]
    empty = (await member.call("GET", f"{path}/stats")).json()
    assert (empty["message_count"], empty["last_message_at"], empty["agents_used"]) == (0, None, [])
    await say(member, conversation)
    answer = await say(member, conversation, mention="MODERATOR")
    stats = (await member.call("GET", f"{path}/stats")).json()
    assert stats == {
        "message_count": 4,
        "created_at": conversation["created_at"],
        "last_message_at": answer["created_at"],
        "agents_used": ["ASSISTANT", "MODERATOR"],
        "status": "active",
        "title": "T",
    }
    export = (await member.call("GET", f"{path}/export")).json()
    assert (export["thread_id"], export["title"], export["description"]) == (conversation["id"], "T", "D")
    assert set(export["messages"][0]) == {"id", "content", "sender_name", "sender_type", "created_at", "metadata"}
    assert [each["sender_type"] for each in export["messages"]] == ["user", "agent"] * 2


async def test_the_pages_about_sockets(member: Member, client: httpx.AsyncClient) -> None:
    active = await member.call("GET", f"{PATH}{UNKNOWN}/active-users")
    assert active.status_code == 200
    assert (active.json()["conversation_id"], active.json()["active_connections"]) == (UNKNOWN, 0)
    assert (await client.get(f"{PATH}{UNKNOWN}/active-users")).status_code == 403
    stats = (await client.get("/api/ws/stats")).json()
    assert (stats["total_connections"], stats["active_conversations"]) == (0, 0)
    assert stats["other_sockets"] == {"notifications": 0, "voice_agent": 0, "speech_to_text": 0}
    assert (await client.get("/api/websocket/stats")).status_code == 403
    assert (await member.call("GET", "/api/websocket/stats")).status_code == 200


async def test_the_store_counts_conversations_and_messages() -> None:
    backend = Backend(Settings(bcrypt_rounds=4, rate_limit_requests=0, jwt_secret=SECRET, max_rows=8))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()  # two rows
        conversation = await open_conversation(member, participant_emails=["a@example.com"])  # three more
        await say(member, conversation)  # two more
        path = PATH + conversation["id"]
        assert (await member.call("POST", f"{path}/messages", json={"content": "x"})).status_code == 500
        assert backend.rows.used == 8  # what was said is kept, only the answer had no room
        assert (await member.call("DELETE", f"{path}/messages")).status_code == 200
        assert backend.rows.used == 5
        await say(member, conversation)
        assert (await member.call("DELETE", path)).status_code == 200
        assert backend.rows.used == 2
        await open_conversation(member)
        backend.clear()
        assert (backend.rows.used, backend.gauges()["conversations"]) == (0, 0)
