"""The notifications socket, `/api/ws/notifications`: nothing is ever pushed, and every text is answered alike."""

from __future__ import annotations

from typing import Final

from starlette.websockets import WebSocket

from mock_services.backend.accounts.access import Access
from mock_services.backend.errors import AuthenticationRequired
from mock_services.backend.sockets import BAD_TOKEN, HandshakeRefused
from mock_services.backend.store import now
from mock_services.core.operations import json_text

PATH: Final = "/api/ws/notifications"


class Notifications:
    """Serves the notifications socket."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.open = 0

    async def __call__(self, websocket: WebSocket) -> None:
        """Serve one socket."""
        token = websocket.query_params.get("token")
        if not token:
            raise HandshakeRefused("no token in the query")
        await websocket.accept()
        try:
            self._access.bearer(token)
        except AuthenticationRequired:
            await websocket.close(BAD_TOKEN)
            return
        self.open += 1
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                if message.get("text") is not None:
                    update = {"type": "notification_update", "count": 0, "timestamp": now()}
                    await websocket.send_text(json_text(update))
        finally:
            self.open -= 1
