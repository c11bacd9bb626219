"""The sentinel's sockets for DNS: UDP and TCP on one port, under the protocol of `protocol`."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Awaitable, Callable

Ask = Callable[[bytes, str, bool], Awaitable[bytes | None]]
"""Answers one packet of a client (its address), that came as a datagram or not; None where nothing is to be said."""
IDLE_S = 5.0
"""How long a client may keep a TCP connection without a question on it."""
MOST_TRIES = 20


class NameServer:
    """Listens on `host`; with port 0 the system chooses one that is free for both protocols."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self._busy: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self, host: str, port: int) -> None:
        """Start to answer; raise `OSError` where the port cannot be had."""
        loop = asyncio.get_running_loop()
        for attempt in range(MOST_TRIES):
            server = await asyncio.start_server(self._serve, host, port)
            chosen: int = server.sockets[0].getsockname()[1]
            try:
                self._datagrams, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self._take), local_addr=(host, chosen), family=socket.AF_INET
                )
            except OSError as taken:
                server.close()
                # Free for TCP and not for UDP: when any port will do, another may be free for both.
                if port or taken.errno != errno.EADDRINUSE or attempt + 1 == MOST_TRIES:
                    raise
            else:
                self._server, self.port = server, chosen
                return

    async def close(self) -> None:
        """Stop to answer; what is being answered is left."""
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None:
            self._datagrams.close()
        for task in tuple(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def _take(self, wire: bytes, client: tuple[str, int]) -> None:
        self._keep(asyncio.create_task(self._reply(wire, client)))

    async def _reply(self, wire: bytes, client: tuple[str, int]) -> None:
        said = await self._ask(wire, client[0], True)
        if said is not None and self._datagrams is not None:
            self._datagrams.sendto(said, client)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the questions of a connection in turn, each behind its length in two bytes (RFC 1035, 4.2.2)."""
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        client: str = (writer.get_extra_info("peername") or [""])[0]  # none where it has reset the connection already
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                said = await self._ask(wire, client, False)
                if said is None:
                    break
                writer.write(struct.pack("!H", len(said)) + said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass  # the client has asked all that it wanted to
        finally:
            writer.close()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, addr)
