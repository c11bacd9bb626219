"""The double as a process, a phone on its control socket, and a small real target for it to call."""

# mypy: allow-untyped-calls
# Twilio's validator has no annotations.

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator
from websockets import http11
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from mock_services.core.speech import is_voiced, load_recordings
from tests.support.doubles import starting

ACCOUNT = "AC" + "0" * 31 + "7"
TOKEN = "the token of these tests"
CALLER = "+13105550142"
VOICE = load_recordings("agent")[0].ulaw[:1600]  # 200 ms
# A short conversation: the caller does not dawdle, and speaks its shortest line.
BRISK = {
    "turns": 1,
    "lines": ["caller-hours"],
    "quiet_gap_ms": 200,
    "reply_pause_ms": 0,
    "hang_up_pause_ms": 0,
    "max_wait_ms": 3000,
}
GREETING_ONLY = {**BRISK, "turns": 0}


@dataclass
class Double:
    """A running Twilio double."""

    url: str
    process: subprocess.Popen[str]
    token: str
    http: httpx.Client
    """To it. httpx's functions would read every certificate of the machine for each request."""

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{ACCOUNT}:{self.token}".encode()).decode()

    @property
    def numbers_url(self) -> str:
        return f"{self.url}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"

    def buy(self, number: str, target: str = "", **fields: str) -> None:
        """Buy a number; `target` sets its webhooks, `fields` sets or overrides any."""
        form = {"PhoneNumber": number}
        if target:
            form |= {"VoiceUrl": f"{target}/voice", "StatusCallback": f"{target}/status"}
        answer = self.http.post(self.numbers_url, data=form | fields, headers={"Authorization": self.basic})
        assert answer.status_code == 201, answer.text

    def call(self, sid: str) -> dict[str, Any]:
        url = f"{self.url}/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json"
        resource: dict[str, Any] = self.http.get(url, headers={"Authorization": self.basic}).json()
        return resource

    def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = self.http.get(f"{self.url}/__lab/metrics").json()
        return metrics

    def reset(self) -> None:
        """Forget everything; calls of the test before are waited for, so that they are not counted in the next."""
        deadline = time.monotonic() + 10
        self.http.post(f"{self.url}/__lab/reset")
        while self.metrics()["calls"]["active"]:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        assert self.http.post(f"{self.url}/__lab/reset").status_code == 200


@contextmanager
def running_double(token: str = TOKEN, **environment: str) -> Iterator[Double]:
    """Start the double on a free port and end it."""
    settings = {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": token,
        "TWILIO_SPEECH_RATE": "1000",
        "TWILIO_RING_MS": "20",
        "TWILIO_CALLS_PER_SECOND": "1000",
        "TWILIO_SMS_SENT_MS": "20",
        "TWILIO_SMS_DELIVERED_MS": "20",
        "LAB_SEED": "tests",
    }
    with (
        tempfile.TemporaryFile("w+") as log,
        starting("twilio", log, **settings | environment) as (process, (address,)),
        httpx.Client() as http,
    ):
        yield Double(f"http://{address}", process, token, http)


class Phone:
    """A client of the control socket."""

    def __init__(self, control: ClientConnection) -> None:
        self.control = control

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.control.send(json.dumps(message))

    async def dial(self, ref: str, to: str, script: Any = None, **fields: Any) -> None:
        await self.send({"type": "dial", "ref": ref, "to": to, "from": CALLER, "script": script, **fields})

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(15):
            message: dict[str, Any] = json.loads(await self.control.recv())
        return message

    async def until(self, *names: str) -> list[dict[str, Any]]:
        """Receive up to the first event of one of `names`."""
        events: list[dict[str, Any]] = []
        while not events or events[-1].get("event") not in names:
            events.append(await self.receive())
        return events

    async def call(self, ref: str, to: str, script: Any = None, **fields: Any) -> list[dict[str, Any]]:
        """Dial and follow the call to its end."""
        await self.dial(ref, to, script, **fields)
        return await self.until("ended", "failed")


@asynccontextmanager
async def phone(double: Double, authorization: str | None = None) -> AsyncIterator[Phone]:
    header = double.basic if authorization is None else authorization
    url = double.url.replace("http", "ws", 1) + "/__lab/control"
    async with connect(url, additional_headers={"Authorization": header}) as control:
        yield Phone(control)


