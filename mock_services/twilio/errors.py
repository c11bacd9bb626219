"""Twilio's REST errors: one class per error code, and the same body for what the chain itself refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.responses import Response

from mock_services.core.operations import Exchange, ServiceError, json_response, phrase


def body(code: int, message: str, status: int) -> dict[str, Any]:
    """Give Twilio's error body."""
    return {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


class TwilioError(ServiceError):
    """A refusal with Twilio's code."""

    status = 400
    code: ClassVar[int]

    def body(self) -> Any:
        """Give the body in Twilio's shape."""
        return body(self.code, str(self), self.status)


class NotAuthenticatedError(TwilioError):
    """The account SID or the auth token is wrong or missing."""

    status = 401
    code = 20003
    headers: Mapping[str, str] | None = {"WWW-Authenticate": 'Basic realm="Twilio API"'}

    def __init__(self) -> None:
        super().__init__("Authenticate")


class NotFoundError(TwilioError):
    """There is no such resource."""

    status = 404
    code = 20404

    def __init__(self, path: str) -> None:
        super().__init__(f"The requested resource {path} was not found")


class InvalidNumberError(TwilioError):
    """The number to be bought is missing or not in E.164 form."""

    code = 21421


class NumberNotAvailableError(TwilioError):
    """The number to be bought is taken already."""

    code = 21422


class InvalidUrlError(TwilioError):
    """A webhook URL is not an http or https URL."""

    code = 21502


class InvalidMethodError(TwilioError):
    """A webhook method is neither GET nor POST."""

    code = 21403


class TooManyNumbersError(TwilioError):
    """The account holds as many numbers as the double keeps."""

    code = 21404


class InvalidAreaCodeError(TwilioError):
    """Numbers are looked for in an area that cannot be one."""

    code = 21451


class NoRecipientError(TwilioError):
    """A message has no To."""

    code = 21604


class InvalidRecipientError(TwilioError):
    """A message's To is no phone number."""

    code = 21211


class NoSenderError(TwilioError):
    """A message has no From."""

    code = 21603


class InvalidSenderError(TwilioError):
    """A message's From is no phone number."""

    code = 21212


class ForeignSenderError(TwilioError):
    """A message's From is not a number of the account."""

    code = 21606


class OwnRecipientError(TwilioError):
    """A message goes to the number that it comes from."""

    code = 21266


class NoBodyError(TwilioError):
    """A message says nothing."""

    code = 21602


class BodyTooLongError(TwilioError):
    """A message says too much."""

    code = 21617


class InvalidStatusCallbackError(TwilioError):
    """A message's StatusCallback is not an http or https URL."""

    code = 21609


class UnroutableRecipientError(TwilioError):
    """There is no way to the number that a message is for."""

    code = 21612


class ForbiddenRegionError(TwilioError):
    """The account may not send messages to the recipient's country."""

    code = 21408


class UnsubscribedRecipientError(TwilioError):
    """The recipient does not want messages from the account."""

    code = 21610


class NotMobileError(TwilioError):
    """The recipient's telephone takes no messages."""

    code = 21614


class SenderQueueFullError(TwilioError):
    """Too many messages wait to be sent from the number."""

    code = 21611


class NoCalleeError(TwilioError):
    """A call has no To."""

    code = 21201


class NoCallerError(TwilioError):
    """A call has no From."""

    code = 21213


class InvalidCallUrlError(TwilioError):
    """A call has neither a Url nor Twiml, or a Url that cannot be fetched."""

    code = 21205


class InvalidSendDigitsError(TwilioError):
    """A call's SendDigits are no keys."""

    code = 21206


class InvalidTimeoutError(TwilioError):
    """A call's Timeout is not a number of seconds that a telephone may ring."""

    code = 21208


class InvalidCallMethodError(TwilioError):
    """A method of a call is neither GET nor POST."""

    code = 21209


class ForeignCallerError(TwilioError):
    """A call's From is not a number of the account."""

    code = 21210


class UnroutableCalleeError(TwilioError):
    """There is no way to the number that is called."""

    code = 21214


class ForbiddenCalleeError(TwilioError):
    """The account may not call the number's country."""

    code = 21215


class BlockedCalleeError(TwilioError):
    """The account may not call the number."""

    code = 21216


class InvalidCalleeError(TwilioError):
    """The number that is called does not exist."""

    code = 21217


class NoApplicationError(TwilioError):
    """A call names an application: the account has none."""

    code = 21218


class CallStateError(TwilioError):
    """A call or recording is not in a state for what is asked of it."""

    code = 21220


class NotOverError(TwilioError):
    """Something is to be deleted that still goes on."""

    status = 409
    code = 20009


class NotCancelableError(TwilioError):
    """A message has been sent already."""

    code = 30409


class TooManyCallsError(TwilioError):
    """As many calls are under way as the double carries."""

    status = 429
    code = 20429


class ErrorWords:
    """How the REST API words what the chain refuses (`core.service.ErrorRenderer`)."""

    def not_found(self, exchange: Exchange) -> Response:
        """20404."""
        return NotFoundError(exchange.request.url.path).response()

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """20004."""
        return json_response(body(20004, "Method not allowed", 405), 405, {"Allow": ", ".join(allowed)})

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """20001, naming the first parameter that does not fit."""
        first = errors[0]
        parameter = ".".join(str(part) for part in first["loc"][1:])
        return json_response(body(20001, f"Invalid parameter {parameter}: {first['msg']}", 400), 400)

    def unhandled(self, exchange: Exchange) -> Response:
        """20500."""
        return json_response(body(20500, "An internal server error has occurred", 500), 500)

    def failing(self, status: int) -> Response:
        """20429, 20500, 20503: the API's codes for HTTP's own statuses are 20000 more."""
        return json_response(body(20000 + status, phrase(status), status), status)
