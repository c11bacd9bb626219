"""Transcription of files through Deepgram's API: `POST /v1/listen`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_services.backend.vendors.connection import Connection, Unreachable

SHOWN_OF_A_REFUSAL = 200


class TranscriptionFailed(Exception):
    """No transcript; the reason is one sentence."""


class Transcriber:
    """Sends files over kept connections. `url` is that of the live socket; files go to the same place over HTTP."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        scheme, separator, rest = url.partition("://")
        http = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        headers = {"Authorization": f"Token {key}", "Content-Type": "application/octet-stream"}
        self._connection = Connection("Deepgram", http + separator + rest, headers, timeout_s)

    async def transcribe(self, audio: bytes, options: Mapping[str, str], run_id: str = "") -> dict[str, Any]:
        """Give Deepgram's answer to a file; raise `TranscriptionFailed`."""
        try:
            answer = await self._connection.request("POST", "", run_id=run_id, params=options, content=audio)
        except Unreachable as unreachable:
            raise TranscriptionFailed(str(unreachable)) from None
        if answer.status_code != 200:
            shown = answer.text[:SHOWN_OF_A_REFUSAL]
            raise TranscriptionFailed(f"Deepgram answered {answer.status_code} to a file: {shown}")
        try:
            heard = answer.json()
        except ValueError:
            heard = None
        if not isinstance(heard, dict):
            raise TranscriptionFailed("Deepgram's answer to a file is not a JSON object")
        return heard

    async def close(self) -> None:
        """End the kept connections, if a file has opened any; the next file opens new ones."""
        await self._connection.close()
