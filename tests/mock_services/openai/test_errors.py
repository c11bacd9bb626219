"""What the stub refuses, seen by OpenAI's SDK: keys, paths, bodies, parameters, and errors on demand."""

from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.mock_services.openai.support import KEY

BEARER = {"Authorization": f"Bearer {KEY}"}
HELLO: Any = [{"role": "user", "content": "Hello."}]
CALL: Any = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def error_of(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    assert answer.headers["x-request-id"].startswith("req_")
    error: dict[str, Any] = body["error"]
    return error


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({}, None, "You didn't provide an API key."),
        ({"Authorization": "Bearer"}, None, "You didn't provide an API key."),
        ({"Authorization": f"Basic {KEY}"}, None, "You didn't provide an API key."),
        ({"Authorization": f"Bearer {KEY[:-1]}X"}, "invalid_api_key", "Incorrect API key provided: sk-1ab00*"),
        ({"Authorization": "Bearer short"}, "invalid_api_key", "Incorrect API key provided: *****."),
        ({"Authorization": "Bearer clé".encode().decode("latin-1")}, "invalid_api_key", "Incorrect API key"),
    ],
)
def test_without_the_key_nothing_is_answered(stub: str, headers: dict[str, str], code: str, message: str) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = httpx.get(f"http://{stub}/v1/models", headers=encoded)
    error = error_of(answer)
    assert answer.status_code == 401
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert error["message"].startswith(message)
    assert KEY not in error["message"]


