"""How the sentinel words what its HTTP side refuses: it has no paths but the lab's own."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from mock_services.core.operations import Exchange, json_response


class SentinelErrors:
    """Answers every path outside of `/__lab/`."""

    def not_found(self, exchange: Exchange) -> Response:
        """Say where the counts are."""
        return json_response({"detail": "the sentinel serves DNS; its counts are at /__lab/metrics"}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""
        return json_response({"detail": "method not allowed", "allowed": allowed}, 405)

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit."""
        return json_response({"detail": errors}, 400)

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        return json_response({"detail": "the sentinel failed; its log says why"}, 500)

    def failing(self, status: int) -> Response:
        """Answer with a status: no request comes so far."""
        return json_response({"detail": "the sentinel fails as it was told to"}, status)
