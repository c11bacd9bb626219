"""ElevenLabs' own words for what it refuses: one class an error, and the chain's answers."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from mock_services.core.operations import Exchange, ServiceError, json_response, phrase

MOST_QUOTED = 10_000  # bytes of a value that a refusal quotes


class ElevenLabsError(ServiceError):
    """A refusal with a status word and a message; over a socket it is a message of its own."""

    status = 400
    word = "bad_request"

    def __init__(self, message: str) -> None:
        super().__init__(message.encode("utf-8", "replace").decode())

    def body(self) -> Any:
        """Give the JSON body."""
        return {"detail": {"status": self.word, "message": str(self)}}


class NeedsAuthorization(ElevenLabsError):
    """No key was sent."""

    status = 401
    word = "needs_authorization"

    def __init__(self) -> None:
        super().__init__("Neither authorization header nor xi-api-key received, please provide one.")


class InvalidApiKey(ElevenLabsError):
    """Not the key that the stub accepts."""

    status = 401
    word = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("Invalid API key")


class QuotaExceeded(ElevenLabsError):
    """More characters than are left."""

    status = 401
    word = "quota_exceeded"

    def __init__(self, limit: int, left: int, cost: int) -> None:
        super().__init__(
            f"This request exceeds your quota of {limit}. You have {left} credits remaining, while {cost} credits are "
            "required for this request."
        )


class VoiceNotFound(ElevenLabsError):
    """A voice that does not exist: 404, but 400 where the voice itself is asked for."""

    status = 404
    word = "voice_not_found"

    def __init__(self, voice_id: str, status: int = 404) -> None:
        super().__init__(f"A voice with the voice_id {voice_id[:100]} was not found.")
        self.status = status


class ModelNotFound(ElevenLabsError):
    """A model that does not exist or cannot speak."""

    word = "model_not_found"

    def __init__(self, model_id: str) -> None:
        super().__init__(f"A model with model ID {model_id[:100]} does not exist or cannot be used for text to speech.")


class TextEmpty(ElevenLabsError):
    """Nothing to say."""

    word = "input_text_empty"

    def __init__(self) -> None:
        super().__init__("Input text is empty.")


class TextTooLong(ElevenLabsError):
    """More characters than the model takes at once."""

    word = "max_character_limit_exceeded"

    def __init__(self, characters: int, limit: int) -> None:
        super().__init__(
            f"This request has {characters} characters, which exceeds the maximum of {limit} characters for a single "
            "request with this model. Please split the text into smaller pieces."
        )


class InvalidVoiceSettings(ElevenLabsError):
    """A setting of the voice outside its bounds."""

    word = "invalid_voice_settings"

    def __init__(self, name: str, low: float, high: float, value: float) -> None:
        super().__init__(
            f"Invalid setting for {name} received, expected to be greater or equal to {low} and less or equal to "
            f"{high}, received {value}"
        )


class FormatNotHere(ElevenLabsError):
    """A format of ElevenLabs' that the stub does not make."""

    word = "output_format_not_allowed"

    def __init__(self, name: str) -> None:
        super().__init__(f"The lab's ElevenLabs stub does not make {name}; it makes mp3, pcm, wav, ulaw and alaw.")


class TooManyConcurrentRequests(ElevenLabsError):
    """More requests at once than the subscription allows."""

    status = 429
    word = "too_many_concurrent_requests"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Too many concurrent requests. Your current subscription is associated with a maximum of {limit} "
            "concurrent requests (running in parallel)."
        )


class SystemBusy(ElevenLabsError):
    """More requests than the vendor takes now, whoever sends them."""

    status = 429
    word = "system_busy"

    def __init__(self) -> None:
        super().__init__(
            "Our services are experiencing high levels of traffic and your request could not be processed. Please try "
            "again later."
        )


class BodyTooLarge(ElevenLabsError):
    """A body over the limit."""

    status = 413
    word = "request_too_large"

    def __init__(self, limit_mib: int) -> None:
        super().__init__(f"The request body is larger than {limit_mib} MiB.")


class InvalidInputMessage(ElevenLabsError):
    """A message over a socket that is not of the protocol."""

    word = "invalid_input_message"

    def __init__(self) -> None:
        super().__init__(
            "Could not parse input message, make sure it is a json and follows the schema outlined in protocol."
        )


class InvalidParameters(ElevenLabsError):
    """A socket's URL with a query that cannot be."""

    word = "invalid_parameters"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")


class InputTimeoutExceeded(ElevenLabsError):
    """No message came over a socket for too long."""

    word = "input_timeout_exceeded"

    def __init__(self, timeout_s: float) -> None:
        super().__init__(
            f"Have not received a new text input within the timeout of {timeout_s:g} seconds. Streaming input "
            'terminated. Please make sure to send either new text or the end of input (an empty string "") in time.'
        )


class ElevenLabsErrors:
    """How ElevenLabs words what the handler chain refuses: as FastAPI does, which it is built on."""

    def not_found(self, exchange: Exchange) -> Response:
        """Answer an unknown path."""
        return json_response({"detail": "Not Found"}, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""
        return json_response({"detail": "Method Not Allowed"}, 405, {"allow": ", ".join(allowed)})

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit: each misfit with its place, its reason and what was given."""
        detail = [_misfit(error) for error in errors]
        exchange.note = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in detail)[:1000]
        return json_response({"detail": detail}, 422)

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer a crash."""
        return Response("Internal Server Error", 500, media_type="text/plain")

    def failing(self, status: int) -> Response:
        """Answer a limit or a fault: a busy system for 429, plain words where the vendor's servers failed."""
        if status == 429:
            return SystemBusy().response()
        return Response(phrase(status), status, media_type="text/plain")


def _misfit(error: dict[str, Any]) -> dict[str, Any]:
    misfit = {"type": error["type"], "loc": list(error["loc"]), "msg": error["msg"], "input": error.get("input")}
    if "ctx" in error:
        misfit["ctx"] = {name: str(value) for name, value in error["ctx"].items()}
    try:
        quoted = len(orjson.dumps(misfit))
    except TypeError:  # halves of surrogate pairs, or values nested hundreds of levels deep: they cannot be quoted
        quoted = MOST_QUOTED + 1
    return misfit if quoted <= MOST_QUOTED else {**misfit, "input": None}
