"""Starts a double as a process: `python -m mock_services.<service> --port N`, and over TLS too with `--tls-port`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from mock_services.core.command_line import USAGE_EXIT, Parser
from mock_services.core.connection import Protocol
from mock_services.core.tls import TlsError, server_context

SOCKET_BACKLOG = 2048
SECRETS = frozenset({"SECRET", "TOKEN", "KEY", "PASSWORD"})
"""Words of a variable's name that keep its value out of what is printed."""


def main(name: str, default_port: int, build: Callable[[], ASGIApp], argv: list[str] | None = None) -> None:
    """Parse the command line, build the application and serve it until SIGINT or SIGTERM.

    Exits with 3 and one sentence where a setting is wrong or the port is taken. With `--port 0` the system chooses.
    The line `<name> ready on http://host:port` on standard output says that connections are accepted; with
    `--tls-port` a second one names the `https://` address, where the same application answers.
    """
    parser = Parser(prog=f"python -m mock_services.{name}", description=f"The lab's {name} double.")
    parser.add_argument("--port", type=int, default=default_port, help="port to listen on (default %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--tls-port", type=int, help="port to answer on over TLS as well; needs --tls-dir")
    parser.add_argument("--tls-host", help="address for --tls-port, where it is another than --host")
    parser.add_argument("--tls-dir", type=Path, help="directory of certificate.pem and key.pem (docs/interception.md)")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    arguments = parser.parse_args(argv)
    if (arguments.tls_port is None) != (arguments.tls_dir is None):
        _refuse(name, "--tls-port and --tls-dir go together; give both, or neither")
    logging.basicConfig(level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn.error").addFilter(_is_no_false_alarm)
    try:
        app = build()
    except ValidationError as misfit:
        _refuse(name, "; ".join(_sentence(error) for error in misfit.errors()))
    context = None
    if arguments.tls_dir is not None:
        try:
            context = server_context(arguments.tls_dir)
        except TlsError as unusable:
            _refuse(name, str(unusable))
    listener = _listen(name, arguments.host, arguments.port)
    tls: _TlsDoor | None = None
    if context is not None:
        tls = _listen(name, arguments.tls_host or arguments.host, arguments.tls_port, "--tls-port"), context
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Protocol,
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
        backlog=SOCKET_BACKLOG,
        server_header=False,
    )
    server = _AnnouncingServer(config, name, tls)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once it has stopped in good order
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


_TlsDoor = tuple[socket.socket, ssl.SSLContext]
"""What a second, encrypted listener needs: a bound socket, and the certificate to show on it."""


class _AnnouncingServer(uvicorn.Server):
    """Says on standard output when it accepts connections, so that whoever started it can wait for that."""

    def __init__(self, config: uvicorn.Config, name: str, tls: _TlsDoor | None) -> None:
        super().__init__(config)
        self._name = name
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        asyncio.get_running_loop().set_exception_handler(_log_unless_told)
        await super().startup(sockets)
        if self.started and sockets:
            self._announce("http", sockets[0])
            if self._tls is not None:
                await self._open_tls_door(*self._tls)

    async def _open_tls_door(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Serve a second listener from the same state: what one counts, the other sees, and both end together."""

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_server(protocol, sock=listener, ssl=context, backlog=SOCKET_BACKLOG))
        self._announce("https", listener)

    def _announce(self, scheme: str, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        print(f"{self._name} ready on {scheme}://{host}:{port}", flush=True)  # noqa: T201 - the announcement


def _log_unless_told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody awaits, as asyncio does, but for a TLS handshake that the other side cut off.

    picows tells whoever connects of it, and the loop too, with a class in an exception's place, on which logging fails.
    """
    if not isinstance(context.get("exception"), type):
        loop.default_exception_handler(context)


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    """Keep out what uvicorn 0.54 logs after every refused handshake, although it was answered in full.

    A text message that is no UTF-8 loses its traceback, but keeps its line.
    """
    if record.getMessage() == "Invalid UTF-8 sequence received from client.":
        record.exc_info = None  # the client's mistake, which closes the socket with 1007: a line says enough
    return record.getMessage() != "ASGI callable returned without completing handshake."


def _listen(name: str, host: str, port: int, option: str = "--port") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(SOCKET_BACKLOG)
    except OSError as refused:
        listener.close()
        if refused.errno == errno.EADDRINUSE:
            _refuse(name, f"port {port} on {host} is in use; stop what listens there or choose another with {option}")
        _refuse(name, f"cannot listen on {host}:{port}: {refused.strerror}")
    except OverflowError:
        listener.close()
        _refuse(name, f"{option} is {port}; it takes a number from 0 to 65535")
    return listener


def _sentence(error: object) -> str:
    details = dict(error) if isinstance(error, dict) else {}
    variable = ".".join(str(part) for part in details.get("loc", ())).upper()
    reason = str(details.get("msg")).removeprefix("Value error, ")
    if not variable:  # of several together, which the reason names
        return reason
    given = "not shown" if SECRETS.intersection(variable.split("_")) else repr(details.get("input"))
    return f"{variable} is {given}: {reason}"


def _refuse(name: str, sentence: str) -> None:
    sys.stderr.write(f"{name}: {sentence}\n")
    raise SystemExit(USAGE_EXIT)
