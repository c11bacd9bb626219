"""The ElevenLabs stub as an application: speech whole, streamed and over a socket; voices, models and the user."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from starlette.responses import Response

from mock_services.core.limits import body_limit
from mock_services.core.operations import Exchange, Handler, Operation, json_response
from mock_services.core.pacing import PacedResponse, Part, wait_until_due
from mock_services.core.service import Service
from mock_services.elevenlabs.errors import BodyTooLarge, ElevenLabsErrors, TextEmpty
from mock_services.elevenlabs.formats import Format
from mock_services.elevenlabs.models import ElevenLabsState
from mock_services.elevenlabs.requests import SpeechBody, SpeechQuery, VoicesQuery
from mock_services.elevenlabs.settings import ElevenLabsSettings
from mock_services.elevenlabs.sockets import Sockets
from mock_services.elevenlabs.speech import Speech

MAX_BODY_MIB = 10
Body = Iterator[tuple[float, bytes]]
"""The pieces of a body, each with the time in the audio at which it begins."""
Render = Callable[[Speech, Format], Body]


def build(settings: ElevenLabsSettings | None = None) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    state = ElevenLabsState(settings or ElevenLabsSettings())

    def decorate(exchange: Exchange, response: Response) -> None:
        response.headers["request-id"] = state.new_id("request")

    return Service(
        "elevenlabs",
        _Api(state).operations(),
        ElevenLabsErrors(),
        sockets=[("/v1/text-to-speech/{voice_id}/stream-input", Sockets(state).stream_input)],
        after_authentication=[body_limit(MAX_BODY_MIB << 20, lambda: BodyTooLarge(MAX_BODY_MIB))],
        decorate=[decorate],
        reset=[state.reset],
        gauges=state.gauges,
    )


class _Api:
    """The handlers of the operations."""

    def __init__(self, state: ElevenLabsState) -> None:
        self._state = state

    def operations(self) -> list[Operation]:
        """List what the stub offers."""
        speech: dict[str, Any] = {
            "method": "POST",
            "authenticate": self._authenticate,
            "query": SpeechQuery,
            "body": SpeechBody,
        }
        lookup: dict[str, Any] = {"method": "GET", "authenticate": self._authenticate}
        path = "/v1/text-to-speech/{voice_id}"
        return [
            Operation(path=path, handler=self._speaking(_audio, streamed=False), summary="Speak a text", **speech),
            Operation(
                path=f"{path}/stream",
                handler=self._speaking(_audio, streamed=True),
                summary="Speak a text as a stream",
                **speech,
            ),
            Operation(
                path=f"{path}/with-timestamps",
                handler=self._speaking(_timed_whole, "application/json", streamed=False),
                summary="Speak a text, and say when each character is heard",
                **speech,
            ),
            Operation(
                path=f"{path}/stream/with-timestamps",
                handler=self._speaking(_timed_lines, "application/json", streamed=True),
                summary="The same as a stream",
                **speech,
            ),
            Operation(path="/v1/voices", handler=self._voices, summary="List the voices", **lookup),
            Operation(
                path="/v2/voices", handler=self._search, summary="Search the voices", query=VoicesQuery, **lookup
            ),
            Operation(path="/v1/voices/{voice_id}", handler=self._voice, summary="Give one voice", **lookup),
            Operation(path="/v1/models", handler=self._models, summary="List the models", **lookup),
            Operation(path="/v1/user", handler=self._user, summary="Give the user", **lookup),
            Operation(
                path="/v1/user/subscription", handler=self._subscription, summary="Give the subscription", **lookup
            ),
        ]

    async def _authenticate(self, exchange: Exchange) -> None:
        headers = exchange.request.headers
        self._state.authenticate(headers.get("xi-api-key", ""), headers.get("authorization", ""))

    def _speaking(self, render: Render, media_type: str = "", *, streamed: bool) -> Handler:
        """Make the handler of a request for speech: streamed as the audio is made, or all of it when it is done."""

        async def speak(exchange: Exchange) -> Response:
            state, body = self._state, exchange.body
            form = Format.named(exchange.query.output_format)
            state.catalogue.voice(exchange.path["voice_id"])
            model = state.catalogue.speaking(body.model_id)
            tempo = 1.0
            if body.voice_settings is not None:
                body.voice_settings.check()
                tempo = body.voice_settings.speed or 1.0
            if not body.text.strip():
                raise TextEmpty
            state.begin_speaking()
            try:
                cost = state.spend(body.text, model)
                speech = Speech(body.text, state.settings.characters_per_second, tempo)
                parts = self._parts(speech, render(speech, form), streamed=streamed)
                headers = self._speech_headers(cost)
                return PacedResponse(
                    exchange, parts, state.lateness_ms, media_type or form.media_type, headers, state.end_speaking
                )
            except BaseException:
                state.end_speaking()
                raise

        return speak

    def _parts(self, speech: Speech, body: Body, *, streamed: bool) -> Iterator[Part]:
        """Give each piece the time at which it is made, `ELEVENLABS_SPEED` times faster than it plays."""
        due_s, speed = self._state.first_byte_s(), self._state.settings.speed
        if speed and not streamed:
            due_s += speech.duration_s / speed
        made_s = 0.0
        for begins_s, piece in body:
            if speed and streamed:
                until_s = min(begins_s, speech.duration_s)
                due_s += self._state.gap_s((until_s - made_s) / speed)
                made_s = until_s
            yield Part(due_s, piece)

    def _speech_headers(self, cost: int) -> dict[str, str]:
        state = self._state
        return {
            "history-item-id": state.new_id("history item"),
            "character-cost": str(cost),
            "current-concurrent-requests": str(state.speaking),
            "maximum-concurrent-requests": str(state.settings.max_concurrent),
        }

    async def _voices(self, exchange: Exchange) -> Response:
        return await self._look_up(exchange, {"voices": [voice.shown() for voice in self._state.catalogue.voices]})

    async def _search(self, exchange: Exchange) -> Response:
        return await self._look_up(exchange, self._state.catalogue.page(exchange.query))

    async def _voice(self, exchange: Exchange) -> Response:
        return await self._look_up(exchange, self._state.catalogue.voice(exchange.path["voice_id"], 400).shown())

    async def _models(self, exchange: Exchange) -> Response:
        return await self._look_up(exchange, [model.shown() for model in self._state.catalogue.models])

    async def _user(self, exchange: Exchange) -> Response:
        return await self._look_up(exchange, self._state.user())

    async def _subscription(self, exchange: Exchange) -> Response:
        invoices: dict[str, Any] = {
            "next_invoice": None,
            "open_invoices": [],
            "has_open_invoices": False,
            "pending_change": None,
        }
        return await self._look_up(exchange, {**self._state.subscription(), **invoices})

    async def _look_up(self, exchange: Exchange, content: Any) -> Response:
        state = self._state
        await wait_until_due(exchange, state.draw_s(state.settings.lookup_ms), state.lateness_ms)
        return json_response(content)


def _audio(speech: Speech, form: Format) -> Body:
    for chunk in speech.chunks():
        yield chunk.start_s, speech.audio(form, chunk)


def _timed_lines(speech: Speech, form: Format) -> Body:
    """Give a line of JSON for each stretch of the text, with its audio."""
    for chunk in speech.chunks():
        audio = base64.b64encode(speech.audio(form, chunk)).decode()
        alignment = speech.alignment(chunk)
        line = {"audio_base64": audio, "alignment": alignment, "normalized_alignment": alignment}
        yield chunk.start_s, orjson.dumps(line) + b"\n"


def _timed_whole(speech: Speech, form: Format) -> Body:
    """Give one JSON object, piece by piece: a long text's audio is never all in memory."""
    yield 0.0, b'{"audio_base64":"'
    rest = b""
    for chunk in speech.chunks():
        audio = rest + speech.audio(form, chunk)
        whole = len(audio) // 3 * 3  # what base64 can write without padding
        rest = audio[whole:]
        yield chunk.start_s, base64.b64encode(audio[:whole])
    alignment = orjson.dumps(speech.alignment(speech.whole))
    yield speech.duration_s, base64.b64encode(rest) + b'","alignment":' + alignment
    yield speech.duration_s, b',"normalized_alignment":' + alignment + b"}"
