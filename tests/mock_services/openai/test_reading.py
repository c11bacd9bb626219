"""Whatever a request holds, it is answered or refused in OpenAI's words: nothing in it breaks the stub."""

import asyncio
import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.core.latency import Fixed
from mock_services.openai.answer import write
from mock_services.openai.app import build
from mock_services.openai.chat import read_chat
from mock_services.openai.embeddings import read_embeddings
from mock_services.openai.errors import OpenAIError
from mock_services.openai.fields import Fields
from mock_services.openai.responses import read_responses
from mock_services.openai.script import Reply
from mock_services.openai.settings import OpenAISettings
from mock_services.openai.tokens import estimate, pieces, times

TEXT = st.text(st.characters(), max_size=20)  # halves of surrogate pairs too: JSON can hold them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"$ref": "#"}}, "required": ["a"]}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "json"},
            {"role": "user", "content": [{"type": "text", "text": "book an appointment"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "done"},
        ],
        "tools": [{"type": "function", "function": {"name": "create_appointment", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "create_appointment"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["x"],
        "temperature": 1,
        "max_tokens": 5,
        "n": 2,
    },
    "/v1/responses": {
        "model": "gpt-4o-mini",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "search for json"}]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "done"},
            {"role": "user", "content": "search the news"},
        ],
        "instructions": "be kind",
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}, {"type": "web_search_preview"}],
        "tool_choice": "auto",
        "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}},
        "stream": False,
        "max_output_tokens": 20,
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low"},
    },
    "/v1/embeddings": {
        "model": "text-embedding-3-small",
        "input": ["a", "b"],
        "encoding_format": "base64",
        "dimensions": 12,
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every value within `value`."""
    if path:
        yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a request that is good but for a value or two, or that lacks one."""
    path = draw(st.sampled_from(sorted(BODIES)))
    body = copy.deepcopy(BODIES[path])
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from(list(places(body))))
        inner: Any = body
        for key in place[:-1]:
            inner = inner[key]
        if draw(st.booleans()):
            inner[place[-1]] = draw(JSON)
        elif isinstance(inner, dict):
            del inner[place[-1]]
    return path, body


READERS: dict[str, Any] = {
    "/v1/chat/completions": read_chat,
    "/v1/responses": lambda body: read_responses(body, None),
    "/v1/embeddings": read_embeddings,
}


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_unspoilt_requests_are_good(path: str) -> None:
    READERS[path](copy.deepcopy(BODIES[path]))


@given(spoilt())
@settings(max_examples=300)
def test_a_request_is_read_or_refused(request: tuple[str, dict[str, Any]]) -> None:
    path, body = request
    try:
        READERS[path](body)
    except OpenAIError as refusal:
        assert 400 <= refusal.status < 500
        assert refusal.response().body


@given(st.dictionaries(TEXT, JSON, max_size=5), st.sampled_from(sorted(READERS)))
def test_so_is_anything_else(body: dict[str, Any], path: str) -> None:
    with pytest.raises(OpenAIError):
        READERS[path](body)


def test_and_the_answer_is_never_a_failure() -> None:
    """The same through the whole service: answered with 2xx or refused with 4xx, and the journal can be read."""
    at_once = {"first_token_ms": Fixed(0), "tokens_per_second": 0, "embeddings_ms": Fixed(0), "lookup_ms": Fixed(0)}
    stub_settings = OpenAISettings.model_validate(at_once)
    service = build(stub_settings)
    headers = {"Authorization": f"Bearer {stub_settings.api_key}", "content-type": "application/json"}

    async def post(path: str, body: dict[str, Any]) -> tuple[int, int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://openai") as http:
            answer = await http.post(path, content=json.dumps(body), headers=headers)
            journal = await http.get("/__lab/journal?limit=1")
            return answer.status_code, journal.status_code

    @given(spoilt())
    @settings(max_examples=100)
    def check(request: tuple[str, dict[str, Any]]) -> None:
        status, journal = asyncio.run(post(*request))
        assert status < 500
        assert journal == 200

    check()


@given(TEXT)
def test_pieces_join_to_the_text_again(text: str) -> None:
    cut = pieces(text)
    assert "".join(cut) == text
    assert all(cut)
    assert 0 <= estimate(text) <= len(text.encode("utf-8", "surrogatepass"))


def test_english_is_cut_about_as_a_model_cuts_it() -> None:
    assert pieces("Hello, how are you today?") == ("Hello", ",", " how", " are", " you", " today", "?")


@given(st.floats(0, 10), st.floats(0, 1_000), st.floats(0, 2), st.integers())
def test_tokens_are_written_one_after_the_other(first_s: float, rate: float, jitter: float, seed: int) -> None:
    clock = times(first_s, rate, jitter, Random(seed))
    written = [next(clock) for _ in range(20)]
    assert written[0] == first_s
    assert written == sorted(written)
    if rate == 0:
        assert written[-1] == first_s


def test_the_pace_is_the_one_asked_for_whatever_the_jitter() -> None:
    clock = times(0.0, 50.0, 0.8, Random("lab"))
    for _ in range(20_000):
        last = next(clock)
    assert last == pytest.approx(400, rel=0.03)


@given(TEXT, st.integers(1, 10), st.lists(st.text(min_size=1, max_size=2), max_size=2))
def test_an_answer_is_a_beginning_of_the_reply(text: str, most: int, stop: list[str]) -> None:
    answer = write(Reply(rule="x", text=text), str, most, tuple(stop))
    assert text.startswith(answer.text)
    assert answer.tokens <= most
    assert not any(sequence in answer.text for sequence in stop)


def test_a_null_is_as_good_as_nothing() -> None:
    fields = Fields({"a": None})
    assert (fields.text("a"), fields.flag("a", default=True), fields.integer("a", 1)) == (None, True, None)
    assert list(fields.items("a")) == []
    with pytest.raises(OpenAIError, match="Missing required parameter: 'a'"):
        fields.get("a", required=True)
