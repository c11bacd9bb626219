"""What the model says: rules of a data file, the first that fits a request answers it, chance comes from the seed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from mock_services.core.rule_files import compile_pattern
from mock_services.openai.sample import sample

LONGEST_SEARCHED = 20_000  # characters of a message that a rule's pattern looks at

ErrorName = Literal["insufficient_quota", "server_error", "overloaded", "forbidden", "unprocessable"]
Finish = Literal["stop", "length", "content_filter"]
Pattern = Annotated[re.Pattern[str] | None, BeforeValidator(compile_pattern)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a request asks of the model, whichever endpoint it came by.

    `said` is the last message of the user, `answered_tool` whether a tool's output came after it. `tools` maps each
    function offered to the JSON schema of its parameters; `choice` is `auto`, `none`, `required` or a function's name.
    `schema` is the JSON schema that the reply must fit, `json` that it must be some JSON object.
    """

    model: str
    said: str
    system: str = ""
    answered_tool: bool = False
    tools: Mapping[str, Any] = field(default_factory=dict)
    choice: str = "auto"
    parallel: bool = True
    json: bool = False
    schema: Any = None
    can_search: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the script answers: a text, or calls of functions (name, arguments as JSON), or an error.

    The error comes instead of the reply or, with `error_after`, in a stream after so many tokens of it.
    """

    rule: str
    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    search: bool = False
    finish: Finish = "stop"
    error: ErrorName | None = None
    error_after: int | None = None


class Call(BaseModel):
    """A function to call; without `arguments` they are made up to fit its schema."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, JsonValue] | None = None


class Rule(BaseModel):
    """One rule: when it fits (every condition given holds), and what it answers.

    Patterns are searched, without regard to case. `calls` are made where the request offers those functions, and once
    their output is there the rule answers with one of `replies`. `data` is what a reply in JSON is made of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    said: Pattern = None
    system: Pattern = None
    model: str = "*"
    replies: tuple[str, ...] = ()
    data: dict[str, JsonValue] = {}
    calls: tuple[Call, ...] = ()
    search: bool = False
    finish: Finish = "stop"
    error: ErrorName | None = None
    error_after: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _answers(self) -> Rule:
        if not self.replies and (self.error is None or self.error_after is not None):
            raise ValueError(f"the rule {self.name!r} answers nothing: give it replies or an error")
        if self.error_after is not None and self.error is None:
            raise ValueError(f"the rule {self.name!r} says after how many tokens, but not which error comes")
        return self

    @property
    def unconditional(self) -> bool:
        """Whether the rule fits every request."""
        return self.said is None and self.system is None and self.model == "*"

    def fits(self, prompt: Prompt) -> bool:
        """Whether all conditions hold for `prompt`."""
        return (
            fnmatchcase(prompt.model, self.model)
            and (self.said is None or self.said.search(prompt.said[:LONGEST_SEARCHED]) is not None)
            and (self.system is None or self.system.search(prompt.system[:LONGEST_SEARCHED]) is not None)
        )


class Script(BaseModel):
    """All rules, in the order in which they are tried; the last fits everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ends(self) -> Script:
        if not self.rule[-1].unconditional or self.rule[-1].error is not None:
            raise ValueError("the last rule has to answer every request: without said, system, model and error")
        return self

    def answer(self, prompt: Prompt, random: Random) -> Reply:
        """Answer `prompt` by the first rule that fits; one `random` always gives the same answer."""
        rule = next(rule for rule in self.rule if rule.fits(prompt))
        if rule.error is not None and rule.error_after is None:
            return Reply(rule=rule.name, error=rule.error)
        calls = _calls(rule, prompt, random)
        text = "" if calls else _text(rule, prompt, random)
        return Reply(
            rule=rule.name,
            text=text,
            calls=calls,
            search=rule.search and prompt.can_search and not prompt.answered_tool,
            finish=rule.finish,
            error=rule.error,
            error_after=rule.error_after,
        )


def _calls(rule: Rule, prompt: Prompt, random: Random) -> tuple[tuple[str, str], ...]:
    if prompt.choice == "none" or not prompt.tools:
        return ()
    scripted = {call.name: call.arguments for call in rule.calls if call.name in prompt.tools}
    wanted: list[str] = []
    if prompt.choice in prompt.tools:
        wanted = [prompt.choice]
    elif prompt.choice == "required":
        wanted = list(scripted) or [next(iter(prompt.tools))]
    elif not prompt.answered_tool:
        wanted = list(scripted)
    calls = []
    for name in wanted if prompt.parallel else wanted[:1]:
        arguments: Any = scripted.get(name)
        if arguments is None:
            arguments = sample(prompt.tools[name], random, rule.data)
        calls.append((name, json.dumps(arguments if isinstance(arguments, dict) else {}, separators=(",", ":"))))
    return tuple(calls)


def _text(rule: Rule, prompt: Prompt, random: Random) -> str:
    text = random.choice(rule.replies)
    if prompt.schema is not None:
        return json.dumps(sample(prompt.schema, random, {"reply": text, **rule.data}), separators=(",", ":"))
    if prompt.json:
        return json.dumps(rule.data or {"reply": text})
    return text
