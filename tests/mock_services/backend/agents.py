"""A Deepgram agent of a few lines that a test directs, and the backend as a process of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.support.doubles import serving

DEADLINE_S = 20.0


@contextmanager
def backend_process(**environment: str) -> Iterator[str]:
    """Run the backend on a port of its own; give `127.0.0.1:<port>`. Nothing may go wrong inside."""
    settings = {"BACKEND_BCRYPT_ROUNDS": "4", "BACKEND_RATE_LIMIT_REQUESTS": "0", "BACKEND_DIALABLE_TENANTS": "true"}
    with serving("backend", "--log-level", "error", **settings | environment) as address:
        yield address


class Agent:
    """What one connection to the agent sent, and the connection itself."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.texts: list[dict[str, Any]] = []
        self.audio: list[bytes] = []
        self.closed = asyncio.Event()

    async def say(self, kind: str, **fields: str) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))


class Agents:
    """The fake agent: every connection is kept; `refuse` answers the next handshakes with a status."""

    def __init__(self) -> None:
        self.connections: list[Agent] = []
        self.headers: list[str | None] = []
        self.listening = True
        self.refuse: int | None = None
        self.url = ""

    async def connection(self, number: int = 0) -> Agent:
        """Wait for the connection of this number, and for its two opening messages."""
        await until(lambda: len(self.connections) > number and len(self.connections[number].texts) >= 2)
        return self.connections[number]

    async def serve(self, socket: ServerConnection) -> None:
        agent = Agent(socket)
        self.connections.append(agent)
        try:
            while True:
                if len(agent.texts) >= 2 and not self.listening:
                    await socket.wait_closed()
                message = await socket.recv()
                if isinstance(message, str):
                    agent.texts.append(json.loads(message))
                else:
                    agent.audio.append(message)
        except ConnectionClosed:
            agent.closed.set()

    async def greet(self, socket: ServerConnection, request: Request) -> Response | None:
        self.headers.append(request.headers.get("Authorization"))
        return socket.respond(self.refuse, "refused\n") if self.refuse else None


@asynccontextmanager
async def agents() -> AsyncIterator[Agents]:
    """Serve a fake agent on a port of its own."""
    fake = Agents()
    async with serve(fake.serve, "127.0.0.1", 0, process_request=fake.greet, close_timeout=1) as server:
        fake.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/agent/converse"
        yield fake


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a condition; fail after a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            outcome = condition()
            if outcome if isinstance(outcome, bool) else await outcome:
                return
            await asyncio.sleep(0.01)
