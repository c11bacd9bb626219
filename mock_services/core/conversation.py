"""Joins a WebSocket to a session that knows neither sockets nor a clock: a state machine that says what is due when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

TIMER_RESOLUTION_S = 0.001  # the event loop's: what is due within it is sent now, not after another turn of the loop


class Close(NamedTuple):
    """Close the socket: nothing follows."""

    code: int
    reason: str


Output = str | bytes | Close
"""A text message, a binary message, or the end."""


class Session(Protocol):
    """One client's session. Times are the event loop's, in seconds."""

    @property
    def due(self) -> float:
        """When something is to be sent next; infinity while there is nothing."""

    def receive_text(self, text: str, now: float) -> None:
        """Take a text message."""

    def receive_audio(self, audio: bytes, now: float) -> None:
        """Take a binary message."""

    def poll(self, now: float) -> Iterable[Output]:
        """Give what is to be sent by `now`, in order. After a `Close` there is nothing more."""


class Conversation:
    """One task reads, one sends what is due, woken by a single timer.

    `count_lateness` is told of each send how many milliseconds after its time it came.
    """

    def __init__(self, websocket: WebSocket, session: Session, count_lateness: Callable[[float], None]) -> None:
        self._websocket = websocket
        self._session = session
        self._count_lateness = count_lateness
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
                self._count_lateness(max(0.0, now - due) * 1000)
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
