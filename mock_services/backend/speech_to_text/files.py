"""Speech to text of files: `POST /api/stt/file` and `/api/voice/stt/file`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.routes import Area
from mock_services.backend.speech_to_text.protocol import LANGUAGE, MODEL
from mock_services.backend.speech_to_text.schemas import SpeechForm, SpeechStatus, Transcription
from mock_services.backend.vendors.transcription import Transcriber, TranscriptionFailed
from mock_services.core.operations import Exchange, Operation, json_response


class SpeechFiles:
    """The speech-to-text endpoints, each under two paths. Whatever fails at Deepgram is a 200 that says so inside."""

    def __init__(self, access: Access, transcriber: Transcriber) -> None:
        self._access = access
        self._transcriber = transcriber

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        for prefix in ("/api/stt", "/api/voice/stt"):
            area = Area("speech-to-text", prefix)
            active = area.by(self._access.active)
            yield area("GET", "/status", self.status, gives=SpeechStatus)
            yield active("POST", "/file", self.transcribe, body=SpeechForm, form=True, gives=Transcription)

    async def status(self, exchange: Exchange) -> Response:
        """Say whether speech-to-text is configured; nobody is asked."""
        return json_response({"service": "deepgram", "available": True, "model": MODEL, "language": LANGUAGE})

    async def transcribe(self, exchange: Exchange) -> Response:
        """Write down what is said in a recording."""
        form: SpeechForm = exchange.body
        options = {
            "diarize": _flag(form.diarize),
            "model": form.model or MODEL,
            "paragraphs": "true",
            "punctuate": _flag(form.punctuate),
            "smart_format": _flag(form.smart_format),
            "utterances": "true",
            **({"language": form.language} if form.language else {"detect_language": "true"}),
        }
        run_id = exchange.run_id
        try:
            heard = await self._transcriber.transcribe(form.audio_file.content, options, run_id)
            answer = _transcription(heard)
        except TranscriptionFailed as failure:
            exchange.note = str(failure)
            answer = Transcription(success=False, error=str(failure))
        return json_response(answer.model_dump())


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _transcription(heard: dict[str, Any]) -> Transcription:
    try:
        results, metadata = heard["results"], heard["metadata"]
        channel = results["channels"][0]
        said = channel["alternatives"][0]
        return Transcription(
            success=True,
            transcript=said["transcript"],
            confidence=said["confidence"],
            words=said["words"],
            detected_language=channel.get("detected_language"),
            duration=metadata.get("duration"),
            paragraphs=said.get("paragraphs"),
            utterances=results.get("utterances", []),
            metadata=metadata,
        )
    except (LookupError, TypeError, AttributeError, ValueError):  # ValueError: pydantic's, for a field of another type
        raise TranscriptionFailed("Deepgram's answer has no transcript that can be read") from None
