"""Telephony: call lists and details, verifying a line, calls with their webhooks and media, transcripts and summaries.

    locust -f scenarios/telephony_load_test.py --headless --users 5 --run-time 60s

Calls go through the Twilio double: it dials the target's webhook, opens the media stream and speaks.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from clients.call_steps import ANSWER, COMPLETE, CallSteps, Step
from clients.failures import CallFailure, RequestFailure
from clients.platform import PlatformApi
from locust import task
from scenarios.base import PlatformUser, needs, takes_voice_socket
from scenarios.suite import install
from utils.caused import SMS as SMS_KIND
from utils.plain_http import SetupError
from utils.sms import SMS, Inbox, UnansweredError

install()

CONFIG, LIST, FILTER, DETAIL = "config", "list", "filter", "detail"
LOOKS = {CONFIG: 10, LIST: 40, FILTER: 15, DETAIL: 35}
"""How staff look at their line, in percent."""
CALL_STATUSES = ("completed", "in_progress", "failed", "no_answer", "busy", "ringing")
PERIODS = ("day", "week", "month")
SMS_WITHIN_S = 10.0


class SmsFailure(RequestFailure):
    """A verification code did not reach the number it was sent to."""

    outcome = "timeout"


class SmsUnseen(RequestFailure):
    """Whether a verification code came is not known: the Twilio double, which would hold it, was gone."""

    outcome = "lab"


class TelephonyUser(PlatformUser):
    """Staff of an organisation that is called, and the families who call it; the weights are the platform's brief."""

    weight = 15
    account_kind = "line"
    dials = True
    begins_with = "call"

    def on_start(self) -> None:
        """Begin without a second office."""
        super().on_start()
        self._office: PlatformApi | None = None
        self._office_serial = 0

    def on_stop(self) -> None:
        """Give both accounts back."""
        if getattr(self, "_office", None) is not None and self._office is not None:
            tokens = self._office.session.tokens
            self.lab.give_back(self._office_serial, tokens.access if tokens else "", tokens.refresh if tokens else "")
        super().on_stop()

    @task(50)
    @needs("GET /api/telephony/calls", "GET /api/telephony/config")
    def look(self) -> None:
        """Look at the line's settings, its calls, or one of them."""
        kind = self.chance.choices(list(LOOKS), list(LOOKS.values()))[0]
        if kind == CONFIG:
            self.api.telephony.config(self.grant.account.number)
        elif kind == FILTER:
            self.api.telephony.calls_by_status(self.chance.choice(CALL_STATUSES))
        else:
            page = self.api.telephony.calls()
            if kind == DETAIL and page and page["calls"] and self.offers("GET /api/telephony/calls/{id}"):
                self.api.telephony.call(self._one_of(page["calls"]))

    @task(20)
    @needs(
        SMS, "POST /api/telephony/setup", "POST /api/telephony/verify/initiate", "POST /api/telephony/verify/confirm"
    )
    def verification(self) -> None:
        """Give another office a new number and verify it with the code that its SMS brings."""
        office = self._second_office()
        if office is None:
            return
        number = self.records.phone()
        if not office.telephony.setup(number):
            return
        with self.lab.caused.causing(SMS_KIND, [number]) as attempt:
            attempt.succeeded = office.telephony.initiate_verification() is not None
        if attempt.succeeded:
            code = self._code_sent_to(number)
            if code is not None:
                office.telephony.confirm_verification(code)

    @task(15)
    @takes_voice_socket
    @needs("POST /api/telephony/webhook/incoming-call")
    def call(self) -> None:
        """A family calls the organisation and talks with its agent, in one of the ways that families do."""
        steps = self.lab.phone.call(
            to=self.grant.account.number,
            from_=self.records.phone(),
            script=self.lab.settings.caller_script,
            run_id=self.lab.run_id(),
            still_wanted=lambda: not self.stopping,
        )
        for step, call in steps:
            self._count(step, call)

    @task(15)
    @needs("GET /api/telephony/calls", "GET /api/telephony/calls/{id}/messages/transcript")
    def review(self) -> None:
        """Read what was said in a call that is over, its summary, and the figures where the target has them."""
        page = self.api.telephony.calls_by_status("completed")
        if page and page["calls"]:
            call_id = self._one_of(page["calls"])
            self.api.telephony.transcript(call_id)
            if self.offers("GET /api/telephony/calls/{id}/messages/summary"):
                self.api.telephony.summary(call_id)
        if self.offers("GET /api/telephony/analytics"):
            self.api.telephony.analytics(self.chance.choice(PERIODS))

    def _offered_tasks(self) -> list[Callable[..., Any]]:
        tasks = super()._offered_tasks()
        if self.lab.settings.simulate_external_services:
            return tasks
        return [one for one in tasks if one.__name__ not in ("call", "verification")]

    def _one_of(self, calls: list[Mapping[str, Any]]) -> str:
        call_id: str = calls[int(self.chance.random() * len(calls))]["id"]
        return call_id

    def _count(self, step: Step, call: CallSteps) -> None:
        """Make a step of a call a request in Locust's statistics."""
        context = self.context()
        if step.name != ANSWER:
            context["late_s"] = 0.0  # what follows is due when the call has come to it
        if step.name == COMPLETE:
            context["call"] = {"call_sid": call.call_sid, "media": call.media}
        if step.failure:
            seen = {"waited_for": step.name, "detail": call.detail, "last_messages": [*call.events]}
            context["exchange"] = {"call_sid": call.call_sid, **seen}
        if step.failure and call.detail:
            sentence = f"A call failed at its step {step.name!r} ({step.failure}): {call.detail}"
            self.lab.say_once(f"{step.name} {step.failure}", sentence)
        self._fire("CALL", step.name, step.latency_ms, CallFailure(step.failure) if step.failure else None, context)

    def _second_office(self) -> PlatformApi | None:
        """An administrator whose line may be set up anew: that of the organisation being called must stay as it is."""
        if self._office is None:
            try:
                grant = self.lab.borrow(type(self).__name__ + ".office", "org_admin")
            except SetupError as error:
                self.lab.say_once("no office", f"A line cannot be verified: {error}")
                self._fire("SETUP", "account", None, RequestFailure("no account"), self.context())
                return None
            self._office = self.platform(grant)
            self._office_serial = grant.serial
        return self._office

    def _code_sent_to(self, number: str) -> str | None:
        settings = self.lab.settings
        inbox = Inbox(settings.twilio_url, settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value())
        began = time.monotonic()
        code: str | None = None
        failure: RequestFailure | None = None
        try:
            code = inbox.wait_for_code(number, SMS_WITHIN_S)
        except UnansweredError as unanswered:
            self.lab.say_once("sms unseen", f"It is not known whether an SMS came, without the double: {unanswered}")
            failure = SmsUnseen("double lost")
        else:
            if code is None:
                failure = SmsFailure("no code")
        waited_ms = (time.monotonic() - began) * 1000
        context = self.context()
        if failure is not None:
            context["exchange"] = {"waited_for": f"the code in an SMS to {number}"}
        self._fire("SMS", "verification code", waited_ms, failure, context)
        return code

    def _fire(
        self, kind: str, name: str, latency_ms: float | None, failure: Exception | None, context: Mapping[str, Any]
    ) -> None:
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=latency_ms,
            response_length=0,
            exception=failure,
            context=context,
            start_time=time.time() - (latency_ms or 0) / 1000,
            response=None,
        )
