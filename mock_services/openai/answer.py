"""A reply as it is written: token by token, as far as the request's limits let it go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from mock_services.openai.errors import InvalidParameter
from mock_services.openai.fields import Fields
from mock_services.openai.script import Reply
from mock_services.openai.tokens import pieces

NewId = Callable[[str], str]
"""Gives a new id with a prefix."""

CALL_OVERHEAD = 7  # tokens that a call costs beside its arguments


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that the model calls; `arguments` are JSON, `pieces` the tokens of it."""

    call_id: str
    name: str
    arguments: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: the tokens of a text, or calls, and why it ends."""

    pieces: tuple[str, ...]
    calls: tuple[FunctionCall, ...]
    finish: Literal["stop", "length", "content_filter", "tool_calls"]

    @property
    def text(self) -> str:
        """Give the whole text."""
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        """Give how many tokens it costs."""
        return len(self.pieces) + sum(len(call.pieces) + CALL_OVERHEAD for call in self.calls)


def write(reply: Reply, new_id: NewId, max_tokens: int | None = None, stop: tuple[str, ...] = ()) -> Answer:
    """Write `reply`: up to the first of the `stop` texts, and of at most `max_tokens` tokens. Calls are never cut."""
    if reply.calls:
        calls = tuple(FunctionCall(new_id("call_"), name, text, pieces(text)) for name, text in reply.calls)
        return Answer((), calls, "tool_calls")
    text = reply.text
    for sequence in stop:
        text = text.partition(sequence)[0]
    tokens = pieces(text)
    if max_tokens is not None and len(tokens) > max_tokens:
        return Answer(tokens[:max_tokens], (), "length")
    return Answer(tokens, (), reply.finish)


def read_tools(request: Fields, *, nested: bool) -> dict[str, Any]:
    """Read the functions that a request offers: name → JSON schema. Chat nests them under `function`."""
    tools: dict[str, Any] = {}
    for name, tool in request.items("tools", at_most=128):
        fields = Fields(tool, name)
        kind = fields.text("type", required=True)
        if kind != "function":
            continue
        function = fields.object("function", required=True) if nested else fields
        assert function is not None
        tools[read_function_name(function)] = function.get("parameters")
    return tools


def read_function_name(function: Fields) -> str:
    """Read a function's name: letters, digits, underscores and dashes, at most 64."""
    name = function.text("name", required=True)
    assert name is not None
    if not 0 < len(name) <= 64 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        param = function.name("name")
        raise InvalidParameter(
            f"Invalid '{param}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'.",
            param,
            "invalid_value",
        )
    return name


def read_choice(request: Fields, tools: dict[str, Any], *, nested: bool) -> str:
    """Read `tool_choice`: `auto`, `none`, `required` or the name of an offered function."""
    choice = request.get("tool_choice")
    if choice is None:
        return "auto"
    if not tools and not request.get("tools"):
        raise InvalidParameter("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, str):
        return request.text("tool_choice", choices=("none", "auto", "required")) or "auto"
    fields = Fields(choice, "tool_choice")
    if fields.text("type", required=True) != "function":
        return "auto"
    function = fields.object("function", required=True) if nested else fields
    assert function is not None
    name = read_function_name(function)
    if name not in tools:
        raise InvalidParameter(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")
    return name


def read_schema(format: Fields) -> Any:
    """Read the schema of a `json_schema` format, which has a name too."""
    read_function_name(format)
    schema = format.object("schema", required=True)
    assert schema is not None
    return schema.values
