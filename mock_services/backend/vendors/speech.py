"""Speech through ElevenLabs' API, as the platform asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx

from mock_services.backend.vendors.connection import Connection, Unreachable

OF_THE_REQUEST = frozenset({400, 404, 422})
"""The statuses with which ElevenLabs refuses what was asked, rather than fails."""
SHOWN_OF_A_REFUSAL = 200
OUTPUT_FORMAT = "mp3_44100_128"


class SpeechFailed(Exception):
    """A request that ElevenLabs did not answer with success; the reason is one sentence.

    `refused` says that it did not like what was asked; otherwise it was down, overloaded or of another mind.
    """

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class Speaker:
    """Asks ElevenLabs, over connections that it keeps."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        self._elevenlabs = Connection("ElevenLabs", url, {"xi-api-key": key}, timeout_s)

    async def look_up(self, path: str, run_id: str = "") -> Any:
        """Give what stands at a path such as `/v1/voices`; raise `SpeechFailed`."""
        try:
            answer = await self._elevenlabs.request("GET", path, run_id=run_id)
            content = answer.json() if answer.is_success else None
        except (Unreachable, ValueError) as failure:
            raise SpeechFailed(str(failure)) from failure
        _refuse(answer)
        return content

    async def voice(self, voice_id: str, run_id: str = "") -> Any:
        """Give one voice; raise `SpeechFailed`."""
        return await self.look_up(f"/v1/voices/{quote(voice_id, safe='')}", run_id)

    async def speak(
        self, voice_id: str, body: dict[str, Any], output_format: str | None, run_id: str = ""
    ) -> httpx.Response:
        """Give the answer whose body is the whole audio; raise `SpeechFailed`."""
        path, query = _spoken(voice_id, output_format)
        try:
            answer = await self._elevenlabs.request("POST", path, run_id=run_id, params=query, json=body)
        except Unreachable as failure:
            raise SpeechFailed(str(failure)) from failure
        _refuse(answer)
        return answer

    async def stream(
        self, voice_id: str, body: dict[str, Any], output_format: str | None, run_id: str = ""
    ) -> AsyncIterator[bytes]:
        """Give the audio as it comes; raise `SpeechFailed` where it does not begin or breaks off."""
        path, query = _spoken(voice_id, output_format)
        try:
            async with self._elevenlabs.stream(
                "POST", f"{path}/stream", run_id=run_id, params=query, json=body
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                _refuse(answer)
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except Unreachable as failure:
            raise SpeechFailed(str(failure)) from failure

    async def close(self) -> None:
        """End the kept connections."""
        await self._elevenlabs.close()


def _spoken(voice_id: str, output_format: str | None) -> tuple[str, dict[str, str]]:
    query = {"output_format": output_format or OUTPUT_FORMAT, "optimize_streaming_latency": "1"}
    return f"/v1/text-to-speech/{quote(voice_id, safe='')}", query


def _refuse(answer: httpx.Response) -> None:
    if not answer.is_success:
        shown = answer.text[:SHOWN_OF_A_REFUSAL]
        raise SpeechFailed(
            f"ElevenLabs answered {answer.status_code}: {shown}", refused=answer.status_code in OF_THE_REQUEST
        )
