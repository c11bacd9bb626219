"""`WS /v1/text-to-speech/{voice_id}/stream-input`: joins sessions to their sockets and to the accounts."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from starlette.websockets import WebSocket

from mock_services.core.conversation import Conversation
from mock_services.elevenlabs.errors import ElevenLabsError, InvalidParameters
from mock_services.elevenlabs.formats import Format, FormatName
from mock_services.elevenlabs.models import ElevenLabsState
from mock_services.elevenlabs.protocol import POLICY_VIOLATION, Host, Options, StreamInput, error_message
from mock_services.elevenlabs.requests import DEFAULT_MODEL


class _Query(BaseModel):
    model_id: str = DEFAULT_MODEL
    output_format: FormatName = FormatName.MP3_44100_128
    inactivity_timeout: Annotated[int, Field(ge=1, le=180)] = 20
    auto_mode: bool = False


class Sockets:
    """The sockets of one stub."""

    def __init__(self, state: ElevenLabsState) -> None:
        self._state = state

    async def stream_input(self, websocket: WebSocket) -> None:
        """Speak texts as they come in. What is wrong is said in a message after accepting, as ElevenLabs does."""
        await websocket.accept()
        self._state.sockets += 1
        with ExitStack() as held:
            try:
                session = self._session(websocket, held)
            except ElevenLabsError as refusal:
                self._state.count_socket_error(refusal)
                await websocket.send_text(error_message(refusal))
                await websocket.close(POLICY_VIOLATION, refusal.word)
                return
            await Conversation(websocket, session, self._count_lateness).run()

    def _session(self, websocket: WebSocket, held: ExitStack) -> StreamInput:
        state, settings = self._state, self._state.settings
        key = websocket.headers.get("xi-api-key", "")
        authorization = websocket.headers.get("authorization", "") or websocket.query_params.get("authorization", "")
        if key or authorization:
            state.authenticate(key, authorization)
        try:
            query = _Query.model_validate(dict(websocket.query_params))
        except ValidationError as misfit:
            raise InvalidParameters(str(misfit.errors()[0]["loc"][0]), misfit.errors()[0]["msg"]) from misfit
        state.catalogue.voice(websocket.path_params["voice_id"])
        model = state.catalogue.speaking(query.model_id)
        speaks = False

        def spend(text: str) -> None:
            nonlocal speaks
            if not speaks:
                state.begin_speaking()
                held.callback(state.end_speaking)
                speaks = True
            state.spend(text, model)

        options = Options(
            form=Format.named(query.output_format),
            characters_per_second=settings.characters_per_second,
            speed=settings.speed,
            inactivity_timeout_s=query.inactivity_timeout,
            auto_mode=query.auto_mode,
        )
        host = Host(state.authenticate, spend, state.first_byte_s, state.gap_s, state.count_socket_error)
        now = asyncio.get_running_loop().time()
        return StreamInput(options, host, now, authenticated=bool(key or authorization))

    def _count_lateness(self, ms: float) -> None:
        self._state.lateness_ms.add(ms)  # looked up each time: a reset begins a new distribution
