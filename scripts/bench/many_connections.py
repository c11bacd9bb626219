"""Asks for one path over many kept connections, each with one request at a time, as fast as the answers come."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass
class Answers:
    """What came back: how many answers, how many of them no 200, and how long each took (seconds)."""

    count: int = 0
    others: int = 0
    seconds: list[float] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        """Give the time within which a share of all answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


class Asker(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, answers: Answers) -> None:
        self.counting = False
        self.lost = False
        self._request = request
        self._answers = answers
        self._received = b""
        self._asked = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Count an answer that is whole, and ask again."""
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self._received, 0, head + 2)
        if length is None or len(self._received) < head + 4 + int(length[1]):
            return
        if self.counting:
            self._answers.count += 1
            self._answers.others += not self._received.startswith(b"HTTP/1.1 200 ")
            self._answers.seconds.append(time.perf_counter() - self._asked)
        self._received = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ask no more."""
        self.lost = True

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def _ask(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._asked = time.perf_counter()
            self._transport.write(self._request)


async def ask_for(
    host: str, port: int, path: str, headers: dict[str, str], connections: int, warm_s: float, seconds: float
) -> Answers:
    """Ask for `warm_s` without counting and for `seconds` with it; raise `ConnectionError` where one was lost."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    answers = Answers()
    loop = asyncio.get_running_loop()
    askers = [Asker(request, answers) for _ in range(connections)]
    for asker in askers:
        await loop.create_connection(lambda asker=asker: asker, host, port)  # type: ignore[misc]
    await asyncio.sleep(warm_s)
    for counting in (True, False):
        for asker in askers:
            asker.counting = counting
        await asyncio.sleep(seconds if counting else 0)
    lost = sum(asker.lost for asker in askers)
    for asker in askers:
        asker.close()
    if lost:
        raise ConnectionError(f"{lost} of {connections} connections were lost")
    return answers
