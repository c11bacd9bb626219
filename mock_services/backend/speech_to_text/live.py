"""The connection to Deepgram's live transcription, from the first audio of a session to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from mock_services.backend.speech_to_text.protocol import CLOSE_STREAM, Manner
from mock_services.backend.vendors.deepgram import DeepgramSocket

log = logging.getLogger(__name__)

AGAIN_AFTER_S: Final = 0.5
FINISH_S: Final = 5.0  # Deepgram's patience with the last results


class NotStarted(Exception):
    """Deepgram cannot be reached or refuses; the reason is one sentence."""


class LiveTranscription:
    """One session. `tell` is awaited for each text message: where the client is slow, Deepgram waits."""

    def __init__(self, socket: DeepgramSocket, manner: Manner, run_id: str, tell: Callable[[str], Awaitable[None]]):
        self._socket = socket
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
        deadline = loop.time() + self._socket.connect_s
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    self._deepgram = await self._socket.connect(self._manner.query(), self._run_id)
                break
            except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as failure:
                reason = f"{type(failure).__name__}: {failure}"
            if loop.time() + AGAIN_AFTER_S >= deadline:
                await asyncio.sleep(max(0.0, deadline - loop.time()))
                raise NotStarted(f"no live transcription at {self._socket.url}: {reason}")
            await asyncio.sleep(AGAIN_AFTER_S)
        self._reader = asyncio.create_task(self._read(self._deepgram), name="live transcription")

    async def hear(self, audio: bytes) -> None:
        """Send audio; it is lost once the session has ended."""
        deepgram = self._deepgram
        if deepgram is None:
            return
        if self._socket.is_behind(deepgram):
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

    async def _read(self, deepgram: ClientConnection) -> None:
        try:
            async for message in deepgram:
                if isinstance(message, str):
                    await self._tell(message)
        except ConnectionClosed as closed:
            log.info("Deepgram ended a live transcription: %s", closed)
