"""What voices there are and whether they can be reached: `/api/voice/config`, `/api/voice/status` and below `tts`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.errors import ResourceNotFound, VendorFailed
from mock_services.backend.routes import Area
from mock_services.backend.schemas import ANY_OBJECT
from mock_services.backend.text_to_speech.schemas import VoicePath
from mock_services.backend.text_to_speech.synthesis import DEFAULT_MODEL, DEFAULT_VOICE
from mock_services.backend.vendors.speech import OUTPUT_FORMAT, Speaker, SpeechFailed
from mock_services.core.operations import Exchange, Operation, json_response

log = logging.getLogger(__name__)

SPEECH = {
    "provider": "elevenlabs",
    "model": DEFAULT_MODEL,
    "voice_id": DEFAULT_VOICE,
    "output_format": OUTPUT_FORMAT,
}
HEARING = {"provider": "deepgram", "model": "nova-2", "language": "en-US", "sample_rate": 16_000}


class VoicePages:
    """The endpoints that tell of voices."""

    def __init__(self, speaker: Speaker, access: Access) -> None:
        self._speaker = speaker
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("voice", "/api/voice")
        active = area.by(self._access.active)
        return (
            active("GET", "/config", self.config, gives=ANY_OBJECT),
            area("GET", "/status", self.status, gives=ANY_OBJECT),
            area("GET", "/tts/status", self.speech_status, gives=ANY_OBJECT),
            active("GET", "/tts/voices", self.voices, gives=ANY_OBJECT),
            active("GET", "/tts/models", self.models, gives=ANY_OBJECT),
            active("GET", "/tts/voice/{voice_id}", self.voice, path_params=VoicePath, gives=ANY_OBJECT, refuses=(404,)),
        )

    async def config(self, exchange: Exchange) -> Response:
        """Say how speech is made and understood."""
        return json_response({"tts": SPEECH, "stt": HEARING})

    async def status(self, exchange: Exchange) -> Response:
        """Ask ElevenLabs whether it is there; that it is not is no failure of this page."""
        available = True
        try:
            await self._speaker.look_up("/v1/user", exchange.run_id)
        except SpeechFailed as failure:
            log.warning("speech counts as unavailable: %s", failure)
            available = False
        return json_response({"tts": {**SPEECH, "available": available}, "stt": {**HEARING, "available": True}})

    async def speech_status(self, exchange: Exchange) -> Response:
        """Say which speech is configured; nobody is asked."""
        return json_response({**SPEECH, "configured": True})

    async def voices(self, exchange: Exchange) -> Response:
        """List the voices."""
        return json_response(await self._look_up(exchange, "/v1/voices"))

    async def models(self, exchange: Exchange) -> Response:
        """List the models."""
        return json_response({"models": await self._look_up(exchange, "/v1/models")})

    async def voice(self, exchange: Exchange) -> Response:
        """Show a voice; one that cannot be asked for is as good as unknown."""
        try:
            return json_response(await self._speaker.voice(exchange.path.voice_id, exchange.run_id))
        except SpeechFailed as failure:
            raise ResourceNotFound(str(failure)) from failure

    async def _look_up(self, exchange: Exchange, path: str) -> Any:
        try:
            return await self._speaker.look_up(path, exchange.run_id)
        except SpeechFailed as failure:
            raise VendorFailed(str(failure)) from failure
