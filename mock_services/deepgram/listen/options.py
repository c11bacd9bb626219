"""What a client asks for in the query of `/v1/listen`, live or for a file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator

from mock_services.core.speech import SAMPLE_RATE
from mock_services.deepgram.listen.audio import AudioFormat

USUAL_ENDPOINTING_MS: Final = 10
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
MODELS: Final = re.compile(r"(nova(-[23])?|enhanced|base|whisper)(-[a-z0-9]+)*")


class UnfitOptions(ValueError):
    """A query that Deepgram refuses; the sentence says why."""


def _milliseconds(given: object) -> object:
    """Read `true` as the usual, `false` as never."""
    return {"true": USUAL_ENDPOINTING_MS, "false": None}.get(given.lower(), given) if isinstance(given, str) else given


class ListenOptions(BaseModel):
    """The options that change what comes back. All others are accepted and have no effect.

    `endpointing` is in milliseconds of silence; None where no endpoint is to be found.
    """

    model: str = "base"
    language: str = "en"
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int = Field(default=1, ge=1, le=16)
    multichannel: bool = False
    punctuate: bool = False
    smart_format: bool = False
    diarize: bool = False
    interim_results: bool = False
    endpointing: Annotated[Milliseconds | None, BeforeValidator(_milliseconds)] = USUAL_ENDPOINTING_MS
    utterance_end_ms: int | None = None
    vad_events: bool = False
    detect_language: bool = False
    utterances: bool = False
    utt_split: float = Field(default=0.8, gt=0, le=60)
    paragraphs: bool = False

    @field_validator("model")
    @classmethod
    def _known_model(cls, model: str) -> str:
        if MODELS.fullmatch(model) is None:
            raise ValueError("No such model/language/version combination found.")
        return model

    @model_validator(mode="after")
    def _utterance_end_needs_interims(self) -> ListenOptions:
        if self.utterance_end_ms is not None and (self.utterance_end_ms < 1000 or not self.interim_results):
            raise ValueError("utterance_end_ms takes 1000 or more, and needs interim_results=true.")
        return self

    @property
    def formatted(self) -> bool:
        """Whether words come with capitals and punctuation."""
        return self.punctuate or self.smart_format

    def raw_format(self) -> AudioFormat | None:
        """Give how the audio is laid out, or None where it says so itself; raise `UnfitOptions`."""
        if self.encoding is None:
            return None
        if self.encoding not in {"linear16", "mulaw"}:
            raise UnfitOptions(
                f"encoding is {self.encoding}; this stub takes linear16, mulaw, or WAVE without encoding"
            )
        if self.sample_rate is None and self.encoding == "linear16":
            raise UnfitOptions("encoding linear16 needs a sample_rate")
        try:
            encoding: Any = self.encoding
            return AudioFormat(encoding, SAMPLE_RATE if self.sample_rate is None else self.sample_rate, self.channels)
        except ValueError as odd:
            raise UnfitOptions(str(odd)) from None


def read_options(query: dict[str, str]) -> ListenOptions:
    """Read a query; raise `UnfitOptions`."""
    try:
        return ListenOptions.model_validate(query)
    except ValidationError as misfit:
        error = misfit.errors(include_url=False)[0]
        where = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        raise UnfitOptions(f"{where}: {message}" if where and where != "model" else message) from None
