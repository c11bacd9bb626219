"""What the environment sets of the Deepgram stub: its key, its limits, its delays."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mock_services.core.environment import EnvironmentSettings, prefixed
from mock_services.core.speech import FRAME_MS
from mock_services.deepgram.script import Script, read_script
from mock_services.deepgram.timing import ListenTiming, Timing

USUAL = Timing()
USUAL_LISTEN = ListenTiming()


class DeepgramSettings(EnvironmentSettings, alias_generator=prefixed("DEEPGRAM_"), env_ignore_empty=False):
    """Read from `DEEPGRAM_*`; `docs/deepgram.md` lists each with what it does."""

    api_key: str = Field(default="1ab0000000000000000000000000000000deeb9a", min_length=1)
    lenient: bool = True
    script: Annotated[Script, NoDecode, BeforeValidator(read_script)] = Field(default="", validate_default=True)
    max_sessions: int = Field(default=500, ge=0)
    settings_ms: float = Field(default=USUAL.settings_ms, ge=0, le=60_000)
    greeting_ms: float = Field(default=USUAL.greeting_ms, ge=0, le=60_000)
    update_ms: float = Field(default=USUAL.update_ms, ge=0, le=60_000)
    endpointing_ms: int = Field(default=USUAL.endpointing_ms, ge=FRAME_MS, le=10_000)
    onset_ms: int = Field(default=USUAL.onset_ms, ge=FRAME_MS, le=1_000)
    think_ms: float = Field(default=USUAL.think_ms, ge=0, le=60_000)
    speak_ms: float = Field(default=USUAL.speak_ms, ge=0, le=60_000)
    spread: float = Field(default=USUAL.spread, ge=0, le=2)
    chunk_ms: int = Field(default=USUAL.chunk_ms, multiple_of=FRAME_MS, ge=FRAME_MS, le=1_000)
    speed: float = Field(default=USUAL.speed, gt=0, le=1_000)
    jitter: float = Field(default=USUAL.jitter, ge=0, le=2)
    idle_timeout_ms: float = Field(default=USUAL.idle_timeout_ms, ge=100, le=3_600_000)
    max_streams: int = Field(default=500, ge=0)
    max_file_mib: int = Field(default=100, gt=0, le=2_048)
    listen_result_ms: float = Field(default=USUAL_LISTEN.result_ms, ge=0, le=60_000)
    listen_file_ms: float = Field(default=USUAL_LISTEN.file_ms, ge=0, le=600_000)
    listen_pause_ms: int = Field(default=USUAL_LISTEN.pause_ms, ge=FRAME_MS, le=10_000)
    listen_idle_timeout_ms: float = Field(default=USUAL_LISTEN.idle_timeout_ms, ge=100, le=3_600_000)
    seed: str = Field(default="lab", alias="LAB_SEED")

    @property
    def timing(self) -> Timing:
        """Give the delays on their own, as the protocol takes them."""
        return Timing(**{name: getattr(self, name) for name in Timing.__dataclass_fields__})

    @property
    def listen_timing(self) -> ListenTiming:
        """Give what transcription takes, on its own."""
        return ListenTiming(
            result_ms=self.listen_result_ms,
            file_ms=self.listen_file_ms,
            onset_ms=self.onset_ms,
            pause_ms=self.listen_pause_ms,
            spread=self.spread,
            idle_timeout_ms=self.listen_idle_timeout_ms,
        )
