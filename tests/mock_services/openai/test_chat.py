"""Chat completions through OpenAI's SDK: whole, streamed, in JSON, with functions, cut short and broken off."""

import json
from itertools import pairwise
from typing import Any, Literal

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk, completion_create_params
from pydantic import BaseModel

from mock_services.openai.parameters import CHAT
from tests.mock_services.openai.support import KEY

APPOINTMENT: Any = {
    "type": "function",
    "function": {
        "name": "schedule_appointment",
        "description": "Fix an appointment",
        "parameters": {
            "type": "object",
            "properties": {
                "date": {"type": "string", "format": "date"},
                "guests": {"type": "integer", "minimum": 1, "maximum": 4},
                "place": {"enum": ["chapel", "office"]},
            },
            "required": ["date", "guests", "place"],
        },
    },
}
OTHER: Any = {"type": "function", "function": {"name": "get_weather"}}
HOURS = "We are open from nine to five on weekdays, and until noon on Saturdays."


def ask(client: OpenAI, text: str, **options: Any) -> Any:
    messages: Any = options.pop("messages", [{"role": "user", "content": text}])
    return client.chat.completions.create(model=options.pop("model", "gpt-4o-mini"), messages=messages, **options)


def test_a_completion_answers_in_the_words_of_the_script(client: OpenAI) -> None:
    answer = ask(client, "What are your OPENING HOURS, please?")
    assert answer.id.startswith("chatcmpl-")
    assert answer.object == "chat.completion"
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert [choice.message.content for choice in answer.choices] == [HOURS]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 10


def test_one_text_gets_one_reply_and_the_system_message_can_decide_it(client: OpenAI) -> None:
    said = "It is raining."
    replies = {ask(client, said).choices[0].message.content for _ in range(5)}
    assert len(replies) == 1
    others = {ask(client, f"{said} {number}").choices[0].message.content for number in range(20)}
    assert len(others) > 1, "other texts get other replies"
    messages = [{"role": "system", "content": "Select the right agent."}, {"role": "user", "content": said}]
    assert ask(client, "", messages=messages).choices[0].message.content == "MODERATOR"


def test_a_stream_brings_role_pieces_finish_and_usage_in_order(client: OpenAI) -> None:
    chunks: list[ChatCompletionChunk] = list(
        ask(client, "When do you open?", stream=True, stream_options={"include_usage": True})
    )
    first, *middle, finish, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    assert first.choices[0].delta.content == ""
    assert "".join(chunk.choices[0].delta.content or "" for chunk in middle) == HOURS
    assert all(chunk.choices[0].delta.content for chunk in middle)
    assert len(middle) > 10
    assert finish.choices[0].finish_reason == "stop"
    assert finish.choices[0].delta.content is None
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == len(middle)
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" and chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_without_usage_never_has_an_empty_choice(client: OpenAI) -> None:
    chunks = list(ask(client, "When do you open?", stream=True))
    assert all(len(chunk.choices) == 1 for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == HOURS


def test_a_stream_on_the_wire_is_data_lines_and_done(stub: str) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "thanks"}], "stream": True}
    answer = httpx.post(f"http://{stub}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, end = answer.text.split("\n\n")
    assert end == ""
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: "))["choices"] for event in events[:-1])


def test_json_is_asked_for_by_name(client: OpenAI) -> None:
    answer = ask(client, "Give the opening hours as JSON.", response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"weekdays": "09:00-17:00", "saturday": "09:00-12:00"}
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'") as refused:
        ask(client, "Give the opening hours.", response_format={"type": "json_object"})
    assert refused.value.param == "messages"


class Visit(BaseModel):
    date: str
    place: Literal["chapel", "garden"]
    guests: int
    notes: list[str]


def test_structured_output_fits_its_schema(client: OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="gpt-4o",
        messages=[{"role": "user", "content": "I would like to book a visit."}],
        response_format=Visit,
    )
    visit = answer.choices[0].message.parsed
    assert visit is not None
    assert visit.date == "2026-03-12", "what the script knows of a property is used"


def test_a_function_is_called_and_its_output_answered(client: OpenAI) -> None:
    asked = [{"role": "user", "content": "I want to book an appointment."}]
    answer = ask(client, "", messages=asked, tools=[OTHER, APPOINTMENT])
    (call,) = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    assert call.id.startswith("call_")
    assert call.function.name == "schedule_appointment"
    arguments = json.loads(call.function.arguments)
    assert arguments["date"] == "2026-03-12"
    assert arguments["place"] in ("chapel", "office")
    assert 1 <= arguments["guests"] <= 4

    spoken = [*asked, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "done"}]
    after = ask(client, "", messages=spoken, tools=[OTHER, APPOINTMENT])
    assert after.choices[0].finish_reason == "stop"
    assert "Thursday at two" in after.choices[0].message.content


