"""The Deepgram stub as an application: `WS /v1/agent/converse`, at the paths that the vendor has."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from mock_services.core.service import Service
from mock_services.deepgram.errors import DeepgramErrors
from mock_services.deepgram.models import VoiceAgents
from mock_services.deepgram.protocol import AgentSession, Close
from mock_services.deepgram.settings import DeepgramSettings
from mock_services.deepgram.tally import Tally

TIMER_RESOLUTION_S = 0.001  # the event loop's: what is due within it is sent now, not after another turn of the loop


def build(settings: DeepgramSettings | None = None) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    agents = VoiceAgents(settings or DeepgramSettings())

    async def converse(websocket: WebSocket) -> None:
        request_id = agents.new_request_id()
        now = asyncio.get_running_loop().time()
        authorization = websocket.headers.get("authorization", "")
        subprotocol = agents.authenticate(authorization, websocket.scope["subprotocols"], request_id)
        with agents.session(request_id, now) as session:
            await websocket.accept(subprotocol, headers=[(b"dg-request-id", request_id.encode())])
            await _Conversation(websocket, session, agents.tally).run()

    return Service(
        "deepgram",
        (),
        DeepgramErrors(),
        sockets=[("/v1/agent/converse", converse)],
        reset=[agents.reset],
        gauges=agents.gauges,
    )


class _Conversation:
    """Joins a session to its socket: one task reads, one sends what is due, woken by a single timer."""

    def __init__(self, websocket: WebSocket, session: AgentSession, tally: Tally) -> None:
        self._websocket = websocket
        self._session = session
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._wakes_at = 0.0

    async def run(self) -> None:
        """Converse until either side closes."""
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(self._send())
            await self._read()
            sender.cancel()

    async def _read(self) -> None:
        session, loop = self._session, self._loop
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            audio = message.get("bytes")
            if audio is not None:
                session.receive_audio(audio, loop.time())
            else:
                session.receive_text(message["text"], loop.time())
            if session.due < self._wakes_at:
                self._wake.set()

    async def _send(self) -> None:
        """Send what is due. A client that does not read blocks this task alone: the session makes nothing ahead."""
        while True:
            self._wake.clear()
            now, due = self._loop.time(), self._session.due
            if due <= now + TIMER_RESOLUTION_S:
                self._tally.lateness_ms.add(max(0.0, now - due) * 1000)
                try:
                    await self._send_due(now + TIMER_RESOLUTION_S)
                except WebSocketDisconnect:
                    return  # the reader learns of it too, and ends the conversation
            else:
                self._wakes_at = due
                timer = self._loop.call_at(due, self._wake.set) if due < float("inf") else None
                await self._wake.wait()
                self._wakes_at = 0.0
                if timer is not None:
                    timer.cancel()

    async def _send_due(self, now: float) -> None:
        for output in self._session.poll(now):
            if isinstance(output, bytes):
                await self._websocket.send_bytes(output)
            elif isinstance(output, Close):
                await self._websocket.close(output.code, output.reason)
            else:
                await self._websocket.send_text(output)
