"""How the platform words its refusals: global handlers rewrite them, so that the reason never reaches the client.

The reason that an exception is raised with goes into the double's journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import RedirectResponse, Response

from mock_services.backend.guards import RETRY_AFTER_S
from mock_services.core.operations import Exchange, Operation, ServiceError, json_response, phrase
from mock_services.core.router import Router

MAX_FIELD_ERRORS = 10
ENDPOINTS = {"authentication": "/api/auth", "conversations": "/api/conversations", "documentation": "/docs"}


class PlatformError(ServiceError):
    """A refusal by a handler of the platform; `detail` is all that a client learns."""

    detail = "Internal server error"

    def body(self) -> dict[str, Any]:
        """Give the body that the platform's global handler writes for this status."""
        return {"detail": self.detail, "status_code": self.status}


class BadRequest(PlatformError):
    """400: the request cannot be carried out as things stand; duplicates are 400 too."""

    status = 400
    detail = "Bad request - please check your input"


class AuthenticationRequired(PlatformError):
    """401: a bearer token, a refresh token or a login that is not good."""

    status = 401
    detail = "Authentication required"


class AccessDenied(PlatformError):
    """403: no bearer token at all, or a role that is too low."""

    status = 403
    detail = "Access denied - insufficient permissions"


class ResourceNotFound(PlatformError):
    """404 under `/api/`: an unknown object, or one of another tenant."""

    status = 404
    detail = "Resource not found"

    def body(self) -> dict[str, Any]:
        """Give the body that names the API's main entrances."""
        return {"detail": self.detail, "available_endpoints": ENDPOINTS}


class Unprocessable(PlatformError):
    """422 that a handler raises itself: it names no fields."""

    status = 422
    detail = "Invalid request data"


class StorageFull(PlatformError):
    """500, handled: what the store may hold is reached."""

    status = 500


class VendorFailed(PlatformError):
    """500, handled: a vendor that was needed did not do what it was asked."""

    status = 500


class PlatformErrors:
    """Words what the chain itself refuses. It knows the paths, because a wrong trailing slash is redirected."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._paths: Router[None] = Router()
        for path in {operation.path for operation in operations}:
            self._paths.add("", path, None)

    def not_found(self, exchange: Exchange) -> Response:
        """Answer 307 where the path differs only by its last slash from one that exists, else 404."""
        path: str = exchange.request.scope["path"]
        other = path[:-1] if path.endswith("/") else path + "/"
        if other and "" in self._paths.find("?", other)[2]:
            return RedirectResponse(str(exchange.request.url.replace(path=other)), 307)
        if path.startswith("/api/"):
            return ResourceNotFound().response()
        return json_response({"detail": "Resource not found"}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer 405."""
        return json_response({"detail": "Method Not Allowed"}, 405, {"allow": ", ".join(sorted(allowed))})

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer 422 with the first ten misfits."""
        fields = [_field_error(error) for error in errors[:MAX_FIELD_ERRORS]]
        exchange.note = "; ".join(f"{each['field']}: {each['message']}" for each in fields)
        return json_response({"detail": "Invalid request data", "errors": fields}, 422)

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer 500 for a defect of this double."""
        return json_response({"detail": "Internal server error", "type": "internal_error"}, 500)

    def failing(self, status: int) -> Response:
        """Answer a limit or a fault: the rate limit's own words for 429, the global handler's for the rest."""
        if status == 429:
            content = {"detail": "Rate limit exceeded", "retry_after": RETRY_AFTER_S}
            return json_response(content, status, {"retry-after": str(RETRY_AFTER_S)})
        return json_response({"detail": phrase(status), "status_code": status}, status)


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    message = "This field is required" if error["type"] == "missing" else error["msg"]
    return {"field": ".".join(str(part) for part in error["loc"]), "message": message}
