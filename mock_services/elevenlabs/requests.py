"""What a request for speech may hold, and the parameters of the lists."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mock_services.elevenlabs.errors import InvalidVoiceSettings
from mock_services.elevenlabs.formats import FormatName

DEFAULT_MODEL = "eleven_multilingual_v2"
BOUNDS = {"stability": (0.0, 1.0), "similarity_boost": (0.0, 1.0), "style": (0.0, 1.0), "speed": (0.7, 1.2)}


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as half:
        raise ValueError("half of a surrogate pair is no character") from half
    return text


class VoiceSettings(BaseModel):
    """How the voice is to sound; `check` judges the values."""

    model_config = ConfigDict(allow_inf_nan=False)

    stability: float | None = None
    similarity_boost: float | None = None
    style: float | None = None
    use_speaker_boost: bool | None = None
    speed: float | None = None

    def check(self) -> None:
        """Raise `InvalidVoiceSettings` for a value out of its bounds."""
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InvalidVoiceSettings(name, low, high, value)


class SpeechBody(BaseModel):
    """The body of the four requests for speech."""

    text: Annotated[str, AfterValidator(_encodable)]
    model_id: str = DEFAULT_MODEL
    language_code: str | None = None
    voice_settings: VoiceSettings | None = None
    pronunciation_dictionary_locators: Annotated[list[dict[str, Any]], Field(max_length=3)] | None = None
    seed: Annotated[int, Field(ge=0, le=4_294_967_295)] | None = None
    previous_text: str | None = None
    next_text: str | None = None
    previous_request_ids: Annotated[list[str], Field(max_length=3)] | None = None
    next_request_ids: Annotated[list[str], Field(max_length=3)] | None = None
    apply_text_normalization: str = "auto"


class SpeechQuery(BaseModel):
    """The query of the four requests for speech."""

    output_format: FormatName = FormatName.MP3_44100_128
    optimize_streaming_latency: Annotated[int, Field(ge=0, le=4)] | None = None
    enable_logging: bool = True


class VoicesQuery(BaseModel):
    """The query of `GET /v2/voices`."""

    page_size: Annotated[int, Field(ge=1, le=100)] = 10
    next_page_token: str | None = None
    search: str | None = None
    sort: str | None = None
    sort_direction: Annotated[str, Field(pattern="^(asc|desc)$")] = "desc"
    category: str | None = None
    voice_ids: list[str] = []
    include_total_count: bool = True
