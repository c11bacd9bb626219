"""Conversations over real sockets: the backend's process, members of it, and their clients."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.mock_services.backend.agents import DEADLINE_S, backend_process
from tests.mock_services.backend.support import Founder, Member

QUICK = {"OPENAI_FIRST_TOKEN_MS": "5", "OPENAI_TOKENS_PER_SECOND": "0"}
NOBODY = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "BACKEND_OPENAI_RETRIES": "0"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Talk:
    """A backend's process, with the means to found organisations and to talk."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self.address = address
        self.client = client
        self.founder = Founder(client)

    async def member(self) -> Member:
        """Found an organisation of a name that no other test uses."""
        name = uuid.uuid4().hex
        return await self.founder.found(subdomain=name, admin_email=f"{name}@example.com")

    async def colleague(self, member: Member) -> Member:
        return await self.founder.join(member, email=f"{uuid.uuid4().hex}@example.com")

    async def conversation(self, member: Member, *others: Member) -> str:
        body = {"title": "The gate", "user_ids": [other.user["id"] for other in others]}
        answer = await member.call("POST", "/api/conversations/", json=body)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["id"]
        return found

    def plain(self, member: Member, conversation: str, **options: Any) -> connect:
        return self.socket(f"/api/ws/conversations/{conversation}?token={member.access_token}", **options)

    def secure(self, member: Member, conversation: str, **options: Any) -> connect:
        headers = {"additional_headers": member.headers}
        return self.socket(f"/api/ws/secure/conversations/{conversation}", **headers | options)

    def socket(self, path: str, **options: Any) -> connect:
        return connect(f"ws://{self.address}{path}", compression=None, proxy=None, **{"max_queue": None} | options)

    async def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = (await self.client.get("/__lab/metrics")).json()
        return metrics


@asynccontextmanager
async def talk(**environment: str) -> AsyncIterator[Talk]:
    with backend_process(**environment) as address:
        async with httpx.AsyncClient(base_url=f"http://{address}") as client:
            yield Talk(address, client)


async def receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_S):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def until(socket: ClientConnection, kind: str, **fields: Any) -> list[dict[str, Any]]:
    """Receive up to the first message of a kind with these fields; give all."""
    messages = []
    while True:
        messages.append(await receive(socket))
        newest = messages[-1]
        if newest["type"] == kind and all(newest.get(name) == value for name, value in fields.items()):
            return messages


async def tell(socket: ClientConnection, kind: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


async def say(socket: ClientConnection, content: str, **fields: Any) -> None:
    await tell(socket, "message", content=content, **fields)


async def end(socket: ClientConnection) -> tuple[list[dict[str, Any]], tuple[int, str] | None]:
    """Receive until the end: the messages, and the close frame's code and reason (None: there was none)."""
    messages = []
    try:
        while True:
            messages.append(await receive(socket))
    except ConnectionClosed as closed:
        return messages, (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None
