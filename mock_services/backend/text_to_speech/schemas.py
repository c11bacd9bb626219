"""Requests and answers of the voice pages."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

Level = Annotated[float, Field(allow_inf_nan=False)]


class SpokenText(BaseModel):
    """A text to be spoken, and how."""

    text: str
    voice_id: str | None = None
    tts_model: str | None = None
    stability: Level = 0.5
    similarity_boost: Level = 0.5
    style: Level = 0.0
    use_speaker_boost: bool = True
    output_format: str | None = None


class VoicePath(BaseModel):
    """The path of a voice."""

    voice_id: str