def test_a_streamed_call_begins_with_its_name_and_adds_up_to_its_arguments(client: OpenAI) -> None:
    said = "I want to book an appointment."
    whole = ask(client, said, tools=[APPOINTMENT]).choices[0].message.tool_calls[0].function.arguments
    chunks = list(ask(client, said, tools=[APPOINTMENT], stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    begun = deltas[1].tool_calls[0]
    assert (begun.index, begun.type, begun.function.name, begun.function.arguments) == (
        0,
        "function",
        "schedule_appointment",
        "",
    )
    pieces = [delta.tool_calls[0] for delta in deltas[2:-1]]
    assert "".join(piece.function.arguments for piece in pieces) == whole
    assert all(piece.id is None and piece.function.name is None for piece in pieces)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "schedule_appointment"}}, ["schedule_appointment"]),
    ],
    ids=["none", "auto", "required", "by name"],
)
def test_the_choice_of_a_tool_is_kept(client: OpenAI, choice: Any, called: list[str]) -> None:
    answer = ask(client, "thanks", tools=[OTHER, APPOINTMENT], tool_choice=choice)
    assert [call.function.name for call in answer.choices[0].message.tool_calls or []] == called


def test_the_answer_is_cut_where_the_request_says(client: OpenAI) -> None:
    cut = ask(client, "When do you open?", max_completion_tokens=4)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens == 4
    assert HOURS.startswith(cut.choices[0].message.content)
    stopped = ask(client, "When do you open?", stop=["noon", " on"])
    assert stopped.choices[0].message.content == "We are open from nine to five"
    assert stopped.choices[0].finish_reason == "stop"
    filtered = ask(client, "filtered")
    assert filtered.choices[0].finish_reason == "content_filter"


def test_several_choices_are_numbered_whole_and_streamed(client: OpenAI) -> None:
    answer = ask(client, "It is raining.", n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    streamed = ["", "", ""]
    for chunk in ask(client, "It is raining.", n=3, stream=True):
        streamed[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert streamed == [choice.message.content for choice in answer.choices]


def test_a_stream_that_breaks_off_ends_with_an_error(client: OpenAI) -> None:
    received = ""
    with pytest.raises(openai.APIError, match="The server had an error") as broken:
        for chunk in ask(client, "fail: midway", stream=True):
            received += chunk.choices[0].delta.content or ""
    assert received == "This reply is"
    assert broken.value.type == "server_error"
    with pytest.raises(openai.InternalServerError):
        ask(client, "fail: midway")


def test_messages_may_be_parts_and_come_from_every_role(client: OpenAI) -> None:
    messages = [
        {"role": "developer", "content": "You are a funeral home's assistant."},
        {"role": "user", "content": [{"type": "text", "text": "Good morning."}]},
        {"role": "assistant", "content": "Good morning."},
        {"role": "user", "content": [{"type": "text", "text": "When do"}, {"type": "text", "text": "you open?"}]},
    ]
    assert ask(client, "", messages=messages, model="gpt-5-mini").choices[0].message.content == HOURS


def test_every_parameter_of_the_sdk_is_known() -> None:
    assert set(completion_create_params.CompletionCreateParamsBase.__annotations__) | {"stream"} == CHAT


def test_ids_differ_from_answer_to_answer(client: OpenAI) -> None:
    ids = [ask(client, "thanks").id for _ in range(5)]
    assert all(before != after for before, after in pairwise(sorted(ids)))