def test_the_sdk_sees_authentication_errors(stub: str) -> None:
    with (
        OpenAI(api_key="sk-wrong", base_url=f"http://{stub}/v1") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()


def test_unknown_paths_and_methods_are_worded_as_openai_does(stub: str) -> None:
    nowhere = httpx.post(f"http://{stub}/v1/nowhere", headers=BEARER)
    assert (nowhere.status_code, error_of(nowhere)["message"]) == (404, "Invalid URL (POST /v1/nowhere)")
    wrong = httpx.get(f"http://{stub}/v1/embeddings", headers=BEARER)
    assert (wrong.status_code, error_of(wrong)["code"]) == (405, "method_not_supported")
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize("content", [b"", b"{", b'"text"', b"[]", b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(stub: str, content: bytes) -> None:
    answer = httpx.post(f"http://{stub}/v1/chat/completions", content=content, headers=BEARER)
    assert answer.status_code == 400
    assert error_of(answer)["type"] == "invalid_request_error"


def test_a_body_over_ten_mebibytes_is_refused_politely(stub: str) -> None:
    with httpx.Client(base_url=f"http://{stub}", headers=BEARER) as http:
        for content in (b" " * (10 << 20) + b"{}", iter([b" " * (1 << 20)] * 11)):
            answer = http.post("/v1/chat/completions", content=content)
            assert (answer.status_code, error_of(answer)["message"]) == (
                413,
                "Request body too large: the maximum is 10 MiB.",
            )
        assert http.get("/v1/models").status_code == 200


@pytest.mark.parametrize(
    ("options", "message", "param", "code"),
    [
        ({"model": ""}, "you must provide a model parameter", None, None),
        ({"messages": []}, "Expected an array with minimum length 1", "messages", "empty_array"),
        ({"messages": "Hello."}, "expected an array of objects, but got a string", "messages", "invalid_type"),
        ({"messages": ["Hello."]}, "expected an object, but got a string", "messages[0]", "invalid_type"),
        ({"messages": [{"content": "x"}]}, "Missing", "messages[0].role", "missing_required_parameter"),
        (
            {"messages": [{"role": "robot", "content": "x"}]},
            "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user'",
            "messages[0].role",
            "invalid_value",
        ),
        ({"messages": [{"role": "user"}]}, "expected a string, got null", "messages[0].content", None),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "Missing",
            "messages[0].content[0].text",
            "missing_required_parameter",
        ),
        (
            {"messages": [*HELLO, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]},
            "must be a response to a preceding message with 'tool_calls'",
            "messages[1].role",
            None,
        ),
        (
            {"messages": [*HELLO, {"role": "assistant", "tool_calls": [CALL]}, *HELLO]},
            "did not have response messages: call_1",
            "messages",
            None,
        ),
        ({"temperature": 2.5}, "Expected a value <= 2, but got 2.5", "temperature", "decimal_above_max_value"),
        ({"temperature": "hot"}, "expected a decimal, but got a string", "temperature", "invalid_type"),
        ({"max_tokens": 0}, "Expected a value >= 1, but got 0", "max_tokens", "integer_below_min_value"),
        ({"n": 1.5}, "expected an integer, but got a decimal", "n", "invalid_type"),
        ({"stream": "yes"}, "expected a boolean", "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "only allowed when 'stream'", "stream_options", None),
        ({"stop": ["a", "b", "c", "d", "e"]}, "maximum length 4", "stop", "array_above_max_length"),
        ({"response_format": {"type": "xml"}}, "Invalid value: 'xml'", "response_format.type", "invalid_value"),
        ({"tools": [{"type": "function"}]}, "Missing", "tools[0].function", "missing_required_parameter"),
        ({"extra_body": {"colour": 1}}, "Unrecognized request argument supplied: colour", None, None),
        ({"tool_choice": "auto"}, "only allowed when 'tools'", "tool_choice", None),
    ],
)
def test_a_parameter_that_cannot_be_is_named(
    client: OpenAI, options: dict[str, Any], message: str, param: str | None, code: str | None
) -> None:
    with pytest.raises(openai.BadRequestError, match=message) as refused:
        client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": HELLO, **options})
    assert (refused.value.param, refused.value.code) == (param, code)


def test_models_that_cannot_chat_and_that_are_not(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="The model `gpt-9` does not exist") as missing:
        client.chat.completions.create(model="gpt-9", messages=HELLO)
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError, match="not a chat model"):
        client.chat.completions.create(model="text-embedding-3-small", messages=HELLO)
    with pytest.raises(openai.NotFoundError, match="not a chat model"):
        client.responses.create(model="whisper-1", input="Hello.")


def test_a_conversation_longer_than_the_models_window_is_refused(client: OpenAI) -> None:
    long: Any = [{"role": "user", "content": "word " * 8_000}]
    with pytest.raises(openai.BadRequestError, match="maximum context length is 8192 tokens") as refused:
        client.chat.completions.create(model="gpt-4", messages=long)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "messages")
    client.chat.completions.create(model="gpt-4o", messages=long)


@pytest.mark.parametrize(
    ("said", "error", "code", "type_"),
    [
        ("fail: no credit", openai.RateLimitError, "insufficient_quota", "insufficient_quota"),
        ("fail: broken", openai.InternalServerError, "server_error", "server_error"),
        ("fail: overloaded", openai.InternalServerError, "server_overloaded", "server_error"),
        ("fail: forbidden", openai.PermissionDeniedError, "unsupported_country_region_territory", "request_forbidden"),
        ("fail: unprocessable", openai.UnprocessableEntityError, None, "invalid_request_error"),
    ],
)
def test_a_rule_of_the_script_may_be_an_error(
    client: OpenAI, said: str, error: type[openai.APIStatusError], code: str | None, type_: str
) -> None:
    for ask in (
        lambda: client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": said}]),
        lambda: client.responses.create(model="gpt-4o-mini", input=said, stream=True),
    ):
        with pytest.raises(error) as failed:
            ask()
        assert (failed.value.code, failed.value.type) == (code, type_)


def test_halves_of_characters_and_endless_nesting_break_nothing(stub: str) -> None:
    with httpx.Client(base_url=f"http://{stub}/v1", headers={**BEARER, "content-type": "application/json"}) as http:
        half = b'{"model": "gpt-4o-mini", "input": "\\ud800 search", "instructions": "\\ud800"}'
        assert http.post("/responses", content=half).status_code == 400
        half = half.replace(b', "instructions": "\\ud800"', b', "tools": [{"type": "web_search"}]')
        assert http.post("/responses", content=half).json()["output"][0]["action"]["query"] == "? search"
        assert http.post("/responses", content=b'{"model": "\\ud800", "input": "x"}').status_code == 404
        assert http.post("/responses", content=b'{"model": "gpt-4o", "\\ud800": "x"}').status_code == 400
        deep = b'{"model": "gpt-4o", "input": "x", "metadata": ' + b'{"a":' * 400 + b"1" + b"}" * 401
        assert http.post("/responses", content=deep).status_code == 400
    journal = httpx.get(f"http://{stub}/__lab/journal", params={"path": "/v1/responses", "limit": "5"}).json()
    assert {entry["status"] for entry in journal["entries"]} >= {400, 404}
