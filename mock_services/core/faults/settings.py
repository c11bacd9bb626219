"""What the environment sets of every double's chain: the conditions at its start, and the seed that they draw from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from mock_services.core.environment import EnvironmentSettings
from mock_services.core.faults.rules import Conditions, read_conditions


def read_file(path: Path) -> Conditions:
    """What a file sets, TOML by its name or else JSON. Raises `ValueError` with one sentence that lacks its name."""
    try:
        return read_conditions(path.read_bytes(), toml=path.name.lower().endswith(".toml"))
    except OSError as unreadable:
        raise ValueError(f"the file cannot be read: {unreadable.strerror}") from unreadable


def _read(value: object) -> object:
    return read_file(Path(value)) if isinstance(value, str) else value


class ChainSettings(EnvironmentSettings):
    """Read from `LAB_FAULTS` (a file's path) and `LAB_SEED`; `docs/faults.md` says what the file holds."""

    conditions: Annotated[Conditions, NoDecode, BeforeValidator(_read)] = Field(
        default=Conditions(), alias="LAB_FAULTS"
    )
    seed: str = Field(default="lab", alias="LAB_SEED")
