"""A server that takes mails as SendGrid's API does, keeps them, and refuses them when a test says so."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Letter:
    """One request to send a mail."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def to(self) -> str:
        address: str = self.body["personalizations"][0]["to"][0]["email"]
        return address

    @property
    def text(self) -> str:
        text: str = self.body["content"][0]["value"]
        return text


@dataclass
class PostOffice:
    """Answers every request with `status`; 0 hangs up instead."""

    status: int = 202
    letters: list[Letter] = field(default_factory=list)
    url: str = ""
    server: asyncio.Server | None = None

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/sendgrid"

    async def close(self) -> None:
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = (line.partition(": ") for line in head[1:] if line)
                headers = {name.lower(): value for name, _, value in fields}
                body = await reader.readexactly(int(headers["content-length"]))
                self.letters.append(Letter(head[0].split()[1], headers, json.loads(body)))
                if not self.status:
                    return
                answer = b"" if self.status == 202 else b'{"errors":[{"message":"not today"}]}'
                writer.write(
                    b"HTTP/1.1 %d Answered\r\nX-Message-Id: m%d\r\nContent-Length: %d\r\n\r\n%b"
                    % (self.status, len(self.letters), len(answer), answer)
                )
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the client has closed its connection
        finally:
            writer.close()
