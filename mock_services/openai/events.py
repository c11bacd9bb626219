"""The events of a streamed response, in OpenAI's order, each due when its token is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from mock_services.core.pacing import Part
from mock_services.openai.answer import Answer
from mock_services.openai.errors import OpenAIError
from mock_services.openai.responses import Item, text_part


class _Events:
    """Numbers events and gives them the time that it is."""

    def __init__(self, times: Iterator[float]) -> None:
        self._times = times
        self._number = -1
        self.now = 0.0

    def next_token(self) -> None:
        self.now = next(self._times)

    def __call__(self, kind: str, **fields: Any) -> Part:
        self._number += 1
        data = orjson.dumps({"type": kind, "sequence_number": self._number, **fields})
        return Part(self.now, b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n")


def stream(
    begun: dict[str, Any],
    finished: dict[str, Any],
    answer: Answer,
    times: Iterator[float],
    failure: tuple[int, OpenAIError] | None = None,
) -> Iterator[Part]:
    """Give the events of a response that went from `begun` to `finished`.

    `response.created` and `response.in_progress` come at once, the items when their tokens are written. With `failure`
    the stream breaks off after so many tokens with `response.failed`.
    """
    event = _Events(times)
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    event.next_token()
    tokens = 0
    for part, is_token in _items(event, finished["output"], answer):
        yield part
        tokens += is_token
        if failure is not None and tokens >= failure[0]:
            break
    if failure is not None:
        error = {"code": "server_error", "message": str(failure[1])}
        failed = {**begun, "status": "failed", "error": error}
        yield event("response.failed", response=failed)
        return
    yield event(f"response.{finished['status']}", response=finished)


def _items(event: _Events, items: Sequence[Item], answer: Answer) -> Iterator[tuple[Part, bool]]:
    """Give the events of all items, and of each event whether it is a token."""
    calls = iter(answer.calls)
    for index, item in enumerate(items):
        place = {"output_index": index, "item_id": item["id"]}
        unfinished = {**item, "status": "in_progress"}
        if item["type"] == "message":
            yield event("response.output_item.added", output_index=index, item={**unfinished, "content": []}), False
            yield from _message(event, place, item, answer.pieces)
        elif item["type"] == "function_call":
            yield event("response.output_item.added", output_index=index, item={**unfinished, "arguments": ""}), False
            yield from _call(event, place, item, next(calls).pieces)
        else:
            yield event("response.output_item.added", output_index=index, item=unfinished), False
            for step in ("in_progress", "searching", "completed"):
                yield event(f"response.web_search_call.{step}", **place), False
        yield event("response.output_item.done", output_index=index, item=item), False


def _message(event: _Events, place: dict[str, Any], item: Item, pieces: Sequence[str]) -> Iterator[tuple[Part, bool]]:
    place = {**place, "content_index": 0}
    yield event("response.content_part.added", **place, part=text_part("")), False
    for piece in pieces:
        yield event("response.output_text.delta", **place, delta=piece, logprobs=[]), True
        event.next_token()
    (part,) = item["content"]
    yield event("response.output_text.done", **place, text=part["text"], logprobs=[]), False
    yield event("response.content_part.done", **place, part=part), False


def _call(event: _Events, place: dict[str, Any], item: Item, pieces: Sequence[str]) -> Iterator[tuple[Part, bool]]:
    for piece in pieces:
        yield event("response.function_call_arguments.delta", **place, delta=piece), True
        event.next_token()
    arguments = {"name": item["name"], "arguments": item["arguments"]}
    yield event("response.function_call_arguments.done", **place, **arguments), False
