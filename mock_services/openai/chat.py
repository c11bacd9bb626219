"""`POST /v1/chat/completions`: reads requests, and makes completions whole or as chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zlib import crc32

import orjson

from mock_services.core.pacing import Part
from mock_services.openai.answer import Answer, read_choice, read_schema, read_tools
from mock_services.openai.errors import InvalidParameter, OpenAIError
from mock_services.openai.fields import Fields, wrong_type
from mock_services.openai.parameters import CHAT
from mock_services.openai.script import Prompt
from mock_services.openai.tokens import estimate

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a request asks for; `prompt` is what the script looks at."""

    model: str
    prompt: Prompt
    prompt_tokens: int
    choices: int
    max_tokens: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool


def read_chat(body: dict[str, Any]) -> ChatRequest:
    """Read a request; raises `InvalidParameter` as OpenAI words it."""
    request = Fields(body)
    model = request.text("model")
    if not model:
        raise InvalidParameter("you must provide a model parameter")
    for name in body:
        if name not in CHAT:
            raise InvalidParameter(f"Unrecognized request argument supplied: {name[:100]}")
    messages = [Fields(message, name) for name, message in request.items("messages", at_least=1)]
    conversation = _read_messages(messages)
    tools = read_tools(request, nested=True)
    stream, include_usage = _read_stream(request)
    _check_sampling(request)
    wants_json, schema = _read_format(request, conversation)
    max_tokens = request.integer("max_tokens", 1)
    max_completion_tokens = request.integer("max_completion_tokens", 1)
    return ChatRequest(
        model=model,
        prompt=Prompt(
            model=model,
            said=next((text for role, text in reversed(conversation) if role == "user"), ""),
            system="\n".join(text for role, text in conversation if role in ("system", "developer")),
            answered_tool=conversation[-1][0] in ("tool", "function"),
            tools=tools,
            choice=read_choice(request, tools, nested=True),
            parallel=request.flag("parallel_tool_calls", default=True),
            json=wants_json,
            schema=schema,
        ),
        prompt_tokens=sum(estimate(text) + TOKENS_PER_MESSAGE for _, text in conversation),
        choices=request.integer("n", 1, 128) or 1,
        max_tokens=max_completion_tokens if max_completion_tokens is not None else max_tokens,
        stop=_read_stop(request),
        stream=stream,
        include_usage=include_usage,
    )


def completion(
    request: ChatRequest, answers: Sequence[Answer], completion_id: str, created: int, model: str
) -> dict[str, Any]:
    """Give a whole completion; `model` is the snapshot that answers."""
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [
            {"index": index, "message": _message(answer), "logprobs": None, "finish_reason": answer.finish}
            for index, answer in enumerate(answers)
        ],
        "usage": _usage(request, answers),
        "service_tier": "default",
        "system_fingerprint": _fingerprint(model),
    }