async def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `holds()`, looking again and again: what it asks about happens in another process or thread."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass
class Target:
    """A platform in small: checks signatures with Twilio's validator, answers TwiML, and talks on the stream.

    `/voice` answers `twiml` where that is set; `/again` always connects the stream. What the agent does is up to
    `agent`: `talks` greets and answers, `clears` greets at length and clears that when it hears a word, `silent` says
    nothing, `closes` hangs up after half a second. `slow_s` lets it ring. `public` is the scheme and host over which it
    checks the signature of a stream's upgrade: unset, what its TwiML has.
    """

    url: str = ""
    token: str = TOKEN
    twiml: str | None = None
    agent: str = "talks"
    status: int = 200
    slow_s: float = 0.0
    public: str = ""
    webhooks: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    upgrades_signed: list[bool] = field(default_factory=list)
    closed_with: list[int] = field(default_factory=list)

    def stream_twiml(self, path: str = "/stream", origin: str = "") -> str:
        stream = (origin or self.url.replace("http", "wss", 1)) + path
        parameter = '<Parameter name="tenant_id" value="7"/>'
        return f'<Response><Connect><Stream url="{stream}">{parameter}</Stream></Connect></Response>'

    async def webhook(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        signature = request.headers.get("x-twilio-signature", "")
        if not RequestValidator(self.token).validate(str(request.url), form, signature):
            return _xml("<Response><Say>Sorry, there was an error.</Say><Hangup/></Response>")
        self.webhooks.append((request.url.path, form))
        self.headers.append(dict(request.headers))
        if request.url.path == "/status":
            upgrade = {"connection": "Upgrade", "upgrade": "websocket"} if self.status == 101 else None
            return Response('{"status":"ok"}', self.status, upgrade, "application/json")
        await asyncio.sleep(self.slow_s)
        twiml = self.twiml if request.url.path == "/voice" else None
        return _xml(twiml or self.stream_twiml(), 200)

    async def stream(self, websocket: WebSocket) -> None:
        signature = websocket.headers.get("x-twilio-signature", "")
        url = f"{self.public or self.url.replace('http', 'wss', 1)}{websocket.url.path}"
        self.upgrades_signed.append(RequestValidator(self.token).validate(url, {}, signature))
        await websocket.accept()
        try:
            await self._talk(websocket)
        except WebSocketDisconnect as gone:
            self.closed_with.append(gone.code)

    async def _talk(self, websocket: WebSocket) -> None:
        sid, voiced, quiet = "", False, 0
        while True:
            message = json.loads(await websocket.receive_text())
            self.messages.append(message)
            if message["event"] == "start":
                sid = message["streamSid"]
                if self.agent in {"talks", "clears"}:
                    await _say(websocket, sid, VOICE if self.agent == "talks" else VOICE * 30)
            elif message["event"] == "media":
                if is_voiced(base64.b64decode(message["media"]["payload"])):
                    if not voiced and self.agent == "clears":
                        await websocket.send_text(json.dumps({"event": "clear", "streamSid": sid}))
                    voiced, quiet = True, 0
                elif voiced:
                    quiet += 1
                if quiet == 15 and self.agent in {"talks", "clears"}:
                    voiced, quiet = False, 0
                    await _say(websocket, sid)
                if message["media"]["chunk"] == "25" and self.agent == "closes":
                    await websocket.close(1000)
                    return


async def _say(websocket: WebSocket, sid: str, voice: bytes = VOICE) -> None:
    payload = base64.b64encode(voice).decode()
    await websocket.send_text(json.dumps({"event": "media", "streamSid": sid, "media": {"payload": payload}}))
    await websocket.send_text(json.dumps({"event": "mark", "streamSid": sid, "mark": {"name": "said"}}))


def _xml(body: str, status: int = 200) -> Response:
    return Response(body, status, media_type="application/xml")


@contextmanager
def running_target() -> Iterator[Target]:
    """Serve a target from a thread of this process."""
    target = Target()
    app = Starlette(
        routes=[
            Route("/voice", target.webhook, methods=["POST"]),
            Route("/again", target.webhook, methods=["POST"]),
            Route("/status", target.webhook, methods=["POST"]),
            WebSocketRoute("/stream", target.stream),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    target.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, ws="websockets-sansio", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield target
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def rough_target(talk: Talk) -> AsyncIterator[str]:
    """Serve a target whose stream does whatever `talk` does to its connection; its webhooks are asked for with GET."""

    def webhooks(connection: ServerConnection, request: http11.Request) -> http11.Response | None:
        if request.path.startswith("/stream"):
            return None
        stream = f"wss://{request.headers['Host']}/stream"
        return connection.respond(HTTPStatus.OK, f'<Response><Connect><Stream url="{stream}"/></Connect></Response>')

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # a peer that does not read is full soon
    listener.bind(("127.0.0.1", 0))
    async with serve(talk, sock=listener, process_request=webhooks, ping_interval=None, close_timeout=0.1) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
