"""How every double reads its settings from the environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class EnvironmentSettings(BaseSettings):
    """Settings of which each has a variable of its own, and an empty one is as good as none.

    A class of them says how its variables begin: `class Settings(EnvironmentSettings, alias_generator=prefixed("X_"))`.
    """

    model_config = SettingsConfigDict(populate_by_name=True, env_ignore_empty=True)


def prefixed(prefix: str) -> Callable[[str], str]:
    """Give what names a setting's variable: `prefix` and the setting's own name, in capitals."""
    return lambda name: f"{prefix}{name.upper()}"


def _split(given: object) -> object:
    return tuple(filter(None, (name.strip() for name in given.split(",")))) if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Names with commas between them."""
