"""A target that breaks connections as its paths ask for, and counts what reached it."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class UnkindTarget(socketserver.ThreadingTCPServer):
    """It closes (`/close`) or resets (`/reset`) a connection in place of an answer, or after a part of one (`/part`).

    `/silent` is never answered, `/last` is answered and its connection closed with that, and all else is answered `{}`.
    """

    daemon_threads = True

    def __init__(self, breaking: Container[int]) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.breaking = breaking
        self.received: Counter[str] = Counter()
        self.ended = threading.Event()


class Connection(socketserver.StreamRequestHandler):
    """One connection, one request after another."""

    server: UnkindTarget

    def handle(self) -> None:
        """Answer until the connection is to break."""
        while line := self.rfile.readline():
            method, path, _ = line.decode().split()
            length = 0
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            self.server.received[f"{method} {path}"] += 1
            if self.server.received.total() in self.server.breaking:
                return
            match path:
                case "/close":
                    return
                case "/reset":
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.rfile.close()
                    self.request.close()
                    return
                case "/part":
                    self.wfile.write(HEAD % 20 + b"{}")
                    return
                case "/silent":
                    self.server.ended.wait(10)
                    return
            if path == "/last":
                # Corked, the answer and the connection's end leave in one segment: no next request can come between.
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                self.wfile.write(HEAD % 2 + b"{}")
                return
            self.wfile.write(HEAD % 2 + b"{}")


@contextmanager
def unkind_target(breaking: Container[int] = ()) -> Iterator[UnkindTarget]:
    """Run it in threads of this process; it also closes the connection at the requests of these numbers (from 1)."""
    with UnkindTarget(breaking) as target:
        thread = threading.Thread(target=target.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield target
        finally:
            target.ended.set()
            target.shutdown()
            thread.join()
