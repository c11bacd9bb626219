"""Twilio's webhooks: `/api/telephony/webhook/*`. Every refusal is a 200, and only the body tells it from success."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.responses import Response

from mock_services.backend.errors import PlatformError
from mock_services.backend.routes import Area
from mock_services.backend.telephony import twiml
from mock_services.backend.telephony.numbers import is_caller
from mock_services.backend.telephony.signature import is_signed
from mock_services.backend.telephony.state import CallStatus, Telephony
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.reckoning import Reckoning, webhook_identity, webhook_kind

INCOMING_CALL_PATH = "/api/telephony/webhook/incoming-call"
CALL_STATUS_PATH = "/api/telephony/webhook/call-status"
FORM = "application/x-www-form-urlencoded"
STATUSES = {
    "queued": CallStatus.INCOMING,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
}


class IncomingCallForm(BaseModel):
    """What is read of Twilio's request for instructions."""

    CallSid: str | None = None
    From: str | None = None
    To: str | None = None
    CallStatus: str | None = None


class CallStatusForm(BaseModel):
    """What is read of Twilio's status callback; the duration and the recording's URL are not kept."""

    CallSid: str | None = None
    CallStatus: str | None = None
    CallDuration: str | None = None
    RecordingUrl: str | None = None


class WebhookStatus(BaseModel):
    """The answer to a status callback: `ok`, or `error` with a reason."""

    status: str
    message: str | None = None


class WebhookRefused(Exception):
    """A webhook that is not acted upon."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")


class Webhooks:
    """The webhook endpoints."""

    def __init__(self, telephony: Telephony, auth_token: str, reckoning: Reckoning) -> None:
        self._telephony = telephony
        self._auth_token = auth_token
        self._reckoning = reckoning

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "")
        return (
            area("POST", INCOMING_CALL_PATH, self.incoming_call, body=IncomingCallForm, form=True),
            area("POST", CALL_STATUS_PATH, self.call_status, body=CallStatusForm, form=True, gives=WebhookStatus),
        )

    async def incoming_call(self, exchange: Exchange) -> Response:
        """Answer an incoming call with TwiML that connects it to the voice agent's media stream."""
        try:
            document = self._answer(exchange, self._signed_form(exchange))
        except (WebhookRefused, PlatformError) as refusal:
            exchange.note = str(refusal)
            document = twiml.ERROR
        return Response(document, media_type="application/xml")

    async def call_status(self, exchange: Exchange) -> Response:
        """Note how far a call has come."""
        try:
            form = self._signed_form(exchange)
        except WebhookRefused as refusal:
            exchange.note = str(refusal)
            return json_response({"status": "error", "message": str(refusal)})
        call = self._telephony.by_sid(form["CallSid"])
        if call is None:
            exchange.note = f"Call not found: {form['CallSid']}"
            return json_response({"status": "error", "message": exchange.note})
        self._telephony.set_status(call, STATUSES.get(form.get("CallStatus", ""), CallStatus.FAILED))
        return json_response({"status": "ok"})

    def _answer(self, exchange: Exchange, form: dict[str, str]) -> str:
        call_sid, customer, to = form["CallSid"], form.get("From", ""), form.get("To", "")
        if not is_caller(customer):
            raise WebhookRefused(400, f"Invalid caller number: {customer}")
        if self._telephony.by_sid(call_sid) is not None:
            raise WebhookRefused(400, f"Duplicate CallSid: {call_sid}")
        configuration = self._telephony.answering(to)
        if configuration is None:
            exchange.note = f"no verified and enabled number {to}"
            return twiml.UNAVAILABLE
        if self._telephony.active_calls(configuration.tenant_id) >= configuration.max_concurrent_calls:
            exchange.note = f"{to} has its {configuration.max_concurrent_calls} concurrent calls"
            return twiml.UNAVAILABLE
        status = STATUSES.get(form.get("CallStatus", "queued"), CallStatus.INCOMING)
        self._telephony.add_call(configuration, call_sid, customer, status)
        self._reckoning.note(exchange.run_id, "call", call_sid)
        parameters = {
            "call_sid": call_sid,
            "tenant_id": str(configuration.tenant_id),
            "from": customer,
            "to": configuration.platform_phone_number,
            "org_phone": configuration.organization_phone_number,
        }
        return twiml.connect(exchange.request.headers.get("host", ""), parameters)

    def _signed_form(self, exchange: Exchange) -> dict[str, str]:
        """Read the form, if it is signed over the URL that this server sees; raise `WebhookRefused`."""
        headers = exchange.request.headers
        fields = []
        if headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
            fields = parse_qsl(exchange.raw_body.decode("utf-8", "replace"), keep_blank_values=True)
        run_id, path = exchange.run_id, exchange.request.url.path
        self._reckoning.note(run_id, webhook_kind(path), webhook_identity(dict(fields)))
        signature = headers.get("x-twilio-signature")
        if not signature:
            raise WebhookRefused(403, "Missing webhook signature")
        if not is_signed(self._auth_token, str(exchange.request.url), fields, signature):
            raise WebhookRefused(403, "Invalid webhook signature")
        form = dict(fields)
        if not form.get("CallSid"):
            raise WebhookRefused(400, "Missing CallSid")
        return form
