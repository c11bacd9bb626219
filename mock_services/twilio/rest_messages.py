"""Twilio's REST API for text messages, with the magic numbers that Twilio documents for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from starlette.responses import Response

from mock_services.core.operations import Authenticate, Exchange, Operation, json_response
from mock_services.twilio import errors
from mock_services.twilio.carrier import Carrier
from mock_services.twilio.filters import Moment, admits
from mock_services.twilio.http import is_web_url
from mock_services.twilio.messages import Message, MessageLog
from mock_services.twilio.models import E164, Account
from mock_services.twilio.paging import Paging, page
from mock_services.twilio.rest import ACCOUNT

MAX_BODY = 1600

# https://www.twilio.com/docs/iam/test-credentials#test-sms-messages
MAGIC_RECIPIENTS = {
    "+15005550001": (errors.InvalidRecipientError, "The 'To' number {} is not a valid phone number"),
    "+15005550002": (errors.UnroutableRecipientError, "'To' number {} cannot be reached from this 'From' number"),
    "+15005550003": (
        errors.ForbiddenRegionError,
        "Permission to send an SMS has not been enabled for the region of {}",
    ),
    "+15005550004": (errors.UnsubscribedRecipientError, "Attempt to send to unsubscribed recipient {}"),
    "+15005550009": (errors.NotMobileError, "'To' number {} is not a mobile number"),
}
MAGIC_SENDERS = {
    "+15005550001": (errors.InvalidSenderError, "The 'From' number {} is not a valid phone number"),
    "+15005550008": (errors.SenderQueueFullError, "The queue of messages from {} is full"),
}


class MessageForm(BaseModel):
    """What a message is sent with."""

    model_config = ConfigDict(alias_generator=to_pascal)

    to: str = ""
    from_: str = Field(default="", alias="From")
    body: str = ""
    status_callback: str = Field(default="", max_length=2048)


class MessageChange(BaseModel):
    """What a message is changed with: an empty body redacts it."""

    model_config = ConfigDict(alias_generator=to_pascal)

    body: Literal[""] | None = None
    status: Literal["canceled"] | None = None


class MessageQuery(Paging):
    """Filters of the list of messages."""

    to: str = ""
    from_: str = Field(default="", alias="From")
    date_sent: Moment = None
    date_sent_until: Moment = Field(default=None, alias="DateSent<")
    date_sent_since: Moment = Field(default=None, alias="DateSent>")

    def admits(self, message: Message) -> bool:
        """Whether `message` is in the list; who it went to is known."""
        return self.from_ in {"", message.sender} and admits(
            message.date_sent, self.date_sent, self.date_sent_until, self.date_sent_since
        )


class RestMessages:
    """The operations on the account's messages. `sender` is a number that it may always send from."""

    def __init__(
        self, account: Account, authenticate: Authenticate, messages: MessageLog, carrier: Carrier, sender: str
    ) -> None:
        self._account = account
        self._authenticate = authenticate
        self._messages = messages
        self._carrier = carrier
        self._sender = sender

    def operations(self) -> Iterable[Operation]:
        """Give the operations, for `core.Service`."""
        messages = f"{ACCOUNT}/Messages"
        send: dict[str, Any] = {"body": MessageForm, "form": True}
        change: dict[str, Any] = {"body": MessageChange, "form": True}
        for method, path, handler, summary, options in (
            ("POST", f"{messages}.json", self._send, "Send a message", send),
            ("GET", f"{messages}.json", self._list, "List messages", {"query": MessageQuery}),
            ("GET", f"{messages}/{{sid}}.json", self._fetch, "Read a message", {}),
            ("POST", f"{messages}/{{sid}}.json", self._change, "Redact or cancel a message", change),
            ("DELETE", f"{messages}/{{sid}}.json", self._delete, "Delete a message", {}),
        ):
            yield Operation(
                method=method, path=path, handler=handler, summary=summary, authenticate=self._authenticate, **options
            )

    async def _send(self, exchange: Exchange) -> Response:
        form: MessageForm = exchange.body
        self._check_recipient(form.to)
        self._check_sender(form.from_)
        if form.from_ == form.to:
            raise errors.OwnRecipientError(f"'To' and 'From' number cannot be the same: {form.to}")
        if not form.body:
            raise errors.NoBodyError("Message body is required.")
        if len(form.body) > MAX_BODY:
            raise errors.BodyTooLongError(f"The concatenated message body exceeds the {MAX_BODY} character limit")
        if form.status_callback and not is_web_url(form.status_callback):
            raise errors.InvalidStatusCallbackError(
                f"The 'StatusCallback' URL {form.status_callback} is not a valid URL"
            )
        run_id = exchange.run_id
        message = Message(form.from_, form.to, form.body, form.status_callback, run_id)
        answer = json_response(message.resource(self._account.sid), 201)
        self._messages.add(message)
        self._carrier.carry(message)
        return answer

    async def _list(self, exchange: Exchange) -> Response:
        query: MessageQuery = exchange.query
        wanted = (message for message in self._messages.newest(query.to) if query.admits(message))
        return page(exchange, self._account.sid, "messages", wanted)

    async def _fetch(self, exchange: Exchange) -> Response:
        return json_response(self._message(exchange).resource(self._account.sid))

    async def _change(self, exchange: Exchange) -> Response:
        form: MessageChange = exchange.body
        message = self._message(exchange)
        if form.status is not None:
            if message.status != "queued":
                raise errors.NotCancelableError(f"The message cannot be canceled. It is {message.status}.")
            message.cancel()
        if form.body is not None:
            message.redact()
        return json_response(message.resource(self._account.sid))

    async def _delete(self, exchange: Exchange) -> Response:
        message = self._message(exchange)
        if not message.is_over:
            raise errors.NotOverError("Cannot delete this resource before it is complete")
        self._messages.remove(message)
        return Response(status_code=204)

    def _message(self, exchange: Exchange) -> Message:
        message = self._messages.by_sid.get(exchange.path["sid"])
        if message is None:
            raise errors.NotFoundError(exchange.request.url.path)
        return message

    def _check_recipient(self, number: str) -> None:
        if not number:
            raise errors.NoRecipientError("A 'To' phone number is required.")
        if not E164.fullmatch(number):
            raise errors.InvalidRecipientError(f"The 'To' number {number} is not a valid phone number")
        if number in MAGIC_RECIPIENTS:
            refusal, sentence = MAGIC_RECIPIENTS[number]
            raise refusal(sentence.format(number))

    def _check_sender(self, number: str) -> None:
        if not number:
            raise errors.NoSenderError("A 'From' phone number is required.")
        if not E164.fullmatch(number):
            raise errors.InvalidSenderError(f"The 'From' number {number} is not a valid phone number")
        if number in MAGIC_SENDERS:
            refusal, sentence = MAGIC_SENDERS[number]
            raise refusal(sentence.format(number))
        if number != self._sender and self._account.number(number) is None:
            raise errors.ForeignSenderError(
                f"The From phone number {number} is not a valid, SMS-capable inbound phone number for your account"
            )
