"""`POST /v1/responses`: reads requests, and makes responses whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mock_services.openai.answer import Answer, NewId, read_choice, read_schema, read_tools
from mock_services.openai.errors import InvalidParameter, encodable
from mock_services.openai.fields import Fields, wrong_type
from mock_services.openai.parameters import RESPONSES
from mock_services.openai.script import LONGEST_SEARCHED, Prompt
from mock_services.openai.tokens import estimate

ROLES = ("assistant", "system", "developer", "user")
FEWEST_TOKENS = 16
LONGEST_QUERY = 200
SEARCHES = ("web_search", "web_search_preview")
Item = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What a request that continues a response needs of it: the user's last words, and the calls it made."""

    said: str
    call_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesRequest:
    """What a request asks for; `echoed` are the fields that the response repeats."""

    model: str
    prompt: Prompt
    prompt_tokens: int
    max_tokens: int | None
    stream: bool
    store: bool
    echoed: dict[str, Any]


def previous_id(body: dict[str, Any]) -> str | None:
    """Give the id of the response that a request continues."""
    return Fields(body).text("previous_response_id")


def read_responses(body: dict[str, Any], continued: Previous | None) -> ResponsesRequest:
    """Read a request that may continue another; raises `InvalidParameter` as OpenAI words it."""
    request = Fields(body)
    model = request.text("model", required=True)
    assert model is not None
    for name in body:
        if name not in RESPONSES:
            shown = name[:100]
            raise InvalidParameter(f"Unknown parameter: '{shown}'.", shown, "unknown_parameter")
    conversation = _read_input(request, continued.call_ids if continued else ())
    instructions = request.text("instructions") or ""
    tools = read_tools(request, nested=False)
    wants_json, schema = _read_format(request, conversation)
    said = next((text for role, text in reversed(conversation) if role == "user"), None)
    system = [text for role, text in conversation if role in ("system", "developer")]
    return ResponsesRequest(
        model=model,
        prompt=Prompt(
            model=model,
            said=said if said is not None else continued.said if continued else "",
            system="\n".join([instructions, *system]),
            answered_tool=conversation[-1][0] == "tool",
            tools=tools,
            choice=read_choice(request, tools, nested=False),
            parallel=request.flag("parallel_tool_calls", default=True),
            json=wants_json,
            schema=schema,
            can_search=any(tool.get("type") in SEARCHES for tool in request.get("tools") or ()),
        ),
        prompt_tokens=estimate(instructions) + sum(estimate(text) + 4 for _, text in conversation),
        max_tokens=request.integer("max_output_tokens", FEWEST_TOKENS),
        stream=request.flag("stream"),
        store=request.flag("store", default=True),
        echoed=_read_echoed(request),
    )


def output(answer: Answer, search: str | None, new_id: NewId) -> list[Item]:
    """Give the output items of a finished answer: the search if one was made, then the message or the calls."""
    items: list[Item] = []
    if search is not None:
        query = encodable(search[:LONGEST_QUERY])
        action = {"type": "search", "query": query, "queries": [query]}
        items.append({"type": "web_search_call", "id": new_id("ws_"), "status": "completed", "action": action})
    if answer.calls:
        items.extend(
            {
                "type": "function_call",
                "id": new_id("fc_"),
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
                "status": "completed",
            }
            for call in answer.calls
        )
        return items
    items.append(
        {
            "type": "message",
            "id": new_id("msg_"),
            "status": "completed" if answer.finish == "stop" else "incomplete",
            "role": "assistant",
            "content": [text_part(answer.text)],
        }
    )
    return items


def text_part(text: str) -> Item:
    """Give a part of a message that is text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def begun(request: ResponsesRequest, response_id: str, created: int, model: str) -> dict[str, Any]:
    """Give a response as it stands when it begins; `model` is the snapshot that answers."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        **request.echoed,
        "model": model,
        "output": [],
        "service_tier": "default",
        "store": request.store,
        "usage": None,
    }


def finished(
    request: ResponsesRequest, response: dict[str, Any], answer: Answer, items: Sequence[Item], now: int
) -> dict[str, Any]:
    """Give a response as it stands at its end: completed, or incomplete where the answer was cut."""
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(answer.finish)
    return {
        **response,
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else now,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(items),
        "usage": {
            "input_tokens": request.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": answer.tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": request.prompt_tokens + answer.tokens,
        },
    }


