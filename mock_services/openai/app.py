"""The OpenAI stub as an application: chat completions, responses, embeddings, models and traces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from starlette.responses import Response

from mock_services.core.limits import body_limit
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.pacing import PacedResponse, wait_until_due
from mock_services.core.service import Service
from mock_services.openai import chat, embeddings, events, responses
from mock_services.openai.answer import Answer, write
from mock_services.openai.catalogue import Model
from mock_services.openai.errors import SCRIPTED, BodyTooLarge, ContextTooLong, OpenAIError, OpenAIErrors
from mock_services.openai.models import OpenAIState
from mock_services.openai.script import Prompt, Reply
from mock_services.openai.settings import OpenAISettings

MAX_BODY_MIB = 10
LONGEST_ANSWER = 16_384  # tokens that are reserved for an answer at most
INPUTS_A_TURN = 8  # vectors that are made before other requests have their turn
JsonObject = dict[str, Any]


def build(settings: OpenAISettings | None = None) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    state = OpenAIState(settings or OpenAISettings())
    api = _Api(state)

    def decorate(exchange: Exchange, response: Response) -> None:
        response.headers["x-request-id"] = state.new_id("req_")
        response.headers["openai-organization"] = "org-lab"
        response.headers["openai-version"] = "2020-10-01"
        response.headers["openai-processing-ms"] = str(round((time.perf_counter() - exchange.started) * 1000))

    service = Service(
        "openai",
        api.operations(),
        OpenAIErrors(),
        after_authentication=[body_limit(MAX_BODY_MIB << 20, lambda: BodyTooLarge(MAX_BODY_MIB))],
        decorate=[decorate],
        reset=[state.reset],
        gauges=state.gauges,
    )
    api.service = service
    return service


class _Api:
    """The handlers of the operations."""

    service: Service

    def __init__(self, state: OpenAIState) -> None:
        self._state = state

    def operations(self) -> list[Operation]:
        """List what the stub offers."""
        key = self._authenticate
        post: dict[str, Any] = {"method": "POST", "authenticate": key, "body": JsonObject}
        get: dict[str, Any] = {"method": "GET", "authenticate": key}
        stored = "/v1/responses/{response_id}"
        return [
            Operation(path="/v1/chat/completions", handler=self._chat, summary="Complete a chat", **post),
            Operation(path="/v1/responses", handler=self._respond, summary="Make a response", **post),
            Operation(path=stored, handler=self._response, summary="Give a stored response", **get),
            Operation(
                method="DELETE",
                path=stored,
                handler=self._forget,
                summary="Delete a stored response",
                authenticate=key,
            ),
            Operation(path="/v1/embeddings", handler=self._embed, summary="Embed texts", **post),
            Operation(path="/v1/models", handler=self._models, summary="List the models", **get),
            Operation(path="/v1/models/{model}", handler=self._model, summary="Give one model", **get),
            Operation(
                path="/v1/traces/ingest",
                handler=self._traces,
                summary="Take the traces of the agents' library",
                responses={204: None},
                **post,
            ),
        ]

    async def _authenticate(self, exchange: Exchange) -> None:
        self._state.authenticate(exchange.request.headers.get("authorization", ""))

    async def _chat(self, exchange: Exchange) -> Response:
        state, request = self._state, chat.read_chat(exchange.body)
        model = state.catalogue.chat(request.model, "v1/chat/completions")
        headers = self._admit(model, request.prompt_tokens, request.max_tokens, "messages")
        completion_id, created = state.new_id("chatcmpl-"), int(time.time())
        replies = [self._ask(exchange, request.prompt, index) for index in range(request.choices)]
        answers = [write(reply, state.new_id, request.max_tokens, request.stop) for reply in replies]
        state.count_tokens(request.prompt_tokens, sum(answer.tokens for answer in answers))
        times, failure = state.token_times(), _failure(replies[0])
        if request.stream:
            parts = chat.stream(request, answers, completion_id, created, model.snapshot, times, failure)
            return PacedResponse(exchange, parts, state.lateness_ms, "text/event-stream", headers)
        await self._write_all(exchange, answers, times, failure)
        return json_response(chat.completion(request, answers, completion_id, created, model.snapshot), 200, headers)

    async def _respond(self, exchange: Exchange) -> Response:
        state = self._state
        previous_id = responses.previous_id(exchange.body)
        continued = state.stored.previous(previous_id) if previous_id is not None else None
        request = responses.read_responses(exchange.body, continued)
        model = state.catalogue.chat(request.model, "v1/responses")
        headers = self._admit(model, request.prompt_tokens, request.max_tokens, "input")
        response_id, created = state.new_id("resp_"), int(time.time())
        reply = self._ask(exchange, request.prompt)
        answer = write(reply, state.new_id, request.max_tokens)
        state.count_tokens(request.prompt_tokens, answer.tokens)
        times, failure = state.token_times(), _failure(reply)
        items = responses.output(answer, request.prompt.said if reply.search else None, state.new_id)
        begun = responses.begun(request, response_id, created, model.snapshot)
        finished = responses.finished(request, begun, answer, items, created)
        if request.store and failure is None:
            state.stored.keep(response_id, orjson.dumps(finished), responses.previous(request, answer))
        if request.stream:
            parts = events.stream(begun, finished, answer, times, failure)
            return PacedResponse(exchange, parts, state.lateness_ms, "text/event-stream", headers)
        await self._write_all(exchange, [answer], times, failure)
        return json_response(finished, 200, headers)

    async def _response(self, exchange: Exchange) -> Response:
        content = self._state.stored.content(exchange.path["response_id"])
        await self._look_up(exchange)
        return Response(content, media_type="application/json")

    async def _forget(self, exchange: Exchange) -> Response:
        response_id = exchange.path["response_id"]
        self._state.stored.forget(response_id)
        await self._look_up(exchange)
        return json_response({"id": response_id, "object": "response", "deleted": True})

    async def _embed(self, exchange: Exchange) -> Response:
        state, request = self._state, embeddings.read_embeddings(exchange.body)
        model = state.catalogue.embeddings(request.model)
        dimensions = embeddings.check(request, model)
        used = request.tokens
        headers = state.admit(model.id, used, self.service.in_flight)
        state.count_tokens(used, 0)
        vectors = []
        for index, text in enumerate(request.inputs):
            values = embeddings.vector(text, model, dimensions)
            vectors.append(embeddings.embedding(index, values, as_base64=request.as_base64))
            if index % INPUTS_A_TURN == 0:
                await asyncio.sleep(0)
        await wait_until_due(exchange, state.draw_s(state.settings.embeddings_ms), state.lateness_ms)
        usage = {"prompt_tokens": used, "total_tokens": used}
        return json_response({"object": "list", "data": vectors, "model": model.snapshot, "usage": usage}, 200, headers)

    async def _models(self, exchange: Exchange) -> Response:
        await self._look_up(exchange)
        return json_response({"object": "list", "data": [model.listed() for model in self._state.catalogue.all()]})

    async def _model(self, exchange: Exchange) -> Response:
        model = self._state.catalogue.find(exchange.path["model"])
        await self._look_up(exchange)
        return json_response(model.listed())

    async def _traces(self, exchange: Exchange) -> Response:
        data = exchange.body.get("data")
        self._state.traces += len(data) if isinstance(data, list) else 0
        await self._look_up(exchange)
        return Response(status_code=204)

    def _admit(self, model: Model, prompt_tokens: int, max_tokens: int | None, param: str) -> dict[str, str]:
        if prompt_tokens > model.window:
            raise ContextTooLong(model.window, prompt_tokens, param)
        reserved = min(max_tokens or 0, LONGEST_ANSWER)
        return self._state.admit(model.id, prompt_tokens + reserved, self.service.in_flight)

    def _ask(self, exchange: Exchange, prompt: Prompt, index: int = 0) -> Reply:
        """Ask the script; one text always gets the same reply from one seed, whatever else was asked before it."""
        state = self._state
        reply = state.settings.script.answer(prompt, state.chance(f"reply {index}", prompt.said))
        state.rules[reply.rule] += 1
        exchange.note = f"script: {reply.rule}"
        if reply.error is not None and reply.error_after is None:
            raise SCRIPTED[reply.error]()
        return reply

    async def _write_all(
        self, exchange: Exchange, answers: list[Answer], times: Iterator[float], failure: tuple[int, OpenAIError] | None
    ) -> None:
        """Wait until the last token of an answer that is sent whole is written."""
        count = max(1, sum(answer.tokens for answer in answers))
        if failure is not None:
            count = max(1, failure[0])
        last_s = next(islice(times, count - 1, None))
        await wait_until_due(exchange, last_s, self._state.lateness_ms)
        if failure is not None:
            raise failure[1]

    async def _look_up(self, exchange: Exchange) -> None:
        state = self._state
        await wait_until_due(exchange, state.draw_s(state.settings.lookup_ms), state.lateness_ms)


def _failure(reply: Reply) -> tuple[int, OpenAIError] | None:
    if reply.error is None or reply.error_after is None:
        return None
    return reply.error_after, SCRIPTED[reply.error]()
