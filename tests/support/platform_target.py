"""A small target for tests of the suite's plain client and accounts: it answers from a list of rules, and remembers.

It is no platform: each test says what is answered, so that also answers no platform gives can be tried.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text) if self.text else None

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.text).items()}


Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]
Rule = Callable[..., Reply]


@dataclass
class Target:
    """The rules (`METHOD /path` with regular expressions) and every request; a rule gets the request and the groups."""

    url: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def on(self, operation: str, rule: Rule | Reply) -> None:
        self.rules[operation] = rule if callable(rule) else lambda *_groups: rule

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        for operation, rule in self.rules.items():
            found = re.fullmatch(operation, f"{request.method} {request.path}")
            if found:
                return rule(request, *found.groups())
        return 404, {"detail": "Resource not found"}

    def operations(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


@contextmanager
def running_target() -> Iterator[Target]:
    """Serve a target on a free port of the loopback, in threads of this process."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            split = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            text = self.rfile.read(length).decode()
            status, body, *extra = target.answer(Request(self.command, split.path, query, dict(self.headers), text))
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            headers = extra[0] if extra else {}
            (self.send_response_only if "Date" in headers else self.send_response)(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = reply

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    target.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield target
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
