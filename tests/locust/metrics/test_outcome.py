"""Every way in which a request ends gets one of the ten words."""

import socket
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
import requests.exceptions
import websocket

from metrics.outcome import FAILURES, OUTCOMES, classify


class CatchResponseError(Exception):
    """As Locust raises for `response.failure("…")`."""


class PhoneError(Exception):
    outcome = "connection"


class Nonsense(Exception):
    outcome = "ok"


def answered(status: int | None, error: Exception | None = None) -> Any:
    return SimpleNamespace(status_code=status, error=error)


@pytest.mark.parametrize(
    ("request_type", "response", "exception", "outcome"),
    [
        ("GET", answered(200), None, "ok"),
        ("CALL", None, None, "ok"),
        ("GET", answered(404), None, "rejected"),
        ("GET", answered(404), CatchResponseError("no contact"), "http_4xx"),
        ("GET", answered(429), Exception(), "http_429"),
        ("GET", answered(503), Exception(), "http_5xx"),
        ("GET", answered(200), CatchResponseError("success is false"), "content"),
        ("GET", answered(200), ValueError("not JSON"), "content"),
        ("GET", answered(0), ConnectionRefusedError(), "connection"),
        ("GET", answered(0, ConnectionRefusedError()), CatchResponseError("no answer"), "connection"),
        ("GET", answered(0), ConnectionResetError(), "connection"),
        ("GET", answered(0), socket.gaierror(), "connection"),
        ("GET", answered(0), ssl.SSLError(), "connection"),
        ("GET", answered(0), TimeoutError(), "timeout"),
        ("GET", answered(0), requests.exceptions.ConnectTimeout(), "timeout"),
        ("GET", answered(0), requests.exceptions.ReadTimeout(), "timeout"),
        ("GET", answered(0), requests.exceptions.ConnectionError(), "connection"),
        ("GET", answered(200), requests.exceptions.ChunkedEncodingError(), "connection"),
        ("WS", None, ConnectionResetError(), "socket"),
        ("WS", None, ConnectionRefusedError(), "connection"),
        ("WS", None, websocket.WebSocketConnectionClosedException(), "socket"),
        ("WS", None, websocket.WebSocketTimeoutException(), "timeout"),
        ("WS", None, websocket.WebSocketAddressException(), "connection"),
        ("WS", None, websocket.WebSocketBadStatusException("%s %s", 403, "Forbidden"), "http_4xx"),
        ("WS", None, websocket.WebSocketBadStatusException("%s %s", 503, "Busy"), "http_5xx"),
        ("CALL", None, PhoneError(), "connection"),
        ("GET", answered(200), PhoneError(), "connection"),
        ("GET", answered(500), Nonsense(), "http_5xx"),
        ("CALL", None, "a text for an exception", "content"),
    ],
)
def test_a_request_is_classified(request_type: str, response: Any, exception: Any, outcome: str) -> None:
    assert classify(request_type, response, exception) == outcome
    assert (outcome in FAILURES) == (exception is not None)
    assert outcome in OUTCOMES
