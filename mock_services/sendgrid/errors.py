"""SendGrid's own words for what it refuses: one class an error, and the chain's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from mock_services.core.operations import Exchange, ServiceError, json_response, phrase
from mock_services.sendgrid.protocol import Fault


class SendGridError(ServiceError):
    """A refusal with SendGrid's list of errors."""

    status = 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    def body(self) -> Any:
        """Give the JSON body."""
        return {"errors": [{"message": str(self), "field": self.field, "help": None}]}


class Unauthorized(SendGridError):
    """No key, or not the key that the stub accepts."""

    status = 401

    def __init__(self) -> None:
        super().__init__("The provided authorization grant is invalid, expired, or revoked")


class BadRequest(SendGridError):
    """A body that is no JSON."""


class UnsupportedMediaType(SendGridError):
    """A body that does not say that it is JSON."""

    status = 415

    def __init__(self) -> None:
        super().__init__("Content-Type should be application/json.")


class PayloadTooLarge(SendGridError):
    """A body larger than `SENDGRID_MAX_BODY_MIB`."""

    status = 413

    def __init__(self, max_mib: int) -> None:
        super().__init__(f"The request is larger than the limit of {max_mib} MB")


class TooManyRequests(SendGridError):
    """More requests a second than `SENDGRID_REQUESTS_PER_SECOND`."""

    status = 429

    def __init__(self, limit: int, reset: int) -> None:
        super().__init__("too many requests")
        self.headers = {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(reset),
            "retry-after": "1",
        }


class InvalidMail(SendGridError):
    """A mail that cannot be sent as it is; every fault is named."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults)[:500])
        self.faults = tuple(faults)

    def body(self) -> Any:
        """Give the JSON body."""
        return {"errors": [fault._asdict() for fault in self.faults]}


class SendGridErrors:
    """How SendGrid words what the handler chain refuses."""

    def not_found(self, exchange: Exchange) -> Response:
        """Answer an unknown path."""
        return json_response({"errors": [{"message": "not found", "field": None, "help": None}]}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""
        body = {"errors": [{"message": "method not allowed", "field": None, "help": None}]}
        return json_response(body, 405, {"allow": ", ".join(allowed)})

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit; the stub's operations find that out themselves."""
        return SendGridError(str(errors[0]["msg"])).response()

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        message = "an unknown error occurred; the stub's log says what"
        return json_response({"errors": [{"message": message, "field": None, "help": None}]}, 500)

    def failing(self, status: int) -> Response:
        """Answer a limit or a fault."""
        error = SendGridError("too many requests" if status == 429 else phrase(status).lower())
        error.status = status
        return error.response()
