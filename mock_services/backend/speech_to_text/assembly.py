"""Puts speech to text together: its endpoints, its sockets, and its two ways to Deepgram."""

from __future__ import annotations

from typing import Any

from mock_services.backend.accounts.access import Access
from mock_services.backend.settings import Settings
from mock_services.backend.speech_to_text.files import SpeechFiles
from mock_services.backend.speech_to_text.sockets import STREAM, STREAMING, SpeechSockets
from mock_services.backend.vendors.deepgram import DeepgramSocket
from mock_services.backend.vendors.transcription import Transcriber
from mock_services.core.randomness import Randomness


class SpeechToText:
    """Speech to text, live and of files."""

    def __init__(self, settings: Settings, randomness: Randomness, access: Access) -> None:
        url, key = str(settings.deepgram_listen_url), settings.deepgram_api_key
        self._transcriber = Transcriber(url, key, settings.vendor_timeout_s)
        self._live = SpeechSockets(
            access,
            DeepgramSocket(url, key, settings.stt_connect_s, settings.stt_backlog_bytes),
            randomness,
            settings.defects,
        )
        self.areas = (SpeechFiles(access, self._transcriber),)
        self.sockets = ((STREAMING.path, self._live.streaming), (STREAM.path, self._live.stream))

    @property
    def open(self) -> int:
        """Count the open sockets."""
        return self._live.open

    def clear(self) -> None:
        """Forget what was counted."""
        self._live.counts.clear()

    async def close(self) -> None:
        """End the kept connections to Deepgram."""
        await self._transcriber.close()

    def gauges(self) -> dict[str, Any]:
        """Say what happened on the sockets."""
        return {"speech_to_text": {"open": self.open, **self._live.counts}}
