"""OpenAI's own words for what it refuses: one class an error, and the chain's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from starlette.responses import Response

from mock_services.core.operations import Exchange, ServiceError, phrase

SEE_LIMITS = "https://platform.openai.com/account/rate-limits"
SEE_ERRORS = "https://platform.openai.com/docs/guides/error-codes/api-errors"
SEE_KEYS = "https://platform.openai.com/account/api-keys"


class OpenAIError(ServiceError):
    """A refusal with a message, a type, and mostly the parameter at fault and a code."""

    status = 400
    type: ClassVar[str] = "invalid_request_error"
    code: str | None = None
    param: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(encodable(message))

    def error(self) -> dict[str, str | None]:
        """Give what the body holds under `error`; in a stream it is an event of its own."""
        return {"message": str(self), "type": self.type, "param": self.param, "code": self.code}

    def body(self) -> dict[str, Any]:
        """Give the JSON body."""
        return {"error": self.error()}


class MissingKey(OpenAIError):
    """No key was sent."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            "auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're "
            "accessing the API from your browser and are prompted for a username and password. You can obtain an API "
            f"key from {SEE_KEYS}."
        )


class WrongKey(OpenAIError):
    """Not the key that the stub accepts; the message shows its ends."""

    status = 401
    code = "invalid_api_key"

    def __init__(self, key: str) -> None:
        shown = f"{key[:8]}{'*' * min(len(key) - 12, 40)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
        super().__init__(f"Incorrect API key provided: {shown}. You can find your API key at {SEE_KEYS}.")


class UnknownUrl(OpenAIError):
    """A path that the API does not have."""

    status = 404

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"Invalid URL ({method} {path})")


class MethodNotAllowed(OpenAIError):
    """A method that the path does not have."""

    status = 405
    code = "method_not_supported"

    def __init__(self, method: str, path: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"Not allowed to {method} on {path} (HINT: Perhaps you meant to make a {' or '.join(allowed)} request?)"
        )
        self.headers = {"allow": ", ".join(allowed)}


class BodyTooLarge(OpenAIError):
    """A body over the limit."""

    status = 413

    def __init__(self, limit_mib: int) -> None:
        super().__init__(f"Request body too large: the maximum is {limit_mib} MiB.")


class InvalidParameter(OpenAIError):
    """A body, or a value in it, that cannot be."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = None if param is None else encodable(param)
        self.code = code


class ModelNotFound(OpenAIError):
    """A model that does not exist."""

    status = 404
    code = "model_not_found"
    param = "model"

    def __init__(self, model: str) -> None:
        super().__init__(f"The model `{model}` does not exist or you do not have access to it.")


class NotAChatModel(OpenAIError):
    """A model that cannot chat."""

    status = 404
    param = "model"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"This is not a chat model and thus not supported in the {path} endpoint. "
            "Did you mean to use v1/completions?"
        )


class NoEmbeddings(OpenAIError):
    """A model that makes no embeddings."""

    status = 403

    def __init__(self) -> None:
        super().__init__("You are not allowed to generate embeddings from this model")


class ContextTooLong(OpenAIError):
    """More tokens than the model's window holds."""

    code = "context_length_exceeded"

    def __init__(self, limit: int, tokens: int, param: str) -> None:
        super().__init__(
            f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} "
            "tokens. Please reduce the length of the messages."
        )
        self.param = param


class PreviousResponseNotFound(OpenAIError):
    """`previous_response_id` names none that is kept."""

    code = "previous_response_not_found"
    param = "previous_response_id"

    def __init__(self, response_id: str) -> None:
        super().__init__(f"Previous response with id '{response_id}' not found.")


class ResponseNotFound(OpenAIError):
    """The path names a response that is not kept."""

    status = 404

    def __init__(self, response_id: str) -> None:
        super().__init__(f"Response with id '{response_id}' not found.")


