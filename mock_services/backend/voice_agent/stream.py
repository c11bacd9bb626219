"""The media stream socket: `/api/ws/telephony/voice-agent/stream`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from mock_services.backend.accounts.state import Accounts
from mock_services.backend.defects import Defect
from mock_services.backend.errors import StorageFull
from mock_services.backend.settings import Settings
from mock_services.backend.store import now
from mock_services.backend.telephony.state import Call, CallStatus, Configuration, Telephony
from mock_services.backend.vendors.deepgram import DeepgramSocket
from mock_services.backend.voice_agent.bridge import AgentBridge, KeepAlive
from mock_services.backend.voice_agent.closing import Closing
from mock_services.backend.voice_agent.dialogue import Dialogue, greeting_message, settings_message
from mock_services.backend.voice_agent.media import (
    Event,
    MediaStream,
    Playback,
    StreamBroken,
    StreamStarted,
    StreamStopped,
)
from mock_services.core.operations import ServiceError

log = logging.getLogger(__name__)


class TooManyStreams(ServiceError):
    """The handshake is refused with HTTP 403 and no body."""

    status = 403

    def response(self) -> Response:
        """Render the refusal."""
        return Response(status_code=self.status)


class LiveCall:
    """A call whose media stream is open."""

    def __init__(self, call: Call, caller: str, bridge: AgentBridge, dialogue: Dialogue) -> None:
        self.call = call
        self.caller = caller
        self.bridge = bridge
        self.dialogue = dialogue
        self.started = now()
        self.agent = asyncio.create_task(bridge.run(), name=f"agent of call {call.call_sid}")


class VoiceAgentStream:
    """Serves media streams, a number of them at a time.

    As on the platform the server never closes: after `stop`, or after a message that it cannot use, it only waits for
    the client to do so. Such a stream does not count as open any more, once its call is summarised.
    """

    def __init__(self, settings: Settings, accounts: Accounts, telephony: Telephony, closing: Closing) -> None:
        self._settings = settings
        self._accounts = accounts
        self._telephony = telephony
        self._closing = closing
        self._agent = DeepgramSocket(
            str(settings.deepgram_agent_url),
            settings.deepgram_api_key,
            settings.agent_connect_s,
            settings.agent_backlog_bytes,
        )
        self._keep_alive = KeepAlive(settings.agent_keep_alive_after_s, settings.agent_keep_alive_every_s)
        self.open = 0
        self.counts: Counter[str] = Counter()

    async def __call__(self, websocket: WebSocket) -> None:
        """Serve one socket."""
        if self.open >= self._settings.voice_sockets:
            self.counts["refused"] += 1
            raise TooManyStreams(f"{self.open} media streams are open")
        self.open += 1
        try:
            await websocket.accept()
            gone = await self._serve(websocket)
        finally:
            self.open -= 1
        while not gone:
            gone = (await websocket.receive())["type"] == "websocket.disconnect"

    async def _serve(self, websocket: WebSocket) -> bool:
        """Serve a stream to its end; say whether the client has gone."""
        settings = self._settings
        stream = MediaStream(
            packets_per_s=settings.media_packets_per_s,
            payload_chars=settings.media_payload_chars,
            audio_bytes=settings.media_audio_bytes,
        )
        live: LiveCall | None = None
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return True
                event = _read(stream, message)
                if isinstance(event, bytes):
                    if live is not None:
                        await live.bridge.hear(event)
                elif isinstance(event, StreamStarted):
                    live = live or self._begin(websocket, event)
                elif isinstance(event, StreamStopped):
                    return False
        except StreamBroken as broken:
            log.info("a media stream ends: %s", broken)
            self.counts["broken"] += 1
            return False
        finally:
            self.counts["packets_dropped"] += stream.dropped
            if live is not None:
                await self._finish(live)

    def _begin(self, websocket: WebSocket, start: StreamStarted) -> LiveCall:
        configuration = self._telephony.with_organization_number(start.org_phone)
        if configuration is None:
            raise StreamBroken(f"not exactly one organisation has the number {start.org_phone}")
        call = self._telephony.by_sid(start.call_sid)
        if call is None:
            try:
                call = self._telephony.add_call(configuration, start.call_sid, start.caller, CallStatus.IN_PROGRESS)
            except StorageFull as full:
                raise StreamBroken(str(full)) from None
        self._telephony.set_status(call, CallStatus.IN_PROGRESS)
        call.answer_time = now()
        self.counts["calls"] += 1

        playback = Playback(start.stream_sid)

        async def send(message: str) -> None:
            try:
                await websocket.send_text(message)
            except (WebSocketDisconnect, RuntimeError):
                self.counts["audio_undelivered"] += 1  # the caller has gone; the receiving side ends the call

        async def play(audio: bytes) -> None:
            await send(playback.message(audio))

        async def interrupt() -> None:
            if Defect.AGENT_TALKS_ON not in self._settings.defects:
                self.counts["clears"] += 1
                await send(playback.clear)

        dialogue = Dialogue(self._settings.max_call_messages)
        opening = self._opening(configuration)
        bridge = AgentBridge(self._agent, self._keep_alive, opening, dialogue, play, interrupt)
        live = LiveCall(call, start.caller, bridge, dialogue)
        live.agent.add_done_callback(lambda _: self._count_failure(bridge))
        return live

    def _count_failure(self, bridge: AgentBridge) -> None:
        self.counts["agent_failures"] += bool(bridge.failure)

    def _opening(self, configuration: Configuration) -> tuple[str, str]:
        tenant = self._accounts.tenants.get(configuration.tenant_id)
        organization = tenant.name if tenant else "us"
        return (
            settings_message(organization, configuration.voice_id),
            greeting_message(organization, configuration.welcome_message),
        )

    async def _finish(self, live: LiveCall) -> None:
        """End a call: write it down, hang up on the agent, and wait for the summary."""
        self._closing.complete(live.call, live.caller, live.started, live.dialogue.lines)
        live.agent.cancel()
        (outcome,) = await asyncio.gather(live.agent, return_exceptions=True)
        if isinstance(outcome, Exception):
            log.error("the bridge of call %s failed", live.call.call_sid, exc_info=outcome)
        self.counts["backlog_dropped"] += live.bridge.dropped
        self.counts["agent_errors"] += len(live.dialogue.errors)
        summarised = await self._closing.summarise(live.call)
        self.counts["summaries"] += summarised


def _read(stream: MediaStream, message: Mapping[str, Any]) -> Event:
    text = message.get("text")
    if text is None:
        raise StreamBroken("a frame is binary")
    return stream.receive(text, time.monotonic())
