"""Calls from their first moment to the last callback: those that come in, and those that the account makes."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mock_services.twilio.callbacks import NOBODY, Failure, Progress, Subscription, Webhook
from mock_services.twilio.leg import CentralOffice, Document, Ending, Leg, Source
from mock_services.twilio.models import CallRecord, Number
from mock_services.twilio.parties import Outcome
from mock_services.twilio.perform import Performance
from mock_services.twilio.performing.ringing import ring
from mock_services.twilio.protocol.sounds import keys_seconds
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.protocol.webhook import Fields, inbound_fields
from mock_services.twilio.recordings import WHOLE_CALL
from mock_services.twilio.tapes import Tapes

log = logging.getLogger(__name__)

Emit = Callable[[dict[str, Any]], None]


class Call(ABC):
    """One call. `emit` is given its events; the last is `ended` or `failed`, and there is always exactly one."""

    def __init__(self, ref: str, emit: Emit) -> None:
        self.leg: Leg
        self.progress: Progress
        self._performance: Performance
        self._ref = ref
        self._emit = emit
        self._accepted = time.monotonic()
        self._performing: asyncio.Task[Ending] | None = None
        self._hung_up = False
        self._ended_from_outside = False
        self._limit: asyncio.TimerHandle | None = None

    def _set_up(self, leg: Leg, subscription: Subscription) -> None:
        self.leg = leg
        self.progress = Progress(leg.callbacks, leg.record, leg.fields, subscription)
        self._performance = Performance(leg)

    def hang_up(self) -> None:
        """Put the receiver down, at whatever point the call is."""
        self._cancel("caller-hangup")

    def end(self) -> None:
        """End the call from outside: REST asks for it, or its time is over."""
        self._ended_from_outside = True
        self.leg.record.end(self._last_status())
        self._cancel("api-hangup")

    def limit(self, seconds: float) -> None:
        """Let the call go on for `seconds` from now at most."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(seconds, self.end)

    def redirect(self, source: Source) -> bool:
        """Leave what the call is doing and go on with another document; False if it is over."""
        return self._performance.redirect(source)

    async def run(self) -> str:
        """Live through the whole call and give the name of its last event."""
        with self.leg.network.reckoning.under_way(self.leg.run_id):
            return await self._live()

    async def _live(self) -> str:
        await self._perform()
        if self._limit is not None:
            self._limit.cancel()
        duration_ms = self._since_accepted()
        failure: Failure | None = None
        kept: Mapping[str, Any] = {}
        try:
            try:
                failure = await self._wind_up()
            finally:
                kept = await self._keep()  # in any case: a tape that is never kept is one fewer for other calls
        except Exception as error:
            log.exception("call %s failed at its end", self.leg.record.sid)
            failure = failure or Failure.of_the_double("media", error)
        self.leg.let_go()
        return self._finish(self.leg.failure or failure, duration_ms, kept)

    async def _wind_up(self) -> Failure | None:
        """End what goes on beside the verbs, and tell of the call's end; give the first callback that failed."""
        leg = self.leg
        leg.record.end(self._last_status())
        leg.deck.end(time.monotonic())
        await leg.close()
        for each in (leg, *leg.children):
            await each.request_owed()
        self.progress.tell("completed", self._final_fields())
        return await leg.settled()

    @abstractmethod
    async def _begin(self) -> Document | Ending:
        """Bring the call to its first document."""

    async def _keep(self) -> Mapping[str, Any]:
        """Give what the last event says of what is kept of the call."""
        return {}

    def _final_fields(self) -> Fields:
        return []

    def _cancel(self, reason: str) -> None:
        self._hung_up = True
        if self._performing is None or not self._performing.done():
            self.leg.reason = reason
        if self._performing is not None:
            self._performing.cancel()

    async def _perform(self) -> None:
        if self._hung_up:
            return
        self._performing = asyncio.create_task(self._performance.run(self._begin))
        try:
            await self._performing
        except asyncio.CancelledError:
            if not self._hung_up:
                raise
        except Exception as error:
            log.exception("call %s failed", self.leg.record.sid)
            self.leg.failure = Failure.of_the_double("media", error)

    def _last_status(self) -> str:
        leg = self.leg
        if leg.rejected_as is not None:
            return leg.rejected_as
        if leg.record.start_time is None:
            return "canceled" if self._ended_from_outside else self._unanswered_status
        return "completed"

    _unanswered_status = "no-answer"

    def _finish(self, failure: Failure | None, duration_ms: float, kept: Mapping[str, Any]) -> str:
        leg = self.leg
        common = {
            "status": leg.record.status,
            "duration_ms": duration_ms,
            "media": leg.session.summary() if leg.session is not None else None,
            "callbacks": leg.callbacks.summary,
            **kept,
        }
        if failure is None:
            self._tell("ended", at_ms=duration_ms, reason=leg.reason, **common)
            return "ended"
        self._tell("failed", at_ms=self._since_accepted(failure.at), **failed(failure), **common)
        return "failed"

    def _tell(self, event: str, **fields: Any) -> None:
        leg = self.leg
        if event == "answered" and leg.record.direction == "inbound":
            leg.network.reckoning.note(leg.run_id, "call answered", leg.record.sid)
        self._emit(
            {
                "type": "event",
                "ref": self._ref,
                "call_sid": self.leg.record.sid,
                "event": event,
                "at_ms": self._since_accepted(),
                **fields,
            }
        )

    def _since_accepted(self, at: float | None = None) -> float:
        return round(((time.monotonic() if at is None else at) - self._accepted) * 1000, 3)


