"""What the environment sets of the OpenAI stub: its key, its pace, its limits, its script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from mock_services.core.environment import EnvironmentSettings, Names, prefixed
from mock_services.core.latency import DelaySetting, Lognormal
from mock_services.core.rule_files import read_rules
from mock_services.openai.script import Script

DEFAULT_SCRIPT = Path(__file__).with_name("script.toml")


class OpenAISettings(EnvironmentSettings, alias_generator=prefixed("OPENAI_")):
    """Read from `OPENAI_*`; `docs/openai.md` lists each with what it does."""

    api_key: str = Field(default="sk-1ab0000000000000000000000000000000000000000penai", min_length=1)
    script: Annotated[Script, NoDecode] = Field(default=DEFAULT_SCRIPT, validate_default=True)
    extra_models: Names = ()
    first_token_ms: DelaySetting = Lognormal(200, 600)
    tokens_per_second: float = Field(default=80.0, ge=0, le=1_000_000)
    token_jitter: float = Field(default=0.3, ge=0, le=2)
    embeddings_ms: DelaySetting = Lognormal(60, 180)
    lookup_ms: DelaySetting = Lognormal(40, 120)
    requests_per_minute: int = Field(default=30_000, ge=0)
    tokens_per_minute: int = Field(default=150_000_000, ge=0)
    quota_tokens: int = Field(default=0, ge=0)
    max_in_flight: int = Field(default=2_000, ge=1)
    max_stored: int = Field(default=1_000, ge=0)
    seed: str = Field(default="lab", alias="LAB_SEED")

    @field_validator("script", mode="before")
    @classmethod
    def _read_script(cls, value: object) -> object:
        return read_rules(value) if isinstance(value, str | Path) else value
