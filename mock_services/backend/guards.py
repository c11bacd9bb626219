"""The platform's outer layers: limits that a request passes before anything looks at it, and headers that it gets."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mock_services.backend.settings import Settings
from mock_services.core.limits import body_limit
from mock_services.core.operations import Exchange, ServiceError, json_bytes

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-dns-prefetch-control", b"off"),
    (b"permissions-policy", b"geolocation=(), microphone=(), camera=()"),
]
RETRY_AFTER_S = 60


class OuterRefusal(Response):
    """A refusal by an outer layer: the layer that adds the security headers never sees it."""

    def __init__(self, content: Any, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(json_bytes(content), status, headers, "application/json")


class ChunkedBodyTooLarge(ServiceError):
    """A chunked body that is longer than the double has memory for; the platform itself has no such limit."""

    status = 413

    def __init__(self, max_mib: int) -> None:
        super().__init__(f"a chunked body is longer than {max_mib} MiB")
        self._max_mib = max_mib

    def body(self) -> dict[str, Any]:
        """Give the body that an announced length gets."""
        return too_large(self._max_mib)


class RateLimiter:
    """Counts requests per client in fixed windows. A window begins with the client's first request in it.

    Refused requests count too, but do not make the window longer. Of more than `max_clients` clients, the one whose
    window is oldest is forgotten. A `limit` of 0 refuses nobody.
    """

    def __init__(self, limit: int, window_s: float, max_clients: int) -> None:
        self.limit = limit
        self.window_s = window_s
        self.max_clients = max_clients
        self._windows: dict[str, list[float]] = {}  # client: [start, requests], oldest window first

    def __len__(self) -> int:
        return len(self._windows)

    def allow(self, client: str, now: float) -> bool:
        """Count one request of `client` at `now` (seconds on any clock that never goes back) and judge it."""
        if self.limit == 0:
            return True
        window = self._windows.get(client)
        if window is None or now - window[0] >= self.window_s:
            self._windows.pop(client, None)
            if len(self._windows) >= self.max_clients:
                del self._windows[next(iter(self._windows))]
            window = self._windows[client] = [now, 0]
        window[1] += 1
        return window[1] <= self.limit

    def clear(self) -> None:
        """Forget every client."""
        self._windows.clear()


class Guards:
    """The links of the handler chain that the platform has as middleware."""

    def __init__(self, settings: Settings) -> None:
        self.limiter = RateLimiter(
            settings.rate_limit_requests, settings.rate_limit_window_s, settings.rate_limit_clients
        )
        self._max_body_mib = settings.max_body_mib
        self._max_body = settings.max_body_mib << 20
        self._bound_chunks = body_limit(
            settings.max_chunked_body_mib << 20, partial(ChunkedBodyTooLarge, settings.max_chunked_body_mib)
        )

    async def limit_rate(self, exchange: Exchange) -> Response | None:
        """Refuse a client's requests beyond its number a window: 429, advising 60 s however soon the window ends."""
        if self.limiter.allow(client_key(exchange.request), time.monotonic()):
            return None
        exchange.note = "rate limit exceeded"
        content = {"detail": "Rate limit exceeded", "retry_after": RETRY_AFTER_S}
        return OuterRefusal(content, 429, {"retry-after": str(RETRY_AFTER_S)})

    async def limit_size(self, exchange: Exchange) -> Response | None:
        """Refuse a body whose announced length is too large. A chunked one announces none, and may be much larger."""
        length = exchange.request.headers.get("content-length")
        if length is None:
            chunked = "transfer-encoding" in exchange.request.headers
            return await self._bound_chunks(exchange) if chunked else None
        if length.isascii() and length.isdigit() and int(length) <= self._max_body:
            return None
        exchange.note = f"content-length {length}"
        return OuterRefusal(too_large(self._max_body_mib), 413)

    @staticmethod
    def secure(exchange: Exchange, response: Response) -> None:
        """Add the security headers to what an inner layer answered."""
        if not isinstance(response, OuterRefusal):
            response.raw_headers.extend(SECURITY_HEADERS)


def too_large(max_mib: int) -> dict[str, Any]:
    """Give the body of a 413 answer."""
    return {"detail": "Request payload too large", "max_size_mb": max_mib}


def client_key(request: Request) -> str:
    """Give whom a request is counted for: the platform believes its headers, whoever sends them."""
    headers = request.headers
    forwarded = headers.get("x-forwarded-for")
    if forwarded:
        return forwarded.partition(",")[0].strip()
    return headers.get("x-real-ip") or (request.client.host if request.client else "unknown")
