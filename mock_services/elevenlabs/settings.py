"""What the environment sets of the ElevenLabs stub: its key, its pace, its limits."""

from __future__ import annotations

from pydantic import Field

from mock_services.core.environment import EnvironmentSettings, Names, prefixed
from mock_services.core.latency import DelaySetting, Lognormal


class ElevenLabsSettings(EnvironmentSettings, alias_generator=prefixed("ELEVENLABS_")):
    """Read from `ELEVENLABS_*`; `docs/elevenlabs.md` lists each with what it does."""

    api_key: str = Field(default="sk_1ab000000000000000000000000000000000000000e1e7e1", min_length=1)
    extra_voices: Names = ()
    first_byte_ms: DelaySetting = Lognormal(150, 400)
    speed: float = Field(default=8.0, ge=0, le=1_000)
    jitter: float = Field(default=0.3, ge=0, le=2)
    lookup_ms: DelaySetting = Lognormal(50, 150)
    characters_per_second: float = Field(default=15.0, ge=1, le=100)
    max_concurrent: int = Field(default=30, ge=0)
    character_limit: int = Field(default=100_000_000, ge=0)
    tier: str = Field(default="scale", min_length=1)
    seed: str = Field(default="lab", alias="LAB_SEED")
