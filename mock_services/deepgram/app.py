"""The Deepgram stub as an application: the voice agent and transcription, at the paths that the vendor has."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.websockets import WebSocket

from mock_services.core.conversation import Conversation
from mock_services.core.limits import body_limit
from mock_services.core.operations import Exchange, Operation
from mock_services.core.service import Service
from mock_services.deepgram.errors import BadRequest, DeepgramError, DeepgramErrors, FileTooLarge, InvalidAuth
from mock_services.deepgram.listen.files import Files
from mock_services.deepgram.listen.models import Listeners
from mock_services.deepgram.listen.options import UnfitOptions, read_options
from mock_services.deepgram.models import Account, VoiceAgents
from mock_services.deepgram.settings import DeepgramSettings


def build(settings: DeepgramSettings | None = None) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    stub = _Stub(settings or DeepgramSettings())
    transcribe = Operation(
        method="POST",
        path="/v1/listen",
        handler=Files(stub.listeners).transcribe,
        summary="Transcribe a file",
        authenticate=stub.authenticate,
    )
    return Service(
        "deepgram",
        (transcribe,),
        DeepgramErrors(),
        sockets=[("/v1/agent/converse", stub.converse), ("/v1/listen", stub.listen)],
        after_authentication=[stub.limit_file],
        reset=[stub.account.reset, stub.agents.reset, stub.listeners.reset],
        gauges=stub.gauges,
    )


class _Stub:
    """Answers handshakes, and knows what is open."""

    def __init__(self, settings: DeepgramSettings) -> None:
        self.account = Account(settings)
        self.agents = VoiceAgents(self.account)
        self.listeners = Listeners(self.account)
        self._max_file_mib = settings.max_file_mib

    async def authenticate(self, exchange: Exchange) -> str:
        """Check the key of a request for a file; the principal is the request's id."""
        request_id = self.account.new_request_id()
        try:
            self.account.authenticate(exchange.request.headers.get("authorization", ""), (), request_id)
        except InvalidAuth:
            self.listeners.tally.refused += 1
            raise
        return request_id

    async def limit_file(self, exchange: Exchange) -> None:
        """Refuse a file that is too long."""
        request_id = str(exchange.principal)
        max_mib = self._max_file_mib
        await body_limit(max_mib << 20, lambda: FileTooLarge(max_mib, request_id))(exchange)

    async def converse(self, websocket: WebSocket) -> None:
        """Serve one conversation with the voice agent."""
        request_id = self.account.new_request_id()
        try:
            subprotocol = self._admit(websocket, request_id)
            with self.agents.session(request_id, asyncio.get_running_loop().time()) as session:
                await _accept(websocket, subprotocol, request_id)
                await Conversation(websocket, session, self.agents.count_lateness).run()
        except DeepgramError:
            self.agents.tally.refused += 1
            raise

    async def listen(self, websocket: WebSocket) -> None:
        """Serve one live transcription."""
        request_id = self.account.new_request_id()
        try:
            subprotocol = self._admit(websocket, request_id)
            try:
                options = read_options(dict(websocket.query_params))
                options.raw_format()
            except UnfitOptions as unfit:
                raise BadRequest(str(unfit), request_id) from None
            with self.listeners.session(request_id, options, asyncio.get_running_loop().time()) as session:
                await _accept(websocket, subprotocol, request_id)
                await Conversation(websocket, session, self.listeners.count_lateness).run()
        except DeepgramError:
            self.listeners.tally.refused += 1
            raise

    def gauges(self) -> dict[str, Any]:
        """Give the numbers of both for `/__lab/metrics`."""
        return {"voice_agent": self.agents.gauges(), "listen": self.listeners.gauges()}

    def _admit(self, websocket: WebSocket, request_id: str) -> str | None:
        authorization = websocket.headers.get("authorization", "")
        return self.account.authenticate(authorization, websocket.scope["subprotocols"], request_id)


async def _accept(websocket: WebSocket, subprotocol: str | None, request_id: str) -> None:
    await websocket.accept(subprotocol, headers=[(b"dg-request-id", request_id.encode())])
