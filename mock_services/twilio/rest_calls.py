"""Twilio's REST API for calls: make, read, change and delete them; with the magic numbers that Twilio documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from starlette.responses import Response

from mock_services.core.operations import Authenticate, Exchange, Operation, json_response
from mock_services.twilio import errors
from mock_services.twilio.callbacks import Subscription, Webhook
from mock_services.twilio.calls import Order
from mock_services.twilio.filters import Moment, admits
from mock_services.twilio.http import is_web_url
from mock_services.twilio.leg import Running, Source
from mock_services.twilio.models import E164, Account, CallRecord
from mock_services.twilio.paging import Paging, page
from mock_services.twilio.protocol.attributes import CALL_EVENTS
from mock_services.twilio.protocol.twiml import RECORDING_EVENTS
from mock_services.twilio.rest import ACCOUNT
from mock_services.twilio.switchboard import Switchboard

MAX_TWIML = 4000
MAX_TIMEOUT = 600
CHANNELS = {"mono": 1, "dual": 2}

# https://www.twilio.com/docs/iam/test-credentials#test-calls
MAGIC_CALLEES = {
    "+15005550001": (errors.InvalidCalleeError, "The phone number you are attempting to call, {}, is not valid."),
    "+15005550002": (errors.UnroutableCalleeError, "Twilio cannot route to {}."),
    "+15005550003": (errors.ForbiddenCalleeError, "Account not authorized to call {}."),
    "+15005550004": (errors.BlockedCalleeError, "The number {} is blocked for the account."),
}
MAGIC_CALLER = "+15005550001"


class _Webhooks(BaseModel):
    """The webhooks that a call is made or changed with."""

    model_config = ConfigDict(alias_generator=to_pascal)

    url: str = Field(default="", max_length=2048)
    twiml: str = Field(default="", max_length=MAX_TWIML)
    method: str = "POST"
    fallback_url: str = Field(default="", max_length=2048)
    fallback_method: str = "POST"
    status_callback: str = Field(default="", max_length=2048)
    status_callback_method: str = "POST"
    time_limit: int | None = Field(default=None, ge=0, le=86_400)

    def source(self) -> Source | None:
        """Give where the call's document comes from, if that is said."""
        if self.url:
            return Source(webhook("Url", self.url, self.method))
        return Source(twiml=self.twiml) if self.twiml else None


class CallForm(_Webhooks):
    """What a call is made with."""

    to: str = ""
    from_: str = Field(default="", alias="From")
    application_sid: str = ""
    timeout: str = "60"
    record: bool = False
    recording_channels: Literal["mono", "dual"] = "mono"
    recording_track: Literal["inbound", "outbound", "both"] = "both"
    recording_status_callback: str = Field(default="", max_length=2048)
    recording_status_callback_method: str = "POST"
    send_digits: str = Field(default="", max_length=32)
    machine_detection: Literal["Enable", "DetectMessageEnd", ""] = ""


class CallChange(_Webhooks):
    """What a call is changed with."""

    status: Literal["completed", "canceled", ""] = ""


class CallQuery(Paging):
    """Filters of the list of calls."""

    to: str = ""
    from_: str = Field(default="", alias="From")
    status: str = ""
    parent_call_sid: str = ""
    start_time: Moment = None
    start_time_until: Moment = Field(default=None, alias="StartTime<")
    start_time_since: Moment = Field(default=None, alias="StartTime>")
    end_time: Moment = None
    end_time_until: Moment = Field(default=None, alias="EndTime<")
    end_time_since: Moment = Field(default=None, alias="EndTime>")

    def admits(self, call: CallRecord) -> bool:
        """Whether `call` is in the list."""
        return (
            self.to in {"", call.called}
            and self.from_ in {"", call.caller}
            and self.status in {"", call.status}
            and self.parent_call_sid in {"", call.parent_call_sid}
            and admits(call.start_time, self.start_time, self.start_time_until, self.start_time_since)
            and admits(call.end_time, self.end_time, self.end_time_until, self.end_time_since)
        )