class InboundCall(Call):
    """Somebody calls a number of the account. It is taped where there are `tapes`.

    Raises `TooManyTapesError` if they take no more.
    """

    def __init__(
        self,
        office: CentralOffice,
        number: Number,
        script: Script,
        ref: str,
        caller: str,
        run_id: str,
        emit: Emit,
        tapes: Tapes | None = None,
    ) -> None:
        super().__init__(ref, emit)
        self._number = number
        self._tapes = tapes
        self._tape = None if tapes is None else tapes.begin(self._accepted)
        record = CallRecord(caller, number.phone_number, number.sid)
        random = office.network.randomness.fresh(f"caller {run_id} {ref} {caller} {number.phone_number}")
        fallback = _webhook(number.voice_fallback_url, number.voice_fallback_method)
        leg = Leg(office, record, script, random, run_id, self._tell, fallback, must_connect=True)
        if self._tape is not None:
            leg.attach(self._tape)
        self._set_up(leg, Subscription(_webhook(number.status_callback, number.status_callback_method)))

    async def _begin(self) -> Document | Ending:
        self.leg.tell("dialing", script=self.leg.script.name)
        webhook = Webhook(self._number.voice_url, self._number.voice_method)
        return await self.leg.go_to("VoiceUrl", webhook, inbound_fields(self.leg.record.sid))

    async def _keep(self) -> Mapping[str, Any]:
        if self._tapes is None or self._tape is None:
            return {}
        return {"tape": await self._tapes.keep(self.leg.record.sid, self._tape)}


@dataclass(frozen=True, slots=True)
class Order:
    """A call that is asked for over REST. `timeout` is how long it may ring, in seconds."""

    caller: str
    called: str
    source: Source
    fallback: Webhook | None = None
    status: Subscription = NOBODY
    timeout: float = 60.0
    time_limit: float = 14_400.0
    send_digits: str = ""
    detect_machine: bool = False
    record: bool = False
    recording_channels: int = 1
    recording_track: str = "both"
    recording_status: Subscription = NOBODY
    phone_number_sid: str | None = None
    run_id: str = ""


class OutboundCall(Call):
    """The account calls somebody, once its turn has come at `starts` (monotonic seconds)."""

    _unanswered_status = "canceled"

    def __init__(self, office: CentralOffice, order: Order, starts: float, emit: Emit) -> None:
        super().__init__("", emit)
        self._order = order
        self._starts = starts
        self._party = office.directory.party(order.called)
        record = CallRecord(order.caller, order.called, order.phone_number_sid, "outbound-api", "queued")
        random = office.network.randomness.fresh(f"called {order.run_id} {order.caller} {order.called}")
        leg = Leg(office, record, self._party.script, random, order.run_id, self._tell, order.fallback)
        self._set_up(leg, order.status)

    async def _begin(self) -> Document | Ending:
        leg, order = self.leg, self._order
        wait = max(self._starts - time.monotonic(), 0.0)
        leg.record.queue_time_ms = round(wait * 1000)
        await asyncio.sleep(wait)
        leg.tell("dialing", script=leg.script.name)
        if not await ring(leg, self._party, order.timeout, self.progress):
            return Ending.HANG_UP
        self.limit(order.time_limit)
        if order.detect_machine:
            leg.record.answered_by = "machine_start" if self._party.outcome is Outcome.MACHINE else "human"
        if order.record:
            recording = leg.begin_recording(
                WHOLE_CALL, order.recording_status, order.recording_channels, order.recording_track
            )
            leg.attach(recording.tape)
        await asyncio.sleep(keys_seconds(order.send_digits))
        return await leg.go_to_source(order.source)

    def _final_fields(self) -> Fields:
        account_sid = self.leg.network.account_sid
        recordings = (recording for recording, _ in self.leg.recordings.values())
        # What `<Record>` and the like have recorded, their own webhooks tell.
        own = (one for one in recordings if one.source == WHOLE_CALL and one.exists)
        return next((recording.fields(account_sid) for recording in own), [])


def failed(failure: Failure) -> dict[str, Any]:
    """Give what an event says of a failure."""
    return {
        "step": failure.step,
        "reason": failure.reason,
        "detail": failure.detail,
        "error_code": failure.error_code,
    }


def _webhook(url: str, method: str) -> Webhook | None:
    return Webhook(url, method) if url else None
