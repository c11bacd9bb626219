"""Files of rules that say what a double answers (TOML), and the patterns in them: read alike for every double."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def read_rules(path: str | Path) -> object:
    """Read a file of rules; raises `ValueError` with one sentence where it is none."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as unreadable:
        raise ValueError(f"the script cannot be read: {unreadable.strerror}") from unreadable
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise ValueError(f"the script is no TOML: {broken}") from broken


def compile_pattern(value: object) -> object:
    """Compile the text of a pattern, which is searched without regard to case; raises `ValueError` where it is none.

    For use before pydantic's own validation: what is no text is passed on.
    """
    if not isinstance(value, str):
        return value
    try:
        return re.compile(value, re.IGNORECASE)
    except re.error as broken:
        raise ValueError(f"{value!r} is no regular expression: {broken}") from broken
