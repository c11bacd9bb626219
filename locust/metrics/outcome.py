"""How a request ended, as one of ten words: few enough to be a tag, and never the text of an exception.

`classify` reads what Locust's request event carries: the response (its `status_code`, and `error` where a client keeps
the cause there) and the exception. A client that knows better names the word itself: an exception with an attribute
`outcome` (as the phone does: a webhook that nobody answered is `connection`), which wins over everything else.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

OK = "ok"
REJECTED = "rejected"
"""Refused by the target, and the task had set out to be refused (it marked an answer of 400 or more as a success)."""
CLIENT_ERROR = "http_4xx"
TOO_MANY = "http_429"
SERVER_ERROR = "http_5xx"
TIMEOUT = "timeout"
CONNECTION = "connection"
"""No connection, or one that broke before an HTTP answer was whole."""
CONTENT = "content"
"""An answer came and was not what it should be: the 200 with an error inside."""
SOCKET = "socket"
"""An open WebSocket or media stream failed."""
LAB = "lab"
"""A failure of the lab's own: the double that carried a call was gone. It counts for no target, and has no latency."""

OUTCOMES = (OK, REJECTED, CLIENT_ERROR, TOO_MANY, SERVER_ERROR, TIMEOUT, CONNECTION, CONTENT, SOCKET, LAB)
FAILURES = frozenset(OUTCOMES) - {OK, REJECTED}
STREAM_TYPES = frozenset({"WS", "CALL"})

# Clients wrap causes in classes of their own: they are known by name, so that no client library is imported here.
TIMEOUT_NAMES = frozenset({"Timeout", "ConnectTimeout", "ReadTimeout", "WebSocketTimeoutException"})
NEVER_CONNECTED_NAMES = frozenset(
    {"ConnectTimeoutError", "NameResolutionError", "NewConnectionError", "SSLError"}
    | {"WebSocketAddressException", "WebSocketProxyException"}
)
CONNECTION_NAMES = frozenset(
    {"ConnectionError", "ChunkedEncodingError", "HTTPConnectionClosed", "HTTPParseError"}
    | {"IncompleteRead", "MaxRetryError", "ProtocolError", "RemoteDisconnected"}
)
SOCKET_NAMES = frozenset({"WebSocketException"})
NEVER_CONNECTED = (ConnectionRefusedError, socket.gaierror, ssl.SSLError)


def _by_status(status: int) -> str | None:
    if status == 429:
        return TOO_MANY
    if status >= 500:
        return SERVER_ERROR
    return CLIENT_ERROR if status >= 400 else None


def _by_cause(cause: Any, streaming: bool) -> str:
    cause = getattr(cause, "original", cause)  # geventhttpclient's RetriesExceeded, also of a request sent once
    names = {base.__name__ for base in type(cause).__mro__}
    if isinstance(cause, TimeoutError) or names & TIMEOUT_NAMES:
        return TIMEOUT
    if isinstance(cause, NEVER_CONNECTED) or names & NEVER_CONNECTED_NAMES:
        return CONNECTION
    if isinstance(cause, OSError) or names & CONNECTION_NAMES:
        return SOCKET if streaming else CONNECTION
    return SOCKET if names & SOCKET_NAMES else CONTENT


def classify(request_type: str, response: Any, exception: Any) -> str:
    """The outcome of one request event.

    `exception` is None for a success; `response` may be None or lack a status (WebSocket messages, steps of a call).
    """
    status = getattr(response, "status_code", None) or 0
    if exception is None:
        return REJECTED if status >= 400 else OK
    named = getattr(exception, "outcome", None)
    if isinstance(named, str) and named in FAILURES:
        return named
    # websocket-client's refused handshake carries the HTTP status itself.
    status = status or getattr(exception, "status_code", None) or 0
    return (isinstance(status, int) and _by_status(status)) or _by_cause(
        getattr(response, "error", None) or exception, request_type in STREAM_TYPES
    )
