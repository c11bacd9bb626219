"""Sockets to Deepgram: how a call reaches its agent, and a session its live transcription."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from websockets.asyncio.client import ClientConnection, connect

from mock_services.core.operations import RUN_HEADER

CLOSE_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 1 << 20
MESSAGES_WAITING: Final = 16  # received and not yet passed on; beyond that Deepgram has to wait


@dataclass(frozen=True, slots=True)
class DeepgramSocket:
    """Where a socket of Deepgram's is, and how long it may take to open, in seconds.

    Where Deepgram is slow, audio is dropped once `backlog_bytes` of it wait: what comes late is worth little.
    """

    url: str
    api_key: str
    connect_s: float
    backlog_bytes: int

    def connect(self, query: str = "", run_id: str = "") -> connect:
        """A connection, to be awaited or entered; `run_id` is the load run that it is opened for."""
        headers = {"Authorization": f"Token {self.api_key}"}
        if run_id:
            headers[RUN_HEADER] = run_id
        return connect(
            f"{self.url}?{query}" if query else self.url,
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=self.connect_s,
            close_timeout=CLOSE_S,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=MESSAGES_WAITING,
            # Beyond the limit `send` would wait, and whatever ends the socket with it: `is_behind` comes before.
            write_limit=self.backlog_bytes + MAX_MESSAGE_BYTES,
        )

    def is_behind(self, connection: ClientConnection) -> bool:
        """Whether so much audio waits to be sent that more of it is better dropped."""
        waiting: int = connection.transport.get_write_buffer_size()
        return waiting > self.backlog_bytes
