"""What the agent answers by rule: a data file, of whose rules the first that fits what the caller said decides."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from mock_services.core.rule_files import compile_pattern, read_rules

RESULT = "{result}"
"""Stands in a reply for what the function gave back."""


class Rule(BaseModel):
    """One rule: whether it fits, by a pattern that is searched in the caller's words, and what the agent then says.

    With `call` it fits only where the client offers that function and runs it itself: it is called first, with
    `arguments`, and `{result}` in the reply stands for what comes back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    said: Annotated[re.Pattern[str], BeforeValidator(compile_pattern)] = re.compile("")
    reply: str = Field(min_length=1, max_length=10_000)
    call: str | None = Field(default=None, min_length=1)
    arguments: dict[str, JsonValue] = {}


class Script(BaseModel):
    """The rules in their order; without any the agent answers with the lab's recordings alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[Rule, ...] = ()

    def find(self, said: str, functions: Collection[str]) -> Rule | None:
        """Give the rule for the caller's words; `functions` are those that the client offers and runs itself."""
        for rule in self.rule:
            if rule.said.search(said) and (rule.call is None or rule.call in functions):
                return rule
        return None


def read_script(value: object) -> object:
    """Read a script from the file that a setting names (TOML); nothing is an empty script. Raises `ValueError`."""
    if not isinstance(value, str | Path):
        return value
    if not str(value):
        return {}
    return read_rules(value)