def previous(request: ResponsesRequest, answer: Answer) -> Previous:
    """Give what a request that continues this one will need."""
    call_ids = frozenset(call.call_id for call in answer.calls)
    return Previous(said=request.prompt.said[:LONGEST_SEARCHED], call_ids=call_ids)


def _read_input(request: Fields, known_calls: Collection[str]) -> list[tuple[str, str]]:
    """Give role and text of each item; outputs of functions have the role `tool`."""
    given = request.get("input", required=True)
    if isinstance(given, str):
        return [("user", given)]
    if not isinstance(given, list):
        raise wrong_type("input", "one of a string or array of objects", given)
    conversation: list[tuple[str, str]] = []
    calls = set(known_calls)
    for name, value in request.items("input", at_least=1):
        item = Fields(value, name)
        kind = item.text("type") or "message"
        if kind == "message":
            role = item.text("role", required=True, choices=ROLES)
            conversation.append((role or "user", _read_content(item)))
        elif kind == "function_call":
            calls.add(item.text("call_id", required=True) or "")
            item.text("name", required=True)
            conversation.append(("assistant", item.text("arguments", required=True) or ""))
        elif kind == "function_call_output":
            call_id = item.text("call_id", required=True)
            if call_id not in calls:
                message = f"No tool call found for function call output with call_id {call_id}."
                raise InvalidParameter(message[:500], "input")
            result = item.get("output", required=True)
            conversation.append(("tool", result if isinstance(result, str) else ""))
        else:
            conversation.append(("other", ""))
    return conversation


def _read_content(item: Fields) -> str:
    content = item.get("content", required=True)
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong_type(item.name("content"), "one of a string or array of objects", content)
    texts = []
    for name, value in item.items("content"):
        part = Fields(value, name)
        if part.text("type", required=True) in ("input_text", "output_text"):
            texts.append(part.text("text", required=True) or "")
    return "\n".join(texts)


def _read_format(request: Fields, conversation: Sequence[tuple[str, str]]) -> tuple[bool, Any]:
    """Give whether the reply must be JSON, and the schema that it must fit."""
    text = request.object("text")
    wanted = text.object("format") if text is not None else None
    if wanted is None:
        return False, None
    kind = wanted.text("type", required=True, choices=("json_object", "json_schema", "text"))
    if kind == "json_schema":
        return True, read_schema(wanted)
    if kind == "json_object" and not any("json" in words.lower() for _, words in conversation):
        raise InvalidParameter(
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'.",
            "input",
        )
    return kind == "json_object", None


def _read_echoed(request: Fields) -> dict[str, Any]:
    """Read what the response repeats, defaults filled in."""
    temperature, top_p = request.number("temperature", 0, 2), request.number("top_p", 0, 1)
    reasoning, text = request.object("reasoning"), request.object("text")
    metadata = request.object("metadata")
    echoed = {
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "max_tool_calls": request.integer("max_tool_calls", 1),
        "metadata": metadata.values if metadata is not None else {},
        "parallel_tool_calls": request.flag("parallel_tool_calls", default=True),
        "previous_response_id": request.get("previous_response_id"),
        "prompt_cache_key": request.text("prompt_cache_key"),
        "reasoning": {"effort": None, "summary": None, **(reasoning.values if reasoning else {})},
        "safety_identifier": request.text("safety_identifier"),
        "temperature": 1.0 if temperature is None else temperature,
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(text.values if text else {})},
        "tool_choice": request.get("tool_choice") or "auto",
        "tools": [_echo_tool(Fields(tool, name)) for name, tool in request.items("tools")],
        "top_logprobs": request.integer("top_logprobs", 0, 20) or 0,
        "top_p": 1.0 if top_p is None else top_p,
        "truncation": request.text("truncation", choices=("auto", "disabled")) or "disabled",
        "user": request.text("user"),
    }
    try:
        orjson.dumps(echoed)
    except TypeError as unspeakable:  # halves of surrogate pairs, or values nested hundreds of levels deep
        raise InvalidParameter(f"We could not parse the JSON body of your request: {unspeakable}.") from unspeakable
    return echoed


def _echo_tool(tool: Fields) -> dict[str, Any]:
    if tool.get("type") == "function":
        return {"description": None, "strict": True, **tool.values}
    return tool.values
