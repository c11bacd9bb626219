"""Puts the voice pages together with the way to ElevenLabs."""

from __future__ import annotations

from mock_services.backend.accounts.access import Access
from mock_services.backend.settings import Settings
from mock_services.backend.text_to_speech.pages import VoicePages
from mock_services.backend.text_to_speech.synthesis import Synthesis
from mock_services.backend.vendors.speech import Speaker


class TextToSpeech:
    """The endpoints of voices and of speech."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._speaker = Speaker(
            str(settings.elevenlabs_api_url), settings.elevenlabs_api_key, settings.speech_timeout_s
        )
        self.areas = (VoicePages(self._speaker, access), Synthesis(self._speaker, access))

    async def close(self) -> None:
        """End the connections to ElevenLabs."""
        await self._speaker.close()
