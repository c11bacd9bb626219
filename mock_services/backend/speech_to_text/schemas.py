"""Requests and answers of the speech-to-text endpoints."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from mock_services.core.forms import File


class SpeechForm(BaseModel):
    """A recording, and how it is to be written down."""

    audio_file: File
    language: str | None = None
    model: str | None = None
    punctuate: bool = True
    diarize: bool = False
    smart_format: bool = True


class Transcription(BaseModel):
    """What was said; with `success` false nothing, and `error` says why."""

    success: bool
    transcript: str = ""
    confidence: float = 0.0
    words: list[dict[str, Any]] = []
    detected_language: str | None = None
    duration: float | None = None
    paragraphs: dict[str, Any] | None = None
    utterances: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    error: str | None = None


class SpeechStatus(BaseModel):
    """Whether speech-to-text is configured."""

    service: str
    available: bool
    model: str
    language: str
