"""One service's conditions at work, without a server: runs, calls in bodies and messages, counts, and reset."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket

from mock_services.core.connection import KEY, Connection
from mock_services.core.faults.rules import Conditions
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.service import Service
from mock_services.deepgram.errors import DeepgramErrors


class Wire(asyncio.Transport):
    """A transport that only knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def take(exchange: Exchange) -> Response:
    return json_response({"length": len(await exchange.request.body())})


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.receive_text()


def service(**conditions: Any) -> Service:
    app = Service(
        "twilio",
        [Operation(method="POST", path="/calls", handler=take)],
        DeepgramErrors(),
        sockets=[("/media", talk)],
    )
    faults = [{"name": "it", "description": "a test", **fault} for fault in conditions.pop("faults", [])]
    app.injector.put(Conditions.model_validate({"faults": faults, **conditions}))
    return app


async def statuses(app: Service, *requests: dict[str, Any]) -> list[int]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lab") as http:
        return [(await http.post("/calls", **request)).status_code for request in requests]


@pytest.mark.anyio
async def test_a_call_is_found_in_the_body_which_the_handler_still_reads() -> None:
    app = service(faults=[{"kind": "status", "status": 503, "call": "CA77"}])
    ours, other = {"content": b"CallSid=CA77&From=1"}, {"content": b"CallSid=CA78&From=1"}
    assert await statuses(app, other, ours, {"params": {"CallSid": "CA77"}}) == [200, 503, 503]

    async def chunks() -> Any:
        yield b"CallSid="
        yield b"CA78"

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lab") as http:
        assert (await http.post("/calls", content=chunks())).json() == {"length": 12}
    assert [entry["body"] for entry in app.journal.find(contains="CA77")] == ["CallSid=CA77&From=1"]


@pytest.mark.anyio
async def test_a_run_that_was_not_seen_before_begins_the_schedule_anew() -> None:
    app = service(faults=[{"kind": "status", "status": 503, "first": 1}], starts="run")
    runs = ["one", "one", "two", "one", "two", ""]
    asked: list[dict[str, Any]] = [{"headers": {"X-Lab-Run-Id": run}} for run in runs]
    assert await statuses(app, *asked) == [503, 200, 503, 200, 200, 200]
    assert app.injector.gauges()["injected"] == {"status": 2}


@pytest.mark.anyio
async def test_a_reset_forgets_what_was_counted_and_begins_anew() -> None:
    app = service(faults=[{"kind": "status", "status": 500, "first": 1}], limits=[{"requests_per_second": 3}])
    assert await statuses(app, {}, {}, {}, {}) == [500, 200, 200, 429]
    app.admin.reset()
    assert app.injector.gauges()["injected"] == app.injector.gauges()["limited"] == {}
    assert await statuses(app, {}) == [500]


@pytest.mark.anyio
async def test_what_is_taken_away_leaves_nothing_in_the_chain() -> None:
    app = service(
        faults=[{"kind": "status", "status": 500}], latency=[{"delay": 1}], limits=[{"requests_per_second": 9}]
    )
    assert len(app.injector.links) == 3
    app.injector.put(Conditions())
    assert app.injector.links == ()
    assert await statuses(app, {}) == [200]


@pytest.mark.anyio
@pytest.mark.parametrize(("call", "dropped"), [("CA77", True), ("CA78", False)])
async def test_a_media_stream_is_lost_by_the_call_that_its_start_names(call: str, dropped: bool) -> None:
    app = service(faults=[{"kind": "drop", "call": "CA77", "after_messages": 3}])
    wire = Wire()
    messages: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '{"event": "connected"}'},
        {"type": "websocket.receive", "text": f'{{"event": "start", "start": {{"callSid": "{call}"}}}}'},
        {"type": "websocket.receive", "text": '{"event": "media"}'},
        {"type": "websocket.disconnect", "code": 1006},
    ]
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        assert message["type"] == "websocket.accept"

    state = {KEY: Connection(wire)}
    scope = {
        "type": "websocket",
        "path": "/media",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "state": state,
    }
    await app(scope, receive, send)
    assert wire.closed == dropped
    assert ("fault it: drop" in app.journal.find()[0]["note"]) == dropped


def test_a_run_may_also_begin_with_a_webhook() -> None:
    injector = service(faults=[{"kind": "webhook-duplicate", "first": 1}], starts="run").injector
    sent = [injector.webhook("POST {Voice}", "/voice", run, b"").times for run in ("one", "one", "two")]
    assert sent == [2, 1, 2]
