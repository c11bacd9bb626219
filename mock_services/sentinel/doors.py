"""The ports where connections that try to leave arrive: each is heard for a moment, counted, and reset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from mock_services.core.connection import Connection
from mock_services.sentinel.destination import destination

HEARD_S = 0.3
"""How long a client may take to say whom it wants: the first packet follows the connection at once, or never."""
HEARD_BYTES = 16 << 10


class Doors:
    """Listeners that let nobody in. `refuse(host, port, client)` is told of each connection."""

    def __init__(self, refuse: Callable[[str, int, str], None]) -> None:
        self._refuse = refuse
        self._servers: list[asyncio.Server] = []
        self._busy: set[asyncio.Task[None]] = set()

    async def open(self, host: str, ports: Iterable[int]) -> None:
        """Start to listen; raise `OSError` where a port cannot be had."""
        for port in ports:
            self._servers.append(await asyncio.start_server(self._hear, host, port))

    @property
    def ports(self) -> list[int]:
        """The ports that are listened on."""
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    async def close(self) -> None:
        """Stop to listen."""
        for server in self._servers:
            server.close()
        for task in tuple(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        client: str = (writer.get_extra_info("peername") or [""])[0]  # none where it has reset the connection already
        port: int = writer.get_extra_info("sockname")[1]
        said, host = b"", ""
        try:
            async with asyncio.timeout(HEARD_S):
                while not host and len(said) < HEARD_BYTES and (more := await reader.read(HEARD_BYTES)):
                    said += more
                    host = destination(said)
        except (TimeoutError, ConnectionError):
            pass  # it says nothing, as a mail client, or has gone: it is counted all the same
        finally:
            self._refuse(host, port, client)
            connection = Connection(writer.transport)
            if not connection.ended:  # by the client, meanwhile
                connection.reset()
