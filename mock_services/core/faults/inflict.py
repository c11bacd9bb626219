"""Does to a request what a fault says: the thin layer between a schedule and the server's connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from mock_services.core.connection import Connection, connection_of
from mock_services.core.disconnects import until_gone
from mock_services.core.faults.rules import (
    DropFault,
    GarbageFault,
    ResetFault,
    SlowBodyFault,
    StatusFault,
    TimeoutFault,
    TruncateFault,
)
from mock_services.core.faults.schedule import Hit
from mock_services.core.operations import json_response

NO_ANSWER: Final = 0
"""What the journal has for a status where none was sent."""

PIECES_A_S: Final = 10
GARBAGE_FOR_NOTHING: Final = 16  # bytes in place of a body that is empty


def refusal(fault: StatusFault | TimeoutFault | ResetFault, in_its_words: Callable[[int], Response]) -> Response:
    """Make what takes an answer's place: a status, silence or a reset connection."""
    if isinstance(fault, StatusFault):
        response = in_its_words(fault.status)
        if isinstance(fault.body, str):
            response = Response(fault.body, fault.status, media_type="text/plain")
        elif fault.body is not None:
            response = json_response(fault.body, fault.status)
        for name, value in fault.headers.items():
            response.headers[name] = value
        return response
    return NoAnswer(reset=isinstance(fault, ResetFault))


class NoAnswer(Response):
    """Instead of a response: nothing until the client goes away, or a TCP RST now."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__(status_code=NO_ANSWER)
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""
        if self._reset:
            _required(scope).reset()
        else:
            connection = connection_of(scope)
            if connection is not None:
                connection.silent = True
        await until_gone(receive)


class Lost(Response):
    """An answer that was made, and then another in its place: the request is carried out, and nobody learns of it."""

    def __init__(self, made: ASGIApp, instead: Response) -> None:
        super().__init__(status_code=instead.status_code)
        self._made = made
        self._instead = instead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the true answer to nobody, then the other."""
        await self._made(scope, receive, _nowhere)
        await self._instead(scope, receive, send)


class Spoilt(Response):
    """An answer whose body is cut off, garbled or slow."""

    def __init__(self, made: Response, hit: Hit) -> None:
        super().__init__(status_code=made.status_code)
        self._made = made
        self._hit = hit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer through what the fault does to it."""
        fault, connection = self._hit.fault, _required(scope)
        bodiless = scope["method"] == "HEAD" or self.status_code in (204, 304)
        try:
            if isinstance(fault, TruncateFault):
                await self._made(scope, receive, _Cutter(send, connection, fault.bytes, bodiless=bodiless))
            elif isinstance(fault, GarbageFault):
                await self._made(scope, receive, _Garbler(send, self._hit.random, bodiless=bodiless))
            elif isinstance(fault, SlowBodyFault):
                await self._made(scope, receive, _slowed(send, connection, fault.bytes_per_s))
        except _CutOff:
            await until_gone(receive)


class _CutOff(Exception):
    """The connection was ended amid the body."""


class _Cutter:
    """Sends an answer up to some bytes of its body, and ends the connection there.

    A body that is empty is announced as one byte long; where there can be none, only the connection ends.
    """

    def __init__(self, send: Send, connection: Connection, after: int | None, *, bodiless: bool) -> None:
        self._send = send
        self._connection = connection
        self._left = after
        self._bodiless = bodiless

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            length = _length(message)
            if length == 0 and not self._bodiless:
                length = 1
                MutableHeaders(scope=message)["content-length"] = "1"
            if length is not None:
                self._left = min(length // 2 if self._left is None else self._left, max(0, length - 1))
            await self._send(message)
            if self._bodiless:
                self._cut()
            return
        body = message.get("body", b"")
        if self._left is None:
            self._left = len(body) // 2
        if body[: self._left]:
            await self._send({"type": "http.response.body", "body": body[: self._left], "more_body": True})
        self._left = max(0, self._left - len(body))
        if self._left == 0 or not message.get("more_body", False):
            self._cut()

    def _cut(self) -> None:
        self._connection.close()
        raise _CutOff


class _Garbler:
    """Sends an answer with random bytes for its body."""

    def __init__(self, send: Send, random: Random, *, bodiless: bool) -> None:
        self._send = send
        self._random = random
        self._bodiless = bodiless
        self._length: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._length = _length(message)
            if self._length == 0 and not self._bodiless:
                MutableHeaders(scope=message)["content-length"] = str(GARBAGE_FOR_NOTHING)
        elif not self._bodiless:
            size = GARBAGE_FOR_NOTHING if self._length == 0 else len(message.get("body", b""))
            message = {**message, "body": self._random.randbytes(size)}
        await self._send(message)


def _slowed(send: Send, connection: Connection, bytes_per_s: float) -> Send:
    """Send bodies in pieces, `bytes_per_s` on the whole, for as long as the client is there."""
    size = max(1, round(bytes_per_s / PIECES_A_S))

    async def slowly(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and body:
            for start in range(0, len(body), size):
                await asyncio.sleep(size / bytes_per_s)
                if connection.ended:
                    return
                piece = body[start : start + size]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            message = {**message, "body": b""}
        await send(message)

    return slowly


class Doomed:
    """A WebSocket that is lost after some messages or some time, counted from its handshake's end."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._fault: DropFault | None = None
        self._messages = 0
        self._accepted = False
        self._lost = False
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self.look: Callable[[bytes], None] | None = None

    def doom(self, fault: DropFault) -> None:
        """Have it lost as the fault says."""
        self._fault = fault
        if self._accepted:
            self._start()

    async def receive(self) -> Message:
        """Receive, and count."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            if self.look is not None:
                text = message.get("text")
                self.look(text.encode() if text is not None else message.get("bytes") or b"")
            self._count()
        return message

    async def send(self, message: Message) -> None:
        """Send, and count. Raises `ClientDisconnected` once the socket is lost, as the server does."""
        if self._lost:
            raise ClientDisconnected
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._accepted = True
            self._start()
        elif message["type"] == "websocket.send":
            self._count()

    def end(self) -> None:
        """Forget the timer: the socket has ended."""
        if self._timer is not None:
            self._timer.cancel()

    def _start(self) -> None:
        fault = self._fault
        if fault is None:
            return
        if fault.after_messages is not None and self._messages >= fault.after_messages:
            self._lose()
        elif fault.after_s is not None:
            self._timer = asyncio.get_running_loop().call_later(fault.after_s, self._lose)

    def _count(self) -> None:
        self._messages += 1
        fault = self._fault
        if fault is not None and fault.after_messages is not None and self._messages >= fault.after_messages:
            self._lose()

    def _lose(self) -> None:
        if self._lost or self._fault is None:
            return
        self._lost = True
        if self._fault.code is None:
            _required(self._scope).close()
        else:
            close: Message = {"type": "websocket.close", "code": self._fault.code, "reason": ""}
            self._closing = asyncio.get_running_loop().create_task(_send_now(self._send, close))


async def _send_now(send: Send, message: Message) -> None:
    with suppress(ClientDisconnected):  # then it is lost already
        await send(message)


async def _nowhere(message: Message) -> None:
    """Take what is sent to nobody."""


def _length(start: Message) -> int | None:
    """Give the length of the body that the head of an answer announces."""
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-length":
            return int(value)
    return None


def _required(scope: Scope) -> Connection:
    connection = connection_of(scope)
    if connection is None:
        raise RuntimeError("a connection can be broken under the lab's own server only (core/serve.py)")
    return connection
