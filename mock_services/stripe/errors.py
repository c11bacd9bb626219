"""Stripe's refusals: one class an error, with Stripe's status, type, code and wording."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from mock_services.core.operations import Exchange, ServiceError, json_response, phrase

HELP = "Please see https://stripe.com/docs or we can help at https://support.stripe.com/."


class StripeError(ServiceError):
    """A refusal with Stripe's `error` object. `param` is the parameter at fault, in bracket notation."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code or self.code

    def details(self) -> dict[str, Any]:
        """Give what stands in `error` beside code, message, param and type."""
        return {}

    def body(self) -> Any:
        """Give the JSON body."""
        error: dict[str, Any] = {}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        error["message"] = str(self)
        if self.param:
            error["param"] = self.param
        return {"error": {**error, **self.details(), "type": self.type}}


class InvalidRequestError(StripeError):
    """A request that cannot be carried out as it is."""


class AuthenticationError(StripeError):
    """No key, or a key that the stub does not accept."""

    status = 401

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.headers = {"www-authenticate": 'Basic realm="Stripe"'}

    @classmethod
    def missing(cls) -> AuthenticationError:
        """Say that a request came without a key."""
        return cls(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer "
            "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for "
            "details, or we can help at https://support.stripe.com/."
        )

    @classmethod
    def invalid(cls, key: str) -> AuthenticationError:
        """Say that a key is not the account's, showing no more of it than its ends."""
        shown = f"{key[:8]}{'*' * max(len(key) - 12, 0)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
        return cls(f"Invalid API Key provided: {shown[:120]}")


class ResourceMissing(StripeError):
    """An id that names nothing: 404 where it stands in the path, 400 where it stands in a parameter."""

    code = "resource_missing"

    def __init__(self, noun: str, object_id: str, param: str, status: int = 404) -> None:
        super().__init__(f"No such {noun}: '{object_id[:200]}'", param)
        self.status = status


class CardError(StripeError):
    """A payment that the card's bank declined."""

    status = 402
    type = "card_error"

    def __init__(self, message: str, code: str, decline_code: str | None) -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code

    def details(self) -> dict[str, Any]:
        """Give the bank's reason."""
        return {"decline_code": self.decline_code} if self.decline_code else {}


class IdempotencyError(StripeError):
    """An idempotency key that was used for a different request."""

    type = "idempotency_error"


class IdempotencyKeyInUse(StripeError):
    """An idempotency key whose first request is still being carried out."""

    status = 409
    type = "idempotency_error"
    code = "idempotency_key_in_use"

    def __init__(self, key: str) -> None:
        super().__init__(
            "There is currently another in-progress request using this Idempotent Key (that probably means you "
            "submitted "
            f"twice, and the other request is still going through): {key}. Please try again later."
        )


class NotServed(StripeError):
    """Something that Stripe has and this stub does not: refused aloud, since ignoring it would give wrong amounts."""

    def __init__(self, what: str, param: str | None = None) -> None:
        super().__init__(f"The lab's Stripe stub does not serve {what}; docs/stripe.md lists what it serves.", param)


class RateLimited(StripeError):
    """More requests a second than `STRIPE_REQUESTS_PER_SECOND`."""

    status = 429
    code = "rate_limit"

    def __init__(self) -> None:
        super().__init__(
            "Request rate limit exceeded. You can learn more about rate limits here "
            "https://stripe.com/docs/rate-limits."
        )
        self.headers = {"stripe-rate-limited-reason": "global-rate"}


class AccountFull(StripeError):
    """The stub holds as many objects as `STRIPE_MAX_OBJECTS` allows."""

    status = 500
    type = "api_error"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The lab's Stripe stub holds {limit} objects, which is its limit: POST /__lab/reset, or raise "
            "STRIPE_MAX_OBJECTS."
        )


class PayloadTooLarge(StripeError):
    """A body larger than `STRIPE_MAX_BODY_BYTES`."""

    status = 413


def unknown_url(method: str, path: str) -> StripeError:
    """Say that there is no such method and path; a trailing slash gets the hint that Stripe gives."""
    hint = ""
    if path.endswith("/"):
        hint = (
            "If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, "
            "make "
            "sure you passed a valid (non-empty) identifier in your code. "
        )
    error = InvalidRequestError(f"Unrecognized request URL ({method}: {path[:500]}). {hint}{HELP}")
    error.status = 404
    return error


def misfit(error: ValidationError) -> StripeError:
    """Word what pydantic found wrong with a request's parameters as Stripe does: the first fault only."""
    faults = error.errors(include_url=False)
    unknown = [bracketed(fault["loc"]) for fault in faults if fault["type"] == "extra_forbidden"]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        return InvalidRequestError(
            f"Received unknown parameter{plural}: {', '.join(unknown)}"[:2_000], unknown[0], "parameter_unknown"
        )
    fault = faults[0]
    kind, param = fault["type"], bracketed(fault["loc"])
    code = kind if kind.startswith("parameter_") or kind.endswith("_invalid") else None
    message = fault["msg"]
    if kind == "not_served":
        param = bracketed((*fault["loc"], message))
        return NotServed(f"the parameter {param}", param)
    if kind == "missing":
        code, message = "parameter_missing", f"Missing required param: {param}."
    elif kind == "parameter_invalid_empty":
        message = (
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty "
            "value."
        )
    elif kind == "literal_error":
        message = f"Invalid {param}: must be one of {_choices(fault['ctx']['expected'])}"
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        message = "Invalid object"
    return InvalidRequestError(message, param, code)


def bracketed(place: tuple[int | str, ...]) -> str:
    """Write a place as clients do: `("items", 0, "price")` is `items[0][price]`."""
    head, *rest = place or ("",)
    return f"{head}{''.join(f'[{part}]' for part in rest)}"


def _choices(expected: str) -> str:
    """Turn pydantic's `'a', 'b' or 'c'` into Stripe's `a, b, or c`."""
    names = re.findall(r"'([^']*)'", expected)
    if len(names) < 3:
        return " or ".join(names)
    return f"{', '.join(names[:-1])}, or {names[-1]}"


class StripeErrors:
    """How Stripe words what the handler chain refuses."""

    def not_found(self, exchange: Exchange) -> Response:
        """Answer an unknown path."""
        scope = exchange.request.scope
        return unknown_url(scope["method"], scope["path"]).response()

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have: to Stripe that is an unknown URL too."""
        return self.not_found(exchange)

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit; the stub's operations find that out themselves."""
        return InvalidRequestError(str(errors[0]["msg"])).response()

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        message = "An unknown error occurred; the stub's log says what."
        return json_response({"error": {"message": message, "type": "api_error"}}, 500)

    def failing(self, status: int) -> Response:
        """Answer a limit or a fault."""
        if status == 429:
            return RateLimited().response()
        error = StripeError(f"{phrase(status)}.")
        error.status = status
        error.type = "api_error" if status >= 500 else error.type
        return error.response()
