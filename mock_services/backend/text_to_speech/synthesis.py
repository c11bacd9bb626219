"""Spoken texts: `/api/voice/tts/synthesize`, whole, and `/api/voice/tts/stream`, as they are made."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from mock_services.backend.accounts.access import Access
from mock_services.backend.errors import BadRequest, VendorFailed
from mock_services.backend.routes import Area
from mock_services.backend.text_to_speech.schemas import SpokenText
from mock_services.backend.vendors.speech import Speaker, SpeechFailed
from mock_services.core.operations import Exchange, Operation

log = logging.getLogger(__name__)

DEFAULT_VOICE = "21m00Tcm4TlvDq8ikWAM"
DEFAULT_MODEL = "eleven_turbo_v2_5"
MEDIA_TYPE = "audio/mpeg"


class Synthesis:
    """The endpoints that speak."""

    def __init__(self, speaker: Speaker, access: Access) -> None:
        self._speaker = speaker
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("voice", "/api/voice/tts", self._access.active)
        return (
            area("POST", "/synthesize", self.whole, body=SpokenText, form=True),
            area("POST", "/stream", self.stream, body=SpokenText, form=True),
        )

    async def whole(self, exchange: Exchange) -> Response:
        """Speak a text and answer when all of it is spoken."""
        form: SpokenText = exchange.body
        run_id = exchange.run_id
        try:
            spoken = await self._speaker.speak(_voice(form), _request(form), form.output_format, run_id)
        except SpeechFailed as failure:
            raise (BadRequest if failure.refused else VendorFailed)(str(failure)) from failure
        return Response(spoken.content, media_type=spoken.headers.get("content-type", MEDIA_TYPE))

    async def stream(self, exchange: Exchange) -> Response:
        """Speak a text as it is made. The answer begins before the vendor is asked, so that a failure cuts it off."""
        form: SpokenText = exchange.body
        run_id = exchange.run_id
        audio = self._speaker.stream(_voice(form), _request(form), form.output_format, run_id)
        return CutOffStream(audio, media_type=MEDIA_TYPE)


class CutOffStream(StreamingResponse):
    """A chunked body whose end never comes where the vendor fails: the server then closes the connection."""

    async def stream_response(self, send: Send) -> None:
        """Send the status and what comes of the body."""
        try:
            await super().stream_response(send)
        except SpeechFailed as failure:
            log.warning("a spoken text is cut off: %s", failure)


def _voice(form: SpokenText) -> str:
    return form.voice_id or DEFAULT_VOICE


def _request(form: SpokenText) -> dict[str, Any]:
    return {
        "text": form.text,
        "model_id": form.tts_model or DEFAULT_MODEL,
        "voice_settings": form.model_dump(include={"stability", "similarity_boost", "style", "use_speaker_boost"}),
    }
