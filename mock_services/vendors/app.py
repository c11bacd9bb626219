"""Serves every vendor of `VENDORS` from one port.

A request is a vendor's when its Host header is one of the vendor's names (`agent.deepgram.com`), or when its path
begins with the vendor's (`/deepgram/v1/…`, which the vendor sees as `/v1/…`). `/__lab/*` without either is this
process's own: health, the metrics of all, the faults of all, a reset of all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mock_services.core.operations import Exchange, json_response
from mock_services.core.service import Service
from mock_services.core.vendor_hosts import STUB_HOSTS
from mock_services.deepgram.app import build as build_deepgram
from mock_services.elevenlabs.app import build as build_elevenlabs
from mock_services.openai.app import build as build_openai
from mock_services.sendgrid.app import build as build_sendgrid
from mock_services.stripe.app import build as build_stripe

VENDORS: Mapping[str, Callable[[], Service]] = {
    "deepgram": build_deepgram,
    "openai": build_openai,
    "elevenlabs": build_elevenlabs,
    "stripe": build_stripe,
    "sendgrid": build_sendgrid,
}
"""How each vendor's double is made, by the vendor's name: its path prefix, without slashes."""


class VendorsApp:
    """The ASGI application that hands each request to its vendor."""

    def __init__(self) -> None:
        self._services = {vendor: build() for vendor, build in VENDORS.items()}
        self._by_host = {host: self._services[vendor] for vendor, hosts in STUB_HOSTS.items() for host in hosts}
        self._own = Service(
            "vendors",
            (),
            _NoSuchVendor(tuple(self._services)),
            lifespan=self._lifespan,
            reset=[service.admin.reset for service in self._services.values()],
            members=tuple(self._services.values()),
            gauges=lambda: {"vendors": {name: service.admin.metrics() for name, service in self._services.items()}},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._own(scope, receive, send)
            return
        service = self._by_host.get(_host(scope))
        if service is None:
            prefix, slash, rest = scope["path"].removeprefix("/").partition("/")
            service = self._services.get(prefix)
            if service is None:
                service = self._own
            else:
                raw = scope.get("raw_path", b"").removeprefix(f"/{prefix}".encode())
                scope = {**scope, "path": slash + rest or "/", "raw_path": raw or b"/"}
        await service(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in self._services.values():
                await stack.enter_async_context(service.lifespan())
            yield


def _host(scope: Scope) -> str:
    """The host name that the request was sent to, without its port."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").partition(":")[0].lower()
            return host
    return ""


class _NoSuchVendor:
    """Answers what belongs to no vendor."""

    def __init__(self, prefixes: tuple[str, ...]) -> None:
        self._expected = " or ".join(f"/{prefix}/…" for prefix in prefixes)

    def not_found(self, exchange: Exchange) -> Response:
        """Say how vendors are told apart."""
        path = exchange.request.url.path
        detail = f"{path} is no vendor's: send the vendor's own Host header, or a path such as {self._expected}"
        return json_response({"detail": detail}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""
        return json_response({"detail": "method not allowed", "allowed": allowed}, 405)

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit."""
        return json_response({"detail": errors}, 400)

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        return json_response({"detail": "the vendors' process failed; its log says why"}, 500)

    def failing(self, status: int) -> Response:
        """Answer with a status: no request comes so far."""
        return json_response({"detail": "this process fails as it was told to"}, status)


def build() -> VendorsApp:
    """Make the application with every vendor of the lab."""
    return VendorsApp()
