"""Answers that take time: when each part of a response is due, counted from the request, and sending it then.

Due times are absolute, so that one late part does not delay the next. How late parts left is counted: a double that is
overloaded shows it there, instead of passing its own slowness off as the vendor's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mock_services.core.disconnects import until_gone
from mock_services.core.durations import Milliseconds
from mock_services.core.operations import Exchange

TIMER_RESOLUTION_S = 0.001  # the event loop's: what is due within it is sent now, not after another turn of the loop
LARGEST_WRITE = 1 << 16  # bytes after which parts that are due together are sent apart, and other streams get a turn


class Part(NamedTuple):
    """A piece of a body, and when it is due: seconds after the request was received."""

    due_s: float
    content: bytes


async def wait_until_due(exchange: Exchange, due_s: float, lateness_ms: Milliseconds) -> None:
    """Wait until `due_s` seconds after the request was received, for an answer that is sent whole."""
    remaining = due_s - _elapsed_s(exchange)
    if remaining > TIMER_RESOLUTION_S:
        await asyncio.sleep(remaining)
    lateness_ms.add(max(0.0, _elapsed_s(exchange) - due_s) * 1000)


class PacedResponse(Response):
    """A response whose body is sent in parts, each when it is due; the headers leave with the first.

    Parts are taken one at a time, so that a long body is made only as far as it is sent. When the client goes away the
    rest is neither made nor sent, and the journal says so. `finish` is called at the end, however it came.
    """

    def __init__(
        self,
        exchange: Exchange,
        parts: Iterable[Part],
        lateness_ms: Milliseconds,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self._exchange = exchange
        self._parts = iter(parts)
        self._lateness_ms = lateness_ms
        self._finish = finish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        gone = asyncio.create_task(until_gone(receive))
        try:
            await self._send_parts(send, gone)
        finally:
            gone.cancel()
            self._finish()

    async def _send_parts(self, send: Send, gone: asyncio.Task[None]) -> None:
        started = False
        part = next(self._parts, None)
        while part is not None:
            due_s = part.due_s
            remaining = due_s - _elapsed_s(self._exchange)
            if remaining > TIMER_RESOLUTION_S:
                await asyncio.wait((gone,), timeout=remaining)
            else:
                await asyncio.sleep(0)  # a body that is all due at once still lets other streams have their turn
            if gone.done():
                gone.result()
                note = "the client went away before the end of the answer"
                self._exchange.note = f"{self._exchange.note}; {note}" if self._exchange.note else note
                return
            now = _elapsed_s(self._exchange)
            self._lateness_ms.add(max(0.0, now - due_s) * 1000)
            due = bytearray()
            while part is not None and part.due_s <= now + TIMER_RESOLUTION_S and len(due) < LARGEST_WRITE:
                due += part.content
                part = next(self._parts, None)
            if not started:
                await self._start(send)
                started = True
            await send({"type": "http.response.body", "body": bytes(due), "more_body": True})
        if not started:
            await self._start(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


def _elapsed_s(exchange: Exchange) -> float:
    return time.perf_counter() - exchange.started
