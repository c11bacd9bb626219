"""The speech-to-text sockets: `/api/ws/voice/streaming-stt` and `/api/ws/stt/stream`."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.websockets import WebSocket, WebSocketDisconnect

from mock_services.backend.accounts.access import Access
from mock_services.backend.defects import Defect, Defects
from mock_services.backend.errors import AuthenticationRequired
from mock_services.backend.sockets import HandshakeRefused
from mock_services.backend.speech_to_text import protocol
from mock_services.backend.speech_to_text.live import LiveTranscription, NotStarted
from mock_services.backend.speech_to_text.protocol import Manner, Ping, Start, Stop, Unreadable
from mock_services.backend.store import now
from mock_services.backend.vendors.deepgram import DeepgramSocket
from mock_services.core.operations import run_of
from mock_services.core.randomness import Randomness

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two sockets. `chooses` says that its client chooses language and model, and is told them."""

    path: str
    chooses: bool


STREAMING: Final = Kind("/api/ws/voice/streaming-stt", chooses=False)
STREAM: Final = Kind("/api/ws/stt/stream", chooses=True)


class SpeechSockets:
    """Answers the handshakes of both sockets, and counts what goes over them."""

    def __init__(self, access: Access, deepgram: DeepgramSocket, randomness: Randomness, defects: Defects) -> None:
        self.deepgram = deepgram
        self.open = 0
        self.counts: Counter[str] = Counter()
        self._access = access
        self._randomness = randomness
        self._defects = defects

    async def streaming(self, websocket: WebSocket) -> None:
        """Write down speech as it comes: `/api/ws/voice/streaming-stt`."""
        await self._serve(websocket, STREAMING)

    async def stream(self, websocket: WebSocket) -> None:
        """Write down speech as it comes, in the manner that the query chooses: `/api/ws/stt/stream`."""
        await self._serve(websocket, STREAM)

    async def _serve(self, websocket: WebSocket, kind: Kind) -> None:
        token = websocket.query_params.get("token")
        if not token:
            raise HandshakeRefused("no token in the query")
        try:
            self._access.bearer(token)
        except AuthenticationRequired as refused:
            raise HandshakeRefused(str(refused)) from None
        await websocket.accept()
        once = kind is STREAMING and Defect.STT_ONE_TRANSCRIPTION in self._defects
        self.open += 1
        try:
            gone = await Dictation(self, websocket, kind, self._randomness.uuid("stt"), once=once).run()
        finally:
            self.open -= 1
        while not gone:  # as on the platform, the server does not close
            gone = (await websocket.receive())["type"] == "websocket.disconnect"


class Dictation:
    """One client on one socket, with one transcription at a time; `once` allows no second one."""

    def __init__(
        self, sockets: SpeechSockets, websocket: WebSocket, kind: Kind, connection_id: UUID, *, once: bool
    ) -> None:
        self._sockets = sockets
        self._websocket = websocket
        self._chooses = kind.chooses
        self._connection_id = connection_id
        self._once = once
        self._stopped = False
        self._manner = Manner().changed(websocket.query_params) if kind.chooses else Manner()
        self._session: LiveTranscription | None = None

    async def run(self) -> bool:
        """Serve until the client goes, or no transcription can be started; say whether the client has gone."""
        try:
            await self._websocket.send_text(protocol.connected(self._connection_id, now()))
            while (received := await self._websocket.receive())["type"] != "websocket.disconnect":
                if received.get("bytes") is None:
                    await self._obey(received["text"])
                elif received["bytes"]:
                    await self._hear(received["bytes"])
        except NotStarted as failure:
            log.info("%s", failure)
            self._sockets.counts["failures"] += 1
            for _ in range(2):
                await self._websocket.send_text(protocol.NOT_STARTED)
            return False
        finally:
            await self._end()
        return True

    async def _obey(self, text: str) -> None:
        match protocol.read_control(text):
            case Ping():
                answer = protocol.pong(now())
            case Start(given):
                if self._chooses:
                    self._manner = self._manner.changed(given)
                answer = protocol.ready(self._told_manner, now())
            case Stop() if self._session is not None:
                await self._session.finish()
                await self._end()
                self._stopped = True
                answer = protocol.stopped(now())
            case Unreadable():
                answer = protocol.UNREADABLE
            case _:
                return
        await self._websocket.send_text(answer)

    async def _hear(self, audio: bytes) -> None:
        if self._once and self._stopped:
            return
        if self._session is None or not self._session.open:  # the first audio, or the first after Deepgram left
            await self._end()
            run_id = run_of(self._websocket.scope)
            self._session = LiveTranscription(self._sockets.deepgram, self._manner, run_id, self._tell)
            await self._session.start()
            self._sockets.counts["transcriptions"] += 1
        await self._session.hear(audio)

    async def _tell(self, text: str) -> None:
        transcript = protocol.transcript(text, self._told_manner, now())
        if transcript is None:
            return
        self._sockets.counts["transcripts"] += 1
        try:
            await self._websocket.send_text(transcript)
        except WebSocketDisconnect:
            self._sockets.counts["undelivered"] += 1  # the client has gone; whoever reads the socket ends the session

    async def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.drop()
            self._sockets.counts["audio_dropped"] += session.dropped

    @property
    def _told_manner(self) -> Manner | None:
        return self._manner if self._chooses else None
