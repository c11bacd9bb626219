"""A target that costs next to nothing: `python -m bench.fixed_answers --port 0` answers every GET with the same bytes.

`GET /count` gives how many others there were. For the pipeline bench, where nothing but the client may be the bound.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
BODY = b'{"id": "a-contact", "business_name": "Rose & Sons", "contact_name": "Ada Rose", "status": "prospect"}'


class Answers(asyncio.Protocol):
    """One connection, over which whole requests without a body come one after the other."""

    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        self._transport = cast(asyncio.Transport, transport)
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that has come whole."""
        *requests, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for request in requests:
            asks_count = request.startswith(b"GET /count ")
            Answers.served += not asks_count
            body = str(Answers.served).encode() if asks_count else BODY
            self._transport.write(HEAD + str(len(body)).encode() + b"\r\n\r\n" + body)


async def serve(port: int) -> None:
    """Serve on loopback until the process is ended; say where once it is ready."""
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", port)
    sys.stdout.write(f"answers ready on http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.fixed_answers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    uvloop.run(serve(parser.parse_args().port))