class RateLimited(OpenAIError):
    """More requests or tokens a minute than the limit; `kind` is `requests` or `tokens`, `wait_s` until it is free."""

    status = 429
    code = "rate_limit_exceeded"

    def __init__(
        self, kind: str, limit: int, requested: int, used: int, model: str, wait_s: float, headers: Mapping[str, str]
    ) -> None:
        unit = {"requests": "RPM", "tokens": "TPM"}[kind]
        ms = min(round(wait_s * 1000) + 1, 60_000) if wait_s < float("inf") else 60_000
        super().__init__(
            f"Rate limit reached for {model} in organization org-lab on {kind} per min ({unit}): Limit {limit}, "
            f"Used {used}, Requested {requested}. Please try again in {ms}ms. Visit {SEE_LIMITS} to learn more."
        )
        self.kind = kind
        self.headers = {**headers, "retry-after": str(-(-ms // 1000)), "retry-after-ms": str(ms)}

    def error(self) -> dict[str, str | None]:
        """Give the error; its type is the kind of limit."""
        return {**super().error(), "type": self.kind}


class QuotaExceeded(OpenAIError):
    """The account's credit is used up."""

    status = 429
    type = "insufficient_quota"
    code = "insufficient_quota"

    def __init__(self) -> None:
        super().__init__(
            "You exceeded your current quota, please check your plan and billing details. For more information on "
            f"this error, read the docs: {SEE_ERRORS}."
        )


class ServerFailed(OpenAIError):
    """A failure on OpenAI's side."""

    status = 500
    type = "server_error"
    code = "server_error"

    def __init__(self) -> None:
        super().__init__(
            "The server had an error while processing your request. Sorry about that! You can retry your request, "
            "or contact us through our help center at help.openai.com if the error persists."
        )


class Overloaded(OpenAIError):
    """More requests at once than the stub takes."""

    status = 503
    type = "server_error"
    code = "server_overloaded"

    def __init__(self) -> None:
        super().__init__("The engine is currently overloaded, please try again later")


class Failing(OpenAIError):
    """A status that a limit or a fault of the lab's gives."""

    def __init__(self, status: int) -> None:
        super().__init__("Rate limit reached for requests" if status == 429 else phrase(status))
        self.status = status
        self.code = "rate_limit_exceeded" if status == 429 else None

    def error(self) -> dict[str, str | None]:
        """Give the error; its type goes with the status."""
        kind = "requests" if self.status == 429 else "server_error" if self.status >= 500 else self.type
        return {**super().error(), "type": kind}


class CountryNotSupported(OpenAIError):
    """The request comes from where the API is not offered."""

    status = 403
    type = "request_forbidden"
    code = "unsupported_country_region_territory"

    def __init__(self) -> None:
        super().__init__("Country, region, or territory not supported")


class Unprocessable(OpenAIError):
    """A request that is well formed and still cannot be followed."""

    status = 422

    def __init__(self) -> None:
        super().__init__("The request was well-formed but could not be processed.")


SCRIPTED: Mapping[str, Callable[[], OpenAIError]] = {
    "insufficient_quota": QuotaExceeded,
    "server_error": ServerFailed,
    "overloaded": Overloaded,
    "forbidden": CountryNotSupported,
    "unprocessable": Unprocessable,
}
"""The errors that a rule of the script may answer with, by the name that the rule gives."""


def encodable(text: str) -> str:
    """Replace halves of surrogate pairs: a request may hold them, an answer that quotes it cannot."""
    return text.encode("utf-8", "replace").decode()


class OpenAIErrors:
    """How OpenAI words what the handler chain refuses."""

    def not_found(self, exchange: Exchange) -> Response:
        """Answer an unknown path."""
        request = exchange.request
        return UnknownUrl(request.method, request.scope["path"]).response()

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""
        request = exchange.request
        return MethodNotAllowed(request.method, request.scope["path"], allowed).response()

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a body that is no JSON object; what an object holds is judged where it is read."""
        exchange.note = str(errors[0]["msg"])
        if errors[0]["type"] == "dict_type":
            return InvalidParameter("Invalid body: expected a JSON object.").response()
        return InvalidParameter(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you "
            "have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)"
        ).response()

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        return ServerFailed().response()

    def failing(self, status: int) -> Response:
        """Answer a limit or a fault."""
        if status == 500:
            return ServerFailed().response()
        if status == 503:
            return Overloaded().response()
        return Failing(status).response()
