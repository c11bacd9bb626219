"""A target that answers every webhook from a table of documents, for calls that do not only connect a stream."""

# mypy: allow-untyped-calls
# Twilio's validator has no annotations.

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator

from mock_services.core.speech import decode, load_recordings
from tests.mock_services.twilio.lab import TOKEN

PLAYED = load_recordings("agent")[1].ulaw[:4000]  # half a second


@dataclass
class Webhook:
    """One request of the double to the target."""

    path: str
    method: str
    form: dict[str, str]


@dataclass
class Office:
    """Answers `path` with `documents[path]`, an empty `<Response>` where there is none; keeps what came, and checks it.

    A request whose signature Twilio's validator does not accept is kept in `unsigned`. `statuses[path]` answers with an
    error. `/loop` redirects to itself, `/slow` takes a second, `/json` answers with JSON. `/tone.wav` is half a second
    of speech, and `/stream` collects what a media stream sends, closing it after `closes_after` messages.
    """

    url: str = ""
    documents: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    webhooks: list[Webhook] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    closes_after: int = 0

    def forms(self, path: str) -> list[dict[str, str]]:
        """Give what came to a path, in order."""
        return [webhook.form for webhook in self.webhooks if webhook.path == path]

    def paths(self) -> list[str]:
        """Give where webhooks came to, in order."""
        return [webhook.path for webhook in self.webhooks]

    async def webhook(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        signature = request.headers.get("x-twilio-signature", "")
        signed = form if request.method == "POST" else {}
        if not RequestValidator(TOKEN).validate(str(request.url), signed, signature):
            self.unsigned.append(str(request.url))
        path = request.url.path
        self.webhooks.append(Webhook(path, request.method, form or dict(request.query_params)))
        document = self.documents.get(path, "<Response/>").replace("{url}", self.url)
        document = document.replace("{stream}", self.url.replace("http", "wss", 1) + "/stream")
        return Response(document, self.statuses.get(path, 200), media_type="text/xml")

    async def loop(self, request: Request) -> Response:
        await self.webhook(request)
        return RedirectResponse("/loop", 307)

    async def slow(self, request: Request) -> Response:
        await asyncio.sleep(1)
        return await self.webhook(request)

    async def json(self, request: Request) -> Response:
        await self.webhook(request)
        return JSONResponse({"twiml": "no"})

    async def tone(self, _request: Request) -> Response:
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(decode(PLAYED).tobytes())
        return Response(content.getvalue(), media_type="audio/wav")

    async def stream(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                self.messages.append(json.loads(await websocket.receive_text()))
                if len(self.messages) == self.closes_after:
                    await websocket.close(1000)
                    return
        except WebSocketDisconnect:
            self.messages.append({"event": "closed"})


@contextmanager
def running_office() -> Iterator[Office]:
    """Serve an office from a thread of this process."""
    office = Office()
    app = Starlette(
        routes=[
            Route("/tone.wav", office.tone),
            Route("/loop", office.loop, methods=["POST"]),
            Route("/slow", office.slow, methods=["POST"]),
            Route("/json", office.json, methods=["POST"]),
            WebSocketRoute("/stream", office.stream),
            Route("/{path:path}", office.webhook, methods=["GET", "POST"]),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    office.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, ws="websockets-sansio", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield office
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
