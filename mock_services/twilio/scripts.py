"""The scripts that callers can be given by name, from data files, and mixes of them that are drawn by weight."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.responses import Response

from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.twilio.protocol.answers import lines_in
from mock_services.twilio.protocol.turns import Script

SHIPPED = Path(__file__).with_name("scripts.json")


class ScriptError(ValueError):
    """A script that does not exist or does not fit."""


class Mix(BaseModel):
    """Names of scripts with their weights: each call follows one of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mix: dict[str, float] = Field(min_length=1)


class Scripts(Mapping[str, Script]):
    """The scripts by name, and the mixes beside them. `lines` are the ids of the recordings that callers can speak.

    Raises `ScriptError` for a script that names a line, or a mix that names a script, which does not exist.
    """

    def __init__(self, named: Mapping[str, Script | Mix], lines: Collection[str]) -> None:
        self._lines = frozenset(lines)
        self._scripts = {
            name: one.model_copy(update={"name": one.name or name})
            for name, one in named.items()
            if isinstance(one, Script)
        }
        self._mixes = {name: one.mix for name, one in named.items() if isinstance(one, Mix)}
        for name, script in self._scripts.items():
            self._check_lines(f"the script {name!r}", script)
        for name, mix in self._mixes.items():
            for part, weight in mix.items():
                if part not in self._scripts:
                    raise ScriptError(f"the mix {name!r} has {part!r}, and there is no such script")
                if weight <= 0:
                    raise ScriptError(f"the mix {name!r} gives {part!r} the weight {weight:g}; it takes more than 0")

    def __getitem__(self, name: str) -> Script:
        """Give the script of that name."""
        return self._scripts[name]

    def __iter__(self) -> Iterator[str]:
        """Give the names of the scripts."""
        return iter(self._scripts)

    def __len__(self) -> int:
        """Count the scripts."""
        return len(self._scripts)

    @property
    def offered(self) -> list[str]:
        """The names that a dial may ask for, of scripts and of mixes."""
        return sorted([*self._scripts, *self._mixes])

    def operations(self) -> tuple[Operation, ...]:
        """List what the admin API offers."""
        summary = "List the names of callers' scripts, and of mixes of them"
        return (Operation(method="GET", path="/__lab/scripts", handler=self._list, summary=summary),)

    async def _list(self, exchange: Exchange) -> Response:
        return json_response({"scripts": self.offered})

    def choose(self, asked: str | Mapping[str, Any] | None, random: Random) -> Script:
        """Give the script that a dial asks for: by its name, by that of a mix, as an object, or None for `default`.

        Which one of a mix comes from `random`. Raises `ScriptError`.
        """
        if asked is None or isinstance(asked, str):
            name = asked or "default"
            if name in self._mixes:
                mix = self._mixes[name]
                name = random.choices(list(mix), list(mix.values()))[0]
            if name not in self._scripts:
                names = ", ".join(self.offered)
                raise ScriptError(f"there is no script {asked!r}; there are {names}")
            return self._scripts[name]
        try:
            script = Script.model_validate(asked)
        except ValidationError as misfit:
            raise ScriptError(f"the script's {misfit_sentence(misfit)}") from misfit
        self._check_lines("the script", script)
        return script

    def _check_lines(self, what: str, script: Script) -> None:
        in_steps = (getattr(step, "line", None) for step in script.steps or ())
        in_answers = (line for answer in script.answers or () for line in lines_in(answer))
        for line in (*(script.lines or ()), *in_steps, *in_answers):
            if line is not None and line not in self._lines:
                known = ", ".join(sorted(self._lines))
                raise ScriptError(f"{what} cannot be spoken: there is no line {line!r}; there are {known}")


def load_scripts(lines: Collection[str], more: Path | None = None) -> Scripts:
    """Read the scripts that come with the double and those of the file `more`, which come first. See `Scripts`."""
    files = [SHIPPED] if more is None else [SHIPPED, more]
    named: dict[str, Script | Mix] = {}
    for file in files:
        named |= _read(file)
    return Scripts(named, lines)


def _read(file: Path) -> dict[str, Script | Mix]:
    try:
        content = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as unreadable:
        raise ScriptError(f"{file} cannot be read: {unreadable}") from unreadable
    if not isinstance(content, dict):
        raise ScriptError(f"{file} holds no JSON object of scripts by name")
    return {name: _one(f"the script {name!r} of {file}", given) for name, given in content.items()}


def _one(what: str, given: Any) -> Script | Mix:
    kind: TypeAdapter[Script | Mix] = TypeAdapter(Mix if isinstance(given, dict) and "mix" in given else Script)
    try:
        return kind.validate_python(given)
    except ValidationError as misfit:
        raise ScriptError(f"{what} does not fit: its {misfit_sentence(misfit)}") from misfit


_QUOTES = "'"
_WORDS = {
    "bool_parsing": "it takes true or false",
    "bool_type": "it takes true or false",
    "dict_type": "it takes a JSON object",
    "enum": "it takes {expected}",
    "extra_forbidden": "there is no such field",
    "float_parsing": "it takes a number",
    "float_type": "it takes a number",
    "greater_than": "it takes more than {gt}",
    "greater_than_equal": "it takes {ge} or more",
    "int_from_float": "it takes a whole number",
    "int_parsing": "it takes a whole number",
    "int_type": "it takes a whole number",
    "less_than_equal": "it takes {le} or less",
    "list_type": "it takes a list",
    "literal_error": "it takes {expected}",
    "model_attributes_type": "it takes a JSON object",
    "model_type": "it takes a JSON object",
    "string_pattern_mismatch": "it takes what the pattern {pattern} matches",
    "string_too_long": "its length is {max_length} or less",
    "string_too_short": "its length is {min_length} or more",
    "string_type": "it takes a text",
    "tuple_type": "it takes a list",
    "union_tag_invalid": "the type is one of {expected_tags}",
}
"""What a misfit of each of pydantic's types is in the lab's words. A validator of our own says it itself."""


def misfit_sentence(misfit: ValidationError) -> str:
    """Say what is wrong first in what was given: the place, what stands there, and why it does not fit."""
    first = misfit.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "message"
    if first["type"] == "missing":
        return f"{place} is missing"
    if first["type"] == "union_tag_not_found":
        return f"{first['ctx']['discriminator'].strip(_QUOTES)} is missing"
    words = _WORDS.get(first["type"])
    why = first["msg"].removeprefix("Value error, ") if words is None else words.format(**first.get("ctx", {}))
    return f"{place} is {str(first['input'])[:100]!r}: {why}"
