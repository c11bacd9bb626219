"""Deepgram's own words for what it refuses before a session begins: one class an error, and the chain's answers."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from mock_services.core.operations import Exchange, ServiceError, json_response, phrase


class DeepgramError(ServiceError):
    """A refusal with a code, a message and the request's id."""

    code = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str, request_id: str) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.headers = {"dg-request-id": request_id, "dg-error": message}

    def body(self) -> Any:
        """Give the JSON body."""
        return {"err_code": self.code, "err_msg": str(self), "request_id": self.request_id}


class InvalidAuth(DeepgramError):
    """No key, or not the key that the stub accepts."""

    status = 401
    code = "INVALID_AUTH"

    def __init__(self, request_id: str) -> None:
        super().__init__("Invalid credentials.", request_id)


class BadRequest(DeepgramError):
    """A query or a body that cannot be served as it is."""

    status = 400
    code = "Bad Request"

    def __init__(self, message: str, request_id: str) -> None:
        super().__init__(f"Bad Request: {message}", request_id)


class RemoteContent(DeepgramError):
    """A file that is to be fetched from elsewhere: the lab fetches nothing."""

    status = 400
    code = "REMOTE_CONTENT_ERROR"

    def __init__(self, request_id: str) -> None:
        super().__init__("Could not determine if URL for media download is publicly routable.", request_id)


class FileTooLarge(DeepgramError):
    """A file longer than `DEEPGRAM_MAX_FILE_MIB`."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"

    def __init__(self, max_mib: int, request_id: str) -> None:
        super().__init__(f"The file exceeds {max_mib} MiB.", request_id)


class TooManyRequests(DeepgramError):
    """More at once than `DEEPGRAM_MAX_SESSIONS` conversations or `DEEPGRAM_MAX_STREAMS` transcriptions."""

    status = 429
    code = "TOO_MANY_REQUESTS"

    def __init__(self, request_id: str) -> None:
        super().__init__("Too many requests. Please try again later.", request_id)


class DeepgramErrors:
    """How Deepgram words what the handler chain refuses."""

    def not_found(self, exchange: Exchange) -> Response:
        """Answer an unknown path."""
        return json_response({"err_code": "NOT_FOUND", "err_msg": "Not Found"}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""
        body = {"err_code": "METHOD_NOT_ALLOWED", "err_msg": "Method Not Allowed"}
        return json_response(body, 405, {"allow": ", ".join(allowed)})

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit."""
        return json_response({"err_code": "Bad Request", "err_msg": errors[0]["msg"]}, 400)

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        return json_response({"err_code": "INTERNAL_SERVER_ERROR", "err_msg": "Internal server error."}, 500)

    def failing(self, status: int) -> Response:
        """Answer a limit or a fault."""
        if status == 429:
            return TooManyRequests("").response()
        code = phrase(status).upper().replace(" ", "_")
        return json_response({"err_code": code, "err_msg": f"{phrase(status)}."}, status)
