"""The Deepgram stub as an application: `WS /v1/agent/converse`, at the paths that the vendor has."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket

from mock_services.core.conversation import Conversation
from mock_services.core.service import Service
from mock_services.deepgram.errors import DeepgramErrors
from mock_services.deepgram.models import VoiceAgents
from mock_services.deepgram.settings import DeepgramSettings


def build(settings: DeepgramSettings | None = None) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    agents = VoiceAgents(settings or DeepgramSettings())

    def count_lateness(ms: float) -> None:
        agents.tally.lateness_ms.add(ms)  # looked up each time: a reset begins a new distribution

    async def converse(websocket: WebSocket) -> None:
        request_id = agents.new_request_id()
        now = asyncio.get_running_loop().time()
        authorization = websocket.headers.get("authorization", "")
        subprotocol = agents.authenticate(authorization, websocket.scope["subprotocols"], request_id)
        with agents.session(request_id, now) as session:
            await websocket.accept(subprotocol, headers=[(b"dg-request-id", request_id.encode())])
            await Conversation(websocket, session, count_lateness).run()

    return Service(
        "deepgram",
        (),
        DeepgramErrors(),
        sockets=[("/v1/agent/converse", converse)],
        reset=[agents.reset],
        gauges=agents.gauges,
    )
