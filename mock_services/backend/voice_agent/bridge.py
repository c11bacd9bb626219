"""The connection to Deepgram's agent during one call. The call outlives it: without an agent there is only silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from mock_services.backend.store import now
from mock_services.backend.vendors.deepgram import DeepgramSocket
from mock_services.backend.voice_agent.dialogue import KEEP_ALIVE, Dialogue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """How long after its start a conversation is first kept alive, and how long after that again, in seconds."""

    after_s: float
    every_s: float


class AgentBridge:
    """Carries one call's audio to the agent and the agent's audio back.

    `play` is awaited for each binary message: where the caller's side is slow, the agent waits. `interrupt` is awaited
    when the agent hears the caller begin to speak: what was given to `play` is not wanted any more.
    """

    def __init__(
        self,
        socket: DeepgramSocket,
        keep_alive: KeepAlive,
        opening: tuple[str, ...],
        dialogue: Dialogue,
        play: Callable[[bytes], Awaitable[None]],
        interrupt: Callable[[], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._alive = keep_alive
        self._opening = opening
        self._dialogue = dialogue
        self._play = play
        self._interrupt = interrupt
        self._agent: ClientConnection | None = None
        self.dropped = 0
        self.failure = ""

    async def run(self) -> None:
        """Connect, open the conversation and serve it until either side ends it. A failure is noted, not raised."""
        try:
            async with self._socket.connect() as agent:
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
            log.warning("a call goes on without the agent at %s: %s", self._socket.url, self.failure)

    async def hear(self, audio: bytes) -> None:
        """Send the caller's audio. It is lost while there is no agent or it has not applied its settings."""
        agent = self._agent
        if agent is None or not self._dialogue.applied:
            return
        if self._socket.is_behind(agent):
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
        pause = self._alive.after_s
        while True:
            await asyncio.sleep(pause)
            try:
                await agent.send(KEEP_ALIVE)
            except ConnectionClosed:
                return
            pause = self._alive.every_s
