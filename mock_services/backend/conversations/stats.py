"""How many sockets are open: `/api/ws/stats` for anybody, `/api/websocket/stats` for whoever has a token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from pydantic import BaseModel
from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.conversations.rooms import Rooms
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, Operation, json_response


class SocketStats(BaseModel):
    """What is open: sockets on conversations, the conversations and the users, and other sockets by kind."""

    total_connections: int
    active_conversations: int
    active_users: int
    other_sockets: dict[str, int]
    timestamp: datetime


class SocketPages:
    """The endpoints about sockets. `others` counts those that are on no conversation."""

    def __init__(self, rooms: Rooms, access: Access, others: Callable[[], dict[str, int]]) -> None:
        self._rooms = rooms
        self._access = access
        self._others = others

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("sockets", "/api")
        token = area.by(self._access.token)
        return (
            area("GET", "/ws/stats", self.stats, gives=SocketStats),
            token("GET", "/websocket/stats", self.stats, gives=SocketStats),
        )

    async def stats(self, exchange: Exchange) -> Response:
        """Count the sockets that are open."""
        totals = self._rooms.totals()
        return json_response(
            {
                "total_connections": totals["connections"],
                "active_conversations": totals["conversations"],
                "active_users": totals["users"],
                "other_sockets": self._others(),
                "timestamp": now(),
            }
        )
