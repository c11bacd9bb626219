"""Responses through OpenAI's SDK: whole, streamed with every event in its place, with functions, and continued."""

import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.responses import response_create_params
from pydantic import BaseModel

from mock_services.openai.parameters import RESPONSES
from tests.mock_services.openai.support import KEY

FUNCTION: Any = {
    "type": "function",
    "name": "create_contact",
    "parameters": {
        "type": "object",
        "properties": {"first_name": {"type": "string"}, "urgent": {"type": "boolean"}},
        "required": ["first_name", "urgent"],
        "additionalProperties": False,
    },
    "strict": True,
}
SEARCH: Any = {"type": "web_search_preview"}
HOURS = "We are open from nine to five on weekdays, and until noon on Saturdays."
BEGIN = ["response.created", "response.in_progress"]
TEXT = ["response.output_text.done", "response.content_part.done", "response.output_item.done"]


def ask(client: OpenAI, said: Any, **options: Any) -> Any:
    return client.responses.create(model=options.pop("model", "gpt-4o-mini"), input=said, **options)


def kinds(events: list[Any]) -> list[str]:
    """Give the events' types, with a run of deltas as one."""
    found: list[str] = []
    for event in events:
        if not (found and found[-1] == event.type and event.type.endswith(".delta")):
            found.append(event.type)
    return found


def test_a_response_answers_and_repeats_what_was_asked(client: OpenAI) -> None:
    answer = ask(
        client,
        [{"role": "user", "content": "When do you open?"}],
        instructions="You are a funeral home's assistant.",
        tools=[FUNCTION, SEARCH],
        temperature=0.3,
        metadata={"call": "CA1"},
        max_output_tokens=300,
    )
    assert answer.id.startswith("resp_")
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    assert answer.output_text == HOURS
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.instructions == "You are a funeral home's assistant."
    assert (answer.temperature, answer.max_output_tokens, answer.metadata) == (0.3, 300, {"call": "CA1"})
    assert [tool.type for tool in answer.tools] == ["function", "web_search_preview"]
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    (message,) = answer.output
    assert (message.type, message.role, message.status) == ("message", "assistant", "completed")


