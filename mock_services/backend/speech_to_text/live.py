"""The connection to Deepgram's live transcription, from the first audio of a session to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from mock_services.backend.speech_to_text.protocol import CLOSE_STREAM, Manner

log = logging.getLogger(__name__)

AGAIN_AFTER_S: Final = 0.5
CLOSE_S: Final = 2.0
FINISH_S: Final = 5.0  # Deepgram's patience with the last results
MAX_MESSAGE_BYTES: Final = 1 << 20
MESSAGES_WAITING: Final = 16  # received and not yet passed on; beyond that Deepgram has to wait
RUN_HEADER: Final = "x-lab-run-id"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where transcription is, and how long it may take to answer. Times in seconds."""

    url: str
    api_key: str
    connect_s: float
    backlog_bytes: int


class NotStarted(Exception):
    """Deepgram cannot be reached or refuses; the reason is one sentence."""


class LiveTranscription:
    """One session. `tell` is awaited for each text message: where the client is slow, Deepgram waits.

    If Deepgram is slow, audio is dropped once `backlog_bytes` of it wait: a transcript that comes late is worth little.
    """

    def __init__(self, address: ListenAddress, manner: Manner, run_id: str, tell: Callable[[str], Awaitable[None]]):
        self._address = address
        self._manner = manner
        self._run_id = run_id
        self._tell = tell
        self._deepgram: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.dropped = 0

    @property
    def open(self) -> bool:
        """Whether audio is heard."""
        return self._reader is not None and not self._reader.done()

    async def start(self) -> None:
        """Connect, trying again for as long as patience lasts; raise `NotStarted`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._address.connect_s
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    self._deepgram = await self._connect()
                break
            except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as failure:
                reason = f"{type(failure).__name__}: {failure}"
            if loop.time() + AGAIN_AFTER_S >= deadline:
                await asyncio.sleep(max(0.0, deadline - loop.time()))
                raise NotStarted(f"no live transcription at {self._address.url}: {reason}")
            await asyncio.sleep(AGAIN_AFTER_S)
        self._reader = asyncio.create_task(self._read(self._deepgram), name="live transcription")

    async def hear(self, audio: bytes) -> None:
        """Send audio; it is lost once the session has ended."""
        deepgram = self._deepgram
        if deepgram is None:
            return
        if deepgram.transport.get_write_buffer_size() > self._address.backlog_bytes:
            self.dropped += 1
            return
        try:
            await deepgram.send(audio)
        except ConnectionClosed:
            self._deepgram = None  # the reader notices the same

    async def finish(self) -> None:
        """End the session once its last results have come."""
        if self._deepgram is not None and self._reader is not None:
            try:
                await self._deepgram.send(CLOSE_STREAM)
                await asyncio.wait((self._reader,), timeout=FINISH_S)
            except ConnectionClosed:
                log.info("Deepgram ended a session before it was asked to")
        await self.drop()

    async def drop(self) -> None:
        """End the session at once."""
        if self._reader is not None:
            self._reader.cancel()
            (outcome,) = await asyncio.gather(self._reader, return_exceptions=True)
            if isinstance(outcome, Exception):
                log.error("the reader of a live transcription failed", exc_info=outcome)
            self._reader = None
        if self._deepgram is not None:
            deepgram, self._deepgram = self._deepgram, None
            await deepgram.close()

    async def _connect(self) -> ClientConnection:
        address = self._address
        headers = {"Authorization": f"Token {address.api_key}"}
        if self._run_id:
            headers[RUN_HEADER] = self._run_id
        return await connect(
            f"{address.url}?{self._manner.query()}",
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=address.connect_s,
            close_timeout=CLOSE_S,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=MESSAGES_WAITING,
            # Beyond the limit `send` would wait, and the client with it; `hear` drops audio before that can happen.
            write_limit=address.backlog_bytes + MAX_MESSAGE_BYTES,
        )

    async def _read(self, deepgram: ClientConnection) -> None:
        try:
            async for message in deepgram:
                if isinstance(message, str):
                    await self._tell(message)
        except ConnectionClosed as closed:
            log.info("Deepgram ended a live transcription: %s", closed)
