"""The TCP connection below a request: what a fault does to it that no answer can.

uvicorn gives an application no way to its transport. `Protocol` puts it into the connection's own state, which uvicorn
copies into each request's scope anyway, so that requests cost nothing more; a WebSocket inherits it at its upgrade.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEY: Final = "lab.connection"
AT_ONCE: Final = struct.pack(
    "ii", 1, 0
)  # SO_LINGER on, for 0 s: closing discards what is unsent and sends RST (tcp(7))


class Connection:
    """One client's connection. `silent` says that its client is never answered, so a server that ends cuts it off."""

    __slots__ = ("_transport", "silent")

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self.silent = False

    @property
    def ended(self) -> bool:
        """Say whether it has ended, or is about to."""
        return self._transport.is_closing()

    def close(self) -> None:
        """End it with a FIN, after what has been written."""
        self._transport.close()

    def reset(self) -> None:
        """End it with a TCP RST, as a process that crashed or a firewall does."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._transport.abort()


class Protocol(HttpToolsProtocol):
    """uvicorn's own protocol, with its connection in the state of each scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and note the connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, KEY: Connection(transport)}

    def shutdown(self) -> None:
        """End in order; a client that is never answered would be waited for in vain."""
        connection = cast(Connection, self.app_state[KEY])
        if connection.silent:
            connection.close()
        else:
            super().shutdown()


def connection_of(scope: Scope) -> Connection | None:
    """Give the connection that a request came over; None under another server than the lab's."""
    connection: Connection | None = scope.get("state", {}).get(KEY)
    return connection