def test_streamed_events_come_in_order_and_add_up(client: OpenAI) -> None:
    events = list(ask(client, "When do you open?", stream=True))
    assert kinds(events) == [
        *BEGIN,
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        *TEXT,
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == HOURS
    assert events[0].response.status == "in_progress"
    assert events[0].response.output == []
    final = events[-1].response
    assert final.output_text == HOURS
    assert final.id == events[0].response.id
    assert {event.item_id for event in events if hasattr(event, "item_id")} == {final.output[0].id}
    assert next(event for event in events if event.type == "response.output_item.added").item.content == []


def test_the_wire_names_each_event_and_has_no_done(stub: str) -> None:
    answer = httpx.post(
        f"http://{stub}/v1/responses",
        json={"model": "gpt-4o-mini", "input": "thanks", "stream": True},
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, end = answer.text.split("\n\n")
    assert end == ""
    for event in events:
        name, data = event.split("\n")
        assert json.loads(data.removeprefix("data: "))["type"] == name.removeprefix("event: ")
    assert events[-1].startswith("event: response.completed")


def test_a_function_is_called_and_its_output_answered(client: OpenAI) -> None:
    said = {"role": "user", "content": "My name is Ruth Keller."}
    answer = ask(client, [said], tools=[FUNCTION])
    (call,) = answer.output
    assert (call.type, call.name, call.status) == ("function_call", "create_contact", "completed")
    arguments = json.loads(call.arguments)
    assert arguments["first_name"] == "Ruth"
    assert isinstance(arguments["urgent"], bool)

    result = {"type": "function_call_output", "call_id": call.call_id, "output": "saved"}
    whole = ask(client, [said, call.model_dump(), result], tools=[FUNCTION])
    continued = ask(client, [result], tools=[FUNCTION], previous_response_id=answer.id)
    assert (
        whole.output_text
        == continued.output_text
        == "Thank you. I have taken that down, and a director will be in touch."
    )
    assert continued.previous_response_id == answer.id


def test_a_streamed_call_has_its_own_events(client: OpenAI) -> None:
    events = list(ask(client, "My name is Ruth.", tools=[FUNCTION], stream=True))
    assert kinds(events) == [
        *BEGIN,
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    done = next(event for event in events if event.type == "response.function_call_arguments.done")
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == done.arguments == events[-1].response.output[0].arguments
    assert len(deltas) > 3


def test_a_web_search_comes_before_the_answer_where_it_is_allowed(client: OpenAI) -> None:
    said = "Search for a florist nearby."
    search, message = ask(client, said, tools=[SEARCH]).output
    assert (search.type, search.status, search.action.query) == ("web_search_call", "completed", said)
    assert "florist" in message.content[0].text
    assert [item.type for item in ask(client, said).output] == ["message"]
    events = list(ask(client, said, tools=[SEARCH], stream=True))
    assert kinds(events) == [
        *BEGIN,
        "response.output_item.added",
        *(f"response.web_search_call.{step}" for step in ("in_progress", "searching", "completed")),
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        *TEXT,
        "response.completed",
    ]


class Caller(BaseModel):
    first_name: str
    phone: str
    children: list["Caller"]


def test_structured_output_fits_its_schema(client: OpenAI) -> None:
    answer = client.responses.parse(model="gpt-4o", input="My name is Ruth.", text_format=Caller)
    assert answer.output_parsed is not None
    assert answer.output_parsed.first_name == "Ruth"


def test_json_is_asked_for_by_name(client: OpenAI) -> None:
    text: Any = {"format": {"type": "json_object"}}
    assert json.loads(ask(client, "The opening hours in json, please", text=text).output_text)["saturday"]
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'") as refused:
        ask(client, "The opening hours", text=text)
    assert refused.value.param == "input"


def test_an_answer_that_is_cut_is_incomplete(client: OpenAI) -> None:
    said = "Please summarise the call."
    answer = ask(client, said, max_output_tokens=16)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.usage.output_tokens == 16
    assert answer.output[0].status == "incomplete"
    events = list(ask(client, said, max_output_tokens=16, stream=True))
    assert events[-1].type == "response.incomplete"
    assert ask(client, "filtered").incomplete_details.reason == "content_filter"


def test_a_stream_that_breaks_off_ends_with_a_failed_response(client: OpenAI) -> None:
    events = list(ask(client, "fail: midway", stream=True))
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == ["This", " reply", " is"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.failed"
    assert (events[-1].response.status, events[-1].response.error.code) == ("failed", "server_error")
    with pytest.raises(openai.InternalServerError):
        ask(client, "fail: midway")


def test_a_stored_response_can_be_fetched_continued_and_deleted(client: OpenAI) -> None:
    answer = ask(client, "When do you open?")
    assert client.responses.retrieve(answer.id).output_text == HOURS
    assert ask(client, [{"role": "assistant", "content": "Hm."}], previous_response_id=answer.id).output_text == HOURS
    client.responses.delete(answer.id)
    with pytest.raises(openai.NotFoundError, match=answer.id):
        client.responses.retrieve(answer.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(answer.id)
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, "And then?", previous_response_id=answer.id)
    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
    unstored = ask(client, "When do you open?", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(unstored.id)


@pytest.mark.parametrize(
    ("options", "message", "param", "code"),
    [
        ({"input": 5}, "expected one of a string or array", "input", "invalid_type"),
        ({"input": []}, "empty array", "input", "empty_array"),
        ({"input": None}, "Missing required parameter: 'input'", "input", "missing_required_parameter"),
        ({"input": [{"role": "robot", "content": "x"}]}, "Invalid value: 'robot'", "input[0].role", "invalid_value"),
        ({"input": [{"role": "user"}]}, "Missing", "input[0].content", "missing_required_parameter"),
        (
            {"input": [{"type": "function_call_output", "call_id": "call_x", "output": "y"}]},
            "No tool call found for function call output with call_id call_x",
            "input",
            None,
        ),
        ({"max_output_tokens": 5}, "Expected a value >= 16, but got 5", "max_output_tokens", "integer_below_min_value"),
        ({"temperature": 3}, "Expected a value <= 2, but got 3", "temperature", "decimal_above_max_value"),
        ({"extra_body": {"colour": 1}}, "Unknown parameter: 'colour'", "colour", "unknown_parameter"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "does not match pattern", "tools[0].name", "invalid_value"),
        ({"tool_choice": "required"}, "only allowed when 'tools'", "tool_choice", None),
        ({"truncation": "some"}, "'auto', and 'disabled'", "truncation", "invalid_value"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path(
    client: OpenAI, options: dict[str, Any], message: str, param: str, code: str | None
) -> None:
    said = options.pop("input", "Hello.")
    with pytest.raises(openai.BadRequestError, match=message) as refused:
        ask(client, said, **options)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.type == "invalid_request_error"


def test_every_parameter_of_the_sdk_is_known() -> None:
    assert set(response_create_params.ResponseCreateParamsBase.__annotations__) | {"stream"} == RESPONSES
