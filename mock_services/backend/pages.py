"""What stands outside the API proper: health, names, the OpenAPI document and the files that browsers ask for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from html import escape
from itertools import groupby
from operator import attrgetter

import orjson
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from mock_services.backend.routes import Area
from mock_services.backend.schemas import ANY_OBJECT
from mock_services.backend.store import now
from mock_services.core import openapi
from mock_services.core.operations import Exchange, Operation, json_response

TITLE = "Thanotopolis platform, reference backend of the load lab"
VERSION = "1.1.0"


class Pages:
    """The pages that need no token."""

    def __init__(self) -> None:
        self.described: tuple[Operation, ...] = ()

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("pages", "")
        return (
            area("GET", "/health", self.health, gives=ANY_OBJECT),
            area("GET", "/status", self.health, gives=ANY_OBJECT),
            area("GET", "/ping", self.ping, gives=ANY_OBJECT),
            area("GET", "/", self.root, gives=ANY_OBJECT),
            area("GET", "/api", self.root, gives=ANY_OBJECT),
            area("GET", "/docs", self.documentation),
            area("GET", "/redoc", self.documentation),
            area("GET", "/debug/routes", self.routes, gives=ANY_OBJECT),
            area("GET", "/openapi.json", self.openapi, gives=ANY_OBJECT),
            area("GET", "/robots.txt", self.robots),
            Operation(
                method="GET",
                path="/favicon.ico",
                handler=self.favicon,
                summary="Say that there is no icon",
                tag="pages",
                responses={204: None},
            ),
        )

    async def health(self, exchange: Exchange) -> Response:
        """Say that the backend serves."""
        return json_response({"status": "healthy", "version": VERSION, "timestamp": now()})

    async def ping(self, exchange: Exchange) -> Response:
        """Answer at once."""
        return json_response({"ping": "pong", "timestamp": now()})

    async def root(self, exchange: Exchange) -> Response:
        """Name the API."""
        return json_response({"message": TITLE, "version": VERSION, "status": "running", "documentation": "/docs"})

    async def openapi(self, exchange: Exchange) -> Response:
        """Describe every operation that is served."""
        return Response(self._document, media_type="application/json")

    async def documentation(self, exchange: Exchange) -> Response:
        """List the operations for people to read."""
        return HTMLResponse(self._page)

    async def routes(self, exchange: Exchange) -> Response:
        """List the operations for programs to read."""
        routes = [{"path": each.path, "methods": [each.method], "name": each.summary} for each in self.described]
        return json_response({"routes": routes, "total": len(routes)})

    async def robots(self, exchange: Exchange) -> Response:
        """Keep crawlers out."""
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    async def favicon(self, exchange: Exchange) -> Response:
        """Have no icon."""
        return Response(status_code=204)

    @cached_property
    def _document(self) -> bytes:
        return orjson.dumps(openapi.document(TITLE, VERSION, self.described))

    @cached_property
    def _page(self) -> str:
        parts = [f"<h1>{escape(TITLE)}</h1>", '<p><a href="/openapi.json">openapi.json</a></p>']
        for tag, operations in groupby(sorted(self.described, key=attrgetter("tag")), key=attrgetter("tag")):
            items = "".join(f"<li><code>{each.name}</code> {escape(each.summary)}</li>" for each in operations)
            parts.append(f"<h2>{tag}</h2><ul>{items}</ul>")
        return f"<!DOCTYPE html><html><head><title>{escape(TITLE)}</title></head><body>{''.join(parts)}</body></html>"
