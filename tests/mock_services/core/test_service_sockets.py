"""A service's sockets: a handshake is refused with the service's own answer, and what became of each is journalled."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.responses import Response
from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from mock_services.core.operations import Exchange, ServiceError, json_response
from mock_services.core.service import Service


class NotYours(ServiceError):
    status = 401
    headers = {"x-reason": "key"}  # noqa: RUF012


class Errors:
    def not_found(self, exchange: Exchange) -> Response:
        return json_response({}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        return json_response({}, 405)

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        return json_response({}, 422)

    def unhandled(self, exchange: Exchange) -> Response:
        return json_response({}, 500)

    def failing(self, status: int) -> Response:
        return json_response({"error": "failing"}, status)


async def guarded(websocket: WebSocket) -> None:
    if websocket.headers.get("authorization") != "Token right":
        raise NotYours("this key is not known")
    await websocket.accept()


async def forgetful(websocket: WebSocket) -> None:
    """Neither accept nor refuse."""


def service(resets: list[str] | None = None) -> Service:
    hooks = [] if resets is None else [lambda: resets.append("reset")]
    sockets = [("/talk", guarded), ("/forget", forgetful)]
    return Service("example", (), Errors(), sockets=sockets, reset=hooks, gauges=lambda: {"open": 0})


def open_socket(app: Service, path: str, authorization: str = "", gone: bool = False) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []
    scope: MutableMapping[str, Any] = {
        "type": "websocket",
        "path": path,
        "headers": [(b"authorization", authorization.encode())],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if gone:
            raise ClientDisconnected
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def test_a_refused_handshake_is_answered_with_the_refusals_status_headers_and_body() -> None:
    app = service()
    start, body = open_socket(app, "/talk", "Token wrong")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert (b"x-reason", b"key") in start["headers"]
    assert json.loads(body["body"]) == {"detail": "this key is not known"}
    assert app.journal.totals() == {"WS /talk": {"401": 1}}
    assert app.journal.find()[0]["note"] == "this key is not known"


def test_an_accepted_socket_is_journalled_as_switched() -> None:
    app = service()
    assert [message["type"] for message in open_socket(app, "/talk", "Token right")] == ["websocket.accept"]
    assert app.journal.totals() == {"WS /talk": {"101": 1}}
    assert app.in_flight == 0


def test_a_client_that_goes_away_is_no_failure_of_the_service(caplog: pytest.LogCaptureFixture) -> None:
    app = service()
    assert open_socket(app, "/talk", "Token right", gone=True) == []
    assert app.journal.totals() == {"WS /talk": {"499": 1}}
    assert caplog.text == ""


def test_a_handler_that_neither_accepts_nor_refuses_is_a_defect(caplog: pytest.LogCaptureFixture) -> None:
    app = service()
    with pytest.raises(RuntimeError, match="without accepting or refusing"):
        open_socket(app, "/forget")
    assert app.journal.totals() == {"WS /forget": {"500": 1}}
    assert "WS /forget failed" in caplog.text


@pytest.mark.parametrize("path", ["/", "/talk/more"])
def test_an_unknown_socket_path_is_closed_before_it_opens(path: str) -> None:
    app = service()
    assert [message["type"] for message in open_socket(app, path)] == ["websocket.close"]
    assert app.journal.totals() == {"WS unknown": {"403": 1}}


def test_metrics_and_reset_can_be_had_without_http() -> None:
    resets: list[str] = []
    app = service(resets)
    open_socket(app, "/talk", "Token right")
    assert app.admin.metrics()["requests"] == {"WS /talk": {"101": 1}}
    assert app.admin.metrics()["open"] == 0
    app.admin.reset()
    assert resets == ["reset"]
    assert app.admin.metrics()["requests"] == {}
