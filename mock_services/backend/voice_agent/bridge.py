"""The connection to Deepgram's agent during one call. The call outlives it: without an agent there is only silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from mock_services.backend.store import now
from mock_services.backend.voice_agent.dialogue import KEEP_ALIVE, Dialogue

log = logging.getLogger(__name__)

CLOSE_S = 2.0
MAX_MESSAGE_BYTES = 1 << 20
MESSAGES_WAITING = 16  # received and not yet played; beyond that Deepgram has to wait


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where the agent is, and how long it may take. Times in seconds."""

    url: str
    api_key: str
    connect_s: float
    keep_alive_after_s: float
    keep_alive_every_s: float
    backlog_bytes: int


class AgentBridge:
    """Carries one call's audio to the agent and the agent's audio back.

    `play` is awaited for each binary message: where the caller's side is slow, the agent waits. `interrupt` is awaited
    when the agent hears the caller begin to speak: what was given to `play` is not wanted any more. If the agent
    is slow, the caller's audio is dropped once `backlog_bytes` of it wait: speech that comes late is worth nothing.
    """

    def __init__(
        self,
        address: AgentAddress,
        opening: tuple[str, ...],
        dialogue: Dialogue,
        play: Callable[[bytes], Awaitable[None]],
        interrupt: Callable[[], Awaitable[None]],
    ) -> None:
        self._address = address
        self._opening = opening
        self._dialogue = dialogue
        self._play = play
        self._interrupt = interrupt
        self._agent: ClientConnection | None = None
        self.dropped = 0
        self.failure = ""

    async def run(self) -> None:
        """Connect, open the conversation and serve it until either side ends it. A failure is noted, not raised."""
        address = self._address
        try:
            async with connect(
                address.url,
                additional_headers={"Authorization": f"Token {address.api_key}"},
                compression=None,
                proxy=None,
                open_timeout=address.connect_s,
                close_timeout=CLOSE_S,
                max_size=MAX_MESSAGE_BYTES,
                max_queue=MESSAGES_WAITING,
                # Beyond the limit `send` would wait, and `stop` with it; `hear` drops audio before that can happen.
                write_limit=address.backlog_bytes + MAX_MESSAGE_BYTES,
            ) as agent:
                for message in self._opening:
                    await agent.send(message)
                keep_alive = asyncio.create_task(self._keep_alive(agent))
                try:
                    self._agent = agent
                    await self._converse(agent)
                finally:
                    self._agent = None
                    keep_alive.cancel()
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as failure:
            self.failure = f"{type(failure).__name__}: {failure}"
            log.warning("a call goes on without the agent at %s: %s", address.url, self.failure)

    async def hear(self, audio: bytes) -> None:
        """Send the caller's audio. It is lost while there is no agent or it has not applied its settings."""
        agent = self._agent
        if agent is None or not self._dialogue.applied:
            return
        if agent.transport.get_write_buffer_size() > self._address.backlog_bytes:
            self.dropped += 1
            return
        try:
            await agent.send(audio)
        except ConnectionClosed:
            self._agent = None  # `run` notices the same and says why

    async def _converse(self, agent: ClientConnection) -> None:
        async for message in agent:
            if isinstance(message, bytes):
                await self._play(message)
                continue
            kind = self._dialogue.receive(message, now())
            if kind == "UserStartedSpeaking":
                await self._interrupt()
            elif kind == "Error":
                log.warning("the agent reports %s", self._dialogue.errors[-1])

    async def _keep_alive(self, agent: ClientConnection) -> None:
        pause = self._address.keep_alive_after_s
        while True:
            await asyncio.sleep(pause)
            try:
                await agent.send(KEEP_ALIVE)
            except ConnectionClosed:
                return
            pause = self._address.keep_alive_every_s
