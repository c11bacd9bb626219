"""Serves one trivial handler for the chain's bench: as an operation of a double, or without the chain.

    python -m bench.chain_server chain --port 0

`chain` is a `core.Service` with limits, faults and latency there and off; `route` is the same handler as a route of
Starlette's; `function` is an ASGI function that looks at nothing, which no server of several paths can be.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.serve import main
from mock_services.core.service import Service
from mock_services.deepgram.errors import DeepgramErrors

PATH = "/things"


def answer() -> Response:
    """Make the answer."""
    return json_response({"name": "urn", "size": 7})


def chain() -> ASGIApp:
    """Make a service with this one operation."""

    async def handle(exchange: Exchange) -> Response:
        return answer()

    return Service("chain", [Operation(method="GET", path=PATH, handler=handle)], DeepgramErrors())


def route() -> ASGIApp:
    """Make a bare route."""

    async def handle(request: Request) -> Response:
        return answer()

    return Router([Route(PATH, handle)])


def function() -> ASGIApp:
    """Make the least that an application can be."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await answer()(scope, receive, send)

    return app


KINDS: dict[str, Callable[[], ASGIApp]] = {"chain": chain, "route": route, "function": function}

if __name__ == "__main__":
    main(sys.argv[1], 0, KINDS[sys.argv[1]], sys.argv[2:])