def stream(
    request: ChatRequest,
    answers: Sequence[Answer],
    completion_id: str,
    created: int,
    model: str,
    times: Iterator[float],
    failure: tuple[int, OpenAIError] | None = None,
) -> Iterator[Part]:
    """Give a completion as events, each due when its token is written; several choices are written in turn.

    With `failure` the stream breaks off with that error after so many tokens of the first choice.
    """
    common = {
        "id": completion_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": _fingerprint(model),
    }
    no_usage = {"usage": None} if request.include_usage else {}

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**common, "choices": [choice], **no_usage})

    now = next(times)
    for index, answer in enumerate(answers):
        deltas = _deltas(answer)
        for number, delta in enumerate(deltas if failure is None else islice(deltas, failure[0] + 1)):
            yield Part(now, chunk(index, delta))
            if number:  # the first says only whose words follow
                now = next(times)
        if failure is not None:
            yield Part(now, _event({"error": failure[1].error()}))
            return
        yield Part(now, chunk(index, {}, answer.finish))
    if request.include_usage:
        yield Part(now, _event({**common, "choices": [], "usage": _usage(request, answers)}))
    yield Part(now, b"data: [DONE]\n\n")


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    """Give what a choice's chunks add, the first of them the role."""
    if not answer.calls:
        yield {"role": "assistant", "content": "", "refusal": None}
        yield from ({"content": piece} for piece in answer.pieces)
        return
    yield {"role": "assistant", "content": None}
    for index, call in enumerate(answer.calls):
        function = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.call_id, "type": "function", "function": function}]}
        yield from ({"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in call.pieces)


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def _message(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.calls:
        message["content"] = None
        message["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.calls
        ]
    return message


def _usage(request: ChatRequest, answers: Sequence[Answer]) -> dict[str, Any]:
    completed = sum(answer.tokens for answer in answers)
    return {
        "prompt_tokens": request.prompt_tokens,
        "completion_tokens": completed,
        "total_tokens": request.prompt_tokens + completed,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _fingerprint(model: str) -> str:
    return f"fp_{crc32(model.encode('utf-8', 'replace')):010x}"


def _read_messages(messages: Sequence[Fields]) -> list[tuple[str, str]]:
    """Give role and text of each message, and see that every tool call is answered and every answer was asked for."""
    conversation: list[tuple[str, str]] = []
    awaited: dict[str, None] = {}
    for message in messages:
        role = message.text("role", required=True, choices=ROLES)
        assert role is not None
        if role == "tool":
            awaited.pop(_answered_call(message, awaited), None)
        elif awaited:
            break
        conversation.append((role, _read_content(message, role)))
        if role == "assistant":
            awaited = dict.fromkeys(_asked_calls(message))
    if awaited:
        raise InvalidParameter(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(awaited)[:500]}",
            "messages",
        )
    return conversation


def _answered_call(message: Fields, awaited: dict[str, None]) -> str:
    call_id = message.text("tool_call_id")
    if call_id is None:
        param = message.name("tool_call_id")
        raise InvalidParameter(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    if call_id not in awaited:
        raise InvalidParameter(
            "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
            message.name("role"),
        )
    return call_id


def _asked_calls(message: Fields) -> Iterator[str]:
    for name, call in message.items("tool_calls"):
        fields = Fields(call, name)
        call_id = fields.text("id", required=True)
        assert call_id is not None
        if fields.text("type", required=True) == "function":
            function = fields.object("function", required=True)
            assert function is not None
            function.text("name", required=True)
            function.text("arguments", required=True)
        yield call_id


def _read_content(message: Fields, role: str) -> str:
    content = message.get("content")
    if content is None:
        if role == "assistant" and (
            message.get("tool_calls") or message.get("function_call") or message.get("refusal")
        ):
            return ""
        raise InvalidParameter("Invalid value for 'content': expected a string, got null.", message.name("content"))
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong_type(message.name("content"), "one of a string or array of objects", content)
    texts = []
    for name, part in message.items("content", at_least=1):
        fields = Fields(part, name)
        kind = fields.text("type", required=True, choices=("text", "image_url", "input_audio", "refusal", "file"))
        if kind == "text":
            texts.append(fields.text("text", required=True) or "")
    return "\n".join(texts)


def _read_stream(request: Fields) -> tuple[bool, bool]:
    stream = request.flag("stream")
    options = request.object("stream_options")
    if options is not None and not stream:
        raise InvalidParameter(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options"
        )
    return stream, options is not None and options.flag("include_usage")


def _check_sampling(request: Fields) -> None:
    request.number("temperature", 0, 2)
    request.number("top_p", 0, 1)
    request.number("presence_penalty", -2, 2)
    request.number("frequency_penalty", -2, 2)
    request.flag("logprobs")
    request.integer("top_logprobs", 0, 20)


def _read_stop(request: Fields) -> tuple[str, ...]:
    stop = request.get("stop")
    if isinstance(stop, str):
        return (stop,) if stop else ()
    sequences = []
    for name, sequence in request.items("stop", at_most=4):
        if not isinstance(sequence, str):
            raise wrong_type(name, "a string", sequence)
        if sequence:
            sequences.append(sequence)
    return tuple(sequences)


def _read_format(request: Fields, conversation: Sequence[tuple[str, str]]) -> tuple[bool, Any]:
    """Give whether the reply must be JSON, and the schema that it must fit."""
    wanted = request.object("response_format")
    if wanted is None:
        return False, None
    kind = wanted.text("type", required=True, choices=("json_object", "json_schema", "text"))
    if kind == "json_schema":
        nested = wanted.object("json_schema", required=True)
        assert nested is not None
        return True, read_schema(nested)
    if kind == "json_object" and not any("json" in text.lower() for _, text in conversation):
        raise InvalidParameter(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
        )
    return kind == "json_object", None