class RestCalls:
    """The operations on the account's calls. `caller` is a number that it may always call from."""

    def __init__(
        self,
        account: Account,
        authenticate: Authenticate,
        switchboard: Switchboard,
        caller: str,
    ) -> None:
        self._account = account
        self._authenticate = authenticate
        self._switchboard = switchboard
        self._caller = caller

    def operations(self) -> Iterable[Operation]:
        """Give the operations, for `core.Service`."""
        calls = f"{ACCOUNT}/Calls"
        make: dict[str, Any] = {"body": CallForm, "form": True}
        change: dict[str, Any] = {"body": CallChange, "form": True}
        for method, path, handler, summary, options in (
            ("POST", f"{calls}.json", self._make, "Call somebody", make),
            ("GET", f"{calls}.json", self._list, "List calls", {"query": CallQuery}),
            ("GET", f"{calls}/{{sid}}.json", self._fetch, "Read a call", {}),
            ("POST", f"{calls}/{{sid}}.json", self._change, "Redirect or end a call that goes on", change),
            ("DELETE", f"{calls}/{{sid}}.json", self._delete, "Delete a call that is over", {}),
        ):
            yield Operation(
                method=method, path=path, handler=handler, summary=summary, authenticate=self._authenticate, **options
            )

    async def _make(self, exchange: Exchange) -> Response:
        form: CallForm = exchange.body
        self._check_callee(form.to)
        self._check_caller(form.from_)
        if form.application_sid:
            raise errors.NoApplicationError(f"ApplicationSid {form.application_sid[:50]} is not valid")
        source = form.source()
        if source is None:
            raise errors.InvalidCallUrlError("Url parameter is required.")
        if any(key not in "0123456789*#wW" for key in form.send_digits):
            raise errors.InvalidSendDigitsError(f"SendDigits {form.send_digits!r} are not keys of a telephone")
        if not form.timeout.isdecimal() or not 1 <= float(form.timeout) <= MAX_TIMEOUT:
            raise errors.InvalidTimeoutError(f"Timeout is {form.timeout[:20]!r}; it takes 1 to {MAX_TIMEOUT} seconds")
        number = self._account.number(form.from_)
        order = Order(
            form.from_,
            form.to,
            source,
            optional_webhook("FallbackUrl", form.fallback_url, form.fallback_method),
            subscription(exchange, "StatusCallback", form.status_callback, form.status_callback_method, CALL_EVENTS),
            timeout=float(form.timeout),
            time_limit=14_400.0 if form.time_limit is None else form.time_limit,
            send_digits=form.send_digits,
            detect_machine=bool(form.machine_detection),
            record=form.record,
            recording_channels=CHANNELS[form.recording_channels],
            recording_track=form.recording_track,
            recording_status=subscription(
                exchange,
                "RecordingStatusCallback",
                form.recording_status_callback,
                form.recording_status_callback_method,
                RECORDING_EVENTS,
            ),
            phone_number_sid=None if number is None else number.sid,
            run_id=exchange.run_id,
        )
        call = self._switchboard.order(order)
        if call is None:
            raise errors.TooManyCallsError("Too many calls are under way; TWILIO_MAX_CALLS allows no more")
        return json_response(call.leg.record.resource(self._account.sid), 201)

    async def _list(self, exchange: Exchange) -> Response:
        query: CallQuery = exchange.query
        wanted = (call for call in self._account.newest_calls() if query.admits(call))
        return page(exchange, self._account.sid, "calls", wanted)

    async def _fetch(self, exchange: Exchange) -> Response:
        return json_response(self._call(exchange).resource(self._account.sid))

    async def _change(self, exchange: Exchange) -> Response:
        form: CallChange = exchange.body
        record = self._call(exchange)
        source = form.source()
        running = self._switchboard.running(record.sid)
        if running is None or record.is_over:
            if form.status or source is not None:
                raise errors.CallStateError(f"Call is not in-progress. It is {record.status}.")
            return json_response(record.resource(self._account.sid))
        if form.status:
            self._end(running, form.status)
        elif source is not None:
            self._redirect(running, source, form)
        if form.status_callback:
            events = running.progress.subscription.events
            callback = webhook("StatusCallback", form.status_callback, form.status_callback_method)
            running.progress.subscription = Subscription(callback, events)
        if form.time_limit is not None:
            running.limit(form.time_limit)
        return json_response(record.resource(self._account.sid))

    def _end(self, running: Running, status: str) -> None:
        """`canceled` ends only what has not been answered."""
        if status == "completed" or running.leg.record.status != "in-progress":
            running.end()

    def _redirect(self, running: Running, source: Source, form: CallChange) -> None:
        if running.leg.record.status != "in-progress" or not running.redirect(source):
            raise errors.CallStateError("Call is not in-progress. Cannot redirect.")
        if form.fallback_url:
            running.leg.fallback = webhook("FallbackUrl", form.fallback_url, form.fallback_method)

    async def _delete(self, exchange: Exchange) -> Response:
        record = self._call(exchange)
        if not record.is_over:
            raise errors.NotOverError("Cannot delete this resource before it is complete")
        self._account.forget_call(record)
        return Response(status_code=204)

    def _call(self, exchange: Exchange) -> CallRecord:
        record = self._account.calls.get(exchange.path["sid"])
        if record is None:
            raise errors.NotFoundError(exchange.request.url.path)
        return record

    def _check_callee(self, number: str) -> None:
        if not number:
            raise errors.NoCalleeError("No 'To' number is specified")
        if not E164.fullmatch(number):
            raise errors.InvalidRecipientError(f"The phone number you are attempting to call, {number}, is not valid.")
        if number in MAGIC_CALLEES:
            refusal, sentence = MAGIC_CALLEES[number]
            raise refusal(sentence.format(number))

    def _check_caller(self, number: str) -> None:
        if not number:
            raise errors.NoCallerError("A 'From' phone number is required.")
        if not E164.fullmatch(number) or number == MAGIC_CALLER:
            raise errors.InvalidSenderError(f"The 'From' number {number} is not a valid phone number")
        if number != self._caller and self._account.number(number) is None:
            raise errors.ForeignCallerError(f"The source phone number provided, {number}, is not yours or verified.")


def webhook(name: str, url: str, method: str) -> Webhook:
    """Read a webhook; raise `TwilioError` for a URL or method that cannot be one."""
    if not is_web_url(url):
        raise errors.InvalidCallUrlError(f"{name} is {url!r}, which is not a valid http or https URL")
    if method.upper() not in {"GET", "POST"}:
        raise errors.InvalidCallMethodError(f"{name}'s method is {method!r}; it takes GET or POST")
    return Webhook(url, method.upper())


def optional_webhook(name: str, url: str, method: str) -> Webhook | None:
    """Read a webhook that may be absent."""
    return webhook(name, url, method) if url else None


def subscription(exchange: Exchange, name: str, url: str, method: str, known: frozenset[str]) -> Subscription:
    """Read a callback with its events, which may stand several times or be separated by spaces.

    Unknown ones are passed over, as Twilio does with a warning (21626); where none is left it is `completed`.
    """
    given = parse_qs(exchange.raw_body.decode("utf-8", "replace")).get(f"{name}Event", [])
    events = frozenset(event for value in given for event in value.split()) & known
    return Subscription(optional_webhook(name, url, method), events or frozenset({"completed"}))
