"""Limits as vendors have them: the size of a request's body, and a rate that refills continuously."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from mock_services.core.operations import Exchange, ServiceError

SECOND_S = 1.0
MINUTE_S = 60.0
LINGER_BYTES = 8 << 20
LINGER_S = 1.0
"""How much more than it may, and for how long, a client can go on sending before it is refused: many read an answer
only once they have sent all, and fail on the connection that was closed meanwhile."""


def body_limit(max_bytes: int, refusal: Callable[[], ServiceError]) -> Callable[[Exchange], Awaitable[Response | None]]:
    """Make a link of the chain that refuses a longer body, by its announced length or, if chunked, while it comes."""

    async def limit_body(exchange: Exchange) -> Response | None:
        length = exchange.request.headers.get("content-length")
        if length is None:
            exchange.request = Request(exchange.request.scope, _bounded(exchange.request.receive, max_bytes, refusal))
        elif not (length.isascii() and length.isdigit() and len(length) < 20):
            raise refusal()
        elif int(length) > max_bytes:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    await _pass_over(exchange.request.receive, max_bytes + LINGER_BYTES)
            raise refusal()
        return None

    return limit_body


async def _pass_over(receive: Receive, most: int) -> None:
    """Read what the client sends, and keep none of it."""
    more = True
    while more and most > 0:
        message = await receive()
        most -= len(message.get("body", b""))
        more = message.get("more_body", False)


def _bounded(receive: Receive, max_bytes: int, refusal: Callable[[], ServiceError]) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise refusal()
        return message

    return bounded


class Bucket:
    """What may be used a minute, or another period: full at first, refilled continuously (a token bucket).

    `now` is in seconds on any clock that never goes back. A limit of 0 refuses nothing.
    """

    __slots__ = ("_at", "_level", "_period_s", "limit")

    def __init__(self, limit: int, period_s: float = MINUTE_S) -> None:
        self.limit = limit
        self._period_s = period_s
        self._level = float(limit)
        self._at = float("-inf")

    def level(self, now: float) -> float:
        """Give how much may be used at once now."""
        if now > self._at:
            passed = min(now - self._at, self._period_s)
            self._level = min(self._level + passed * self.limit / self._period_s, float(self.limit))
            self._at = now
        return self._level

    def wait_s(self, amount: float, now: float) -> float:
        """Give how long until `amount` may be used: 0 if now, infinity if it is more than the bucket holds."""
        if self.limit == 0:
            return 0.0
        if amount > self.limit:
            return float("inf")
        return max(0.0, amount - self.level(now)) * self._period_s / self.limit

    def use(self, amount: float, now: float) -> None:
        """Use `amount`; whoever calls has asked `wait_s`."""
        if self.limit:
            self._level = self.level(now) - amount

    def full_in_s(self, now: float) -> float:
        """Give how long until it is full again, if nothing is used."""
        return self.wait_s(self.limit, now)
