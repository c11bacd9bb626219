"""A vendor that answers what a test says, in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def scripted(*answers: tuple[int, str]) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve answers, one a request; give the URL and the heads of the requests, which have no bodies."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                status, body = answers[len(heads) - 1]
                writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the client has closed its connection
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
