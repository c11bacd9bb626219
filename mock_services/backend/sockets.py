"""What the platform's sockets have in common: how they refuse, and the numbers that they close with."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from mock_services.core.operations import ServiceError

NORMAL: Final = 1000
BAD_TOKEN: Final = 4001
NOT_ALLOWED: Final = 4003


class HandshakeRefused(ServiceError):
    """The handshake is refused with HTTP 403 and no body: the platform closed before it accepted."""

    status = 403

    def response(self) -> Response:
        """Render the refusal."""
        return Response(status_code=self.status)
