"""A client that goes away amid an answer is no failure of the double, however the server tells it."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Message
from uvicorn.protocols.utils import ClientDisconnected
from websockets.sync.client import connect

from mock_services.core.disconnects import is_disconnect, to_whoever_is_there
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.serve import _is_no_false_alarm
from mock_services.core.service import Service
from mock_services.deepgram.errors import DeepgramErrors
from mock_services.deepgram.settings import DeepgramSettings
from tests.support.doubles import serving

CLOSED = "unable to perform operation on <TCPTransport closed=True reading=False 0x1>; the handler is closed"
SENT = "Unexpected ASGI message 'websocket.send', after sending 'websocket.close'."
WRONG = "Expected ASGI message 'websocket.send' or 'websocket.close', but got 'x'."


def raising(words: str) -> Callable[[Message], Coroutine[Any, Any, None]]:
    async def send(message: Message) -> None:
        raise RuntimeError(words)

    return send


async def send_to_nobody(words: str) -> None:
    await to_whoever_is_there(raising(words))({"type": "websocket.send"})


@pytest.mark.parametrize(("words", "gone"), [(CLOSED, True), (SENT, True), (WRONG, False)])
def test_a_socket_learns_of_it_and_of_nothing_else(words: str, gone: bool) -> None:
    assert is_disconnect(RuntimeError(words)) is gone
    with pytest.raises(ClientDisconnected if gone else RuntimeError):
        asyncio.run(send_to_nobody(words))


async def hello(exchange: Exchange) -> Response:
    return json_response({})


def ask(words: str) -> Service:
    """Ask a service whose answer cannot be written."""
    service = Service("example", [Operation(method="GET", path="/", handler=hello)], DeepgramErrors())
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(service(scope, receive, raising(words)))
    return service


def test_an_answer_that_nobody_is_there_to_take_is_journalled() -> None:
    (entry,) = ask(CLOSED).journal.find()
    assert (entry["status"], entry["note"]) == (499, "the client went away while it was being answered")
    with pytest.raises(RuntimeError, match="Expected ASGI"):
        ask(WRONG)


def test_a_text_that_is_no_text_takes_a_line_of_the_log_and_no_traceback() -> None:
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "", (), (ValueError, ValueError(), None))
    record.msg = "Invalid UTF-8 sequence received from client."
    assert _is_no_false_alarm(record)
    assert record.exc_info is None


def test_a_frame_that_breaks_the_protocol_ends_its_socket_quietly() -> None:
    """The process is held to an empty log; the agent is talking all the while."""
    telephone = {"encoding": "mulaw", "sample_rate": 8000}
    think = {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}}
    settings = {
        "type": "Settings",
        "audio": {"input": telephone, "output": telephone},
        "agent": {"think": think, "greeting": "x" * 1000},
    }
    key = {"Authorization": f"Token {DeepgramSettings().api_key}"}
    pace = {"DEEPGRAM_SETTINGS_MS": "0", "DEEPGRAM_GREETING_MS": "0", "DEEPGRAM_SPEAK_MS": "0", "DEEPGRAM_SPEED": "200"}
    with serving("deepgram", **pace) as address:
        for _ in range(10):
            with connect(f"ws://{address}/v1/agent/converse", additional_headers=key) as agent:
                agent.send(json.dumps(settings))
                while not isinstance(agent.recv(timeout=10), bytes):
                    pass
                agent.socket.sendall(b"\x8f\x80aaaa")  # an opcode that there is none of
                with pytest.raises(Exception, match="1002"):
                    while True:
                        agent.recv(timeout=10)
        metrics = httpx.get(f"http://{address}/__lab/metrics").json()
        assert metrics["voice_agent"]["sessions"] == 10
