"""A tiny HTTP target for tests of the load suite: every answer is what its path asks for.

`/status/503` answers 503, `/wait/20` answers 200 after 20 ms; everything else answers 200.
Run as a process (`python -m tests.support.http_target`) it prints its URL and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running_target() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The target's URL and its process, which a test may kill."""
    command = [sys.executable, "-m", "tests.support.http_target"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode()
            if wait := re.search(r"/wait/(\d+)", path):
                await asyncio.sleep(int(wait[1]) / 1000)
            status = re.search(r"/status/(\d+)", path)
            code = status[1] if status else "200"
            writer.write(f"HTTP/1.1 {code} Asked\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has left
    finally:
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
