"""Calls from dial to the last callback, and the switchboard that keeps all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mock_services.twilio.http import WebhookError
from mock_services.twilio.lateness import Lateness
from mock_services.twilio.models import Account, CallRecord, Number, date
from mock_services.twilio.network import Network
from mock_services.twilio.perform import Failure, Performance
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.protocol.webhook import final_fields
from mock_services.twilio.scripts import Scripts
from mock_services.twilio.stream import MediaSession
from mock_services.twilio.tapes import Tapes

log = logging.getLogger(__name__)

ANSWER_SHOWN = 200  # characters of a callback's answer that the last event carries
CLOSE_SECONDS = 4.0  # for calls to say goodbye when the process ends

Emit = Callable[[dict[str, Any]], None]


class Call:
    """One call. `emit` is given its events; the last is `ended` or `failed`, and there is always exactly one.

    It is recorded where there are `tapes`; raises `TooManyTapesError` if they take no more.
    """

    def __init__(
        self,
        network: Network,
        number: Number,
        script: Script,
        ref: str,
        caller: str,
        run_id: str,
        emit: Emit,
        tapes: Tapes | None = None,
    ) -> None:
        self.record = CallRecord(caller, number.phone_number, number.sid)
        self._network = network
        self._number = number
        self._ref = ref
        self._run_id = run_id
        self._emit = emit
        self._accepted = time.monotonic()
        self._tapes = tapes
        self._tape = None if tapes is None else tapes.begin(self._accepted)
        random = network.randomness.fresh(f"caller {run_id} {ref} {caller} {number.phone_number}")
        self._performance = Performance(network, self.record, number, script, random, run_id, self._tell, self._tape)
        self._performing: asyncio.Task[str] | None = None
        self._hung_up = False
        self._callbacks: dict[str, Any] = {"sent": 0, "failed": 0, "answers": []}

    def hang_up(self) -> None:
        """Put the receiver down, at whatever point the call is."""
        self._hung_up = True
        if self._performing is not None:
            self._performing.cancel()

    async def run(self) -> str:
        """Live through the whole call and give the name of its last event."""
        with self._network.reckoning.under_way(self._run_id):
            return await self._live()

    async def _live(self) -> str:
        reason = await self._perform()
        duration_ms = self._since_accepted()
        if self._tape is not None:
            self._tape.end(time.monotonic())
        unanswered = self.record.status == "ringing"
        self.record.end(self._performance.rejected_as or ("no-answer" if unanswered else "completed"))
        callback_failure = await self._call_back()
        recorded = await self._keep_tape()
        self._performance.let_go()
        return self._finish(reason, self._performance.failure or callback_failure, duration_ms, recorded)

    @property
    def session(self) -> MediaSession | None:
        """The call's media stream, if it has come so far."""
        return self._performance.session

    async def _perform(self) -> str:
        if self._hung_up:
            return "caller-hangup"
        self._performing = asyncio.create_task(self._performance.run())
        try:
            return await self._performing
        except asyncio.CancelledError:
            if not self._hung_up:
                raise
            return "caller-hangup"
        except Exception as error:
            log.exception("call %s failed", self.record.sid)
            detail = f"the double failed: {type(error).__name__}: {error}"
            self._performance.failure = Failure("media", "double-failed", detail)
            return ""

    async def _call_back(self) -> Failure | None:
        number, record = self._number, self.record
        if not number.status_callback:
            return None
        timestamp = date(datetime.now(UTC)) or ""
        fields = [*self._performance.fields(), *final_fields(record.status, record.duration, timestamp)]
        sent_at = time.monotonic()
        try:
            answer = await self._network.call_webhook(
                "StatusCallback", number.status_callback_method, number.status_callback, fields, self._run_id, {}
            )
        except WebhookError as failure:
            self._callbacks["failed"] += 1
            return Failure("callback", failure.reason, str(failure), failure.code)
        self._callbacks["sent"] += 1
        body = answer.body.decode("utf-8", "replace")[:ANSWER_SHOWN]
        latency_ms = round((time.monotonic() - sent_at) * 1000, 3)
        self._callbacks["answers"].append({"status": answer.status, "body": body, "latency_ms": latency_ms})
        return None

    async def _keep_tape(self) -> dict[str, Any]:
        """Give what the last event says of the recording: nothing where none was asked for."""
        if self._tapes is None or self._tape is None:
            return {}
        return {"tape": await self._tapes.keep(self.record.sid, self._tape)}

    def _finish(self, reason: str, failure: Failure | None, duration_ms: float, recorded: Mapping[str, Any]) -> str:
        session = self.session
        common = {
            "status": self.record.status,
            "duration_ms": duration_ms,
            "media": session.summary() if session is not None else None,
            "callbacks": self._callbacks,
            **recorded,
        }
        if failure is None:
            self._tell("ended", at_ms=duration_ms, reason=reason, **common)
            return "ended"
        self._tell("failed", at_ms=self._since_accepted(failure.at), **_failed(failure), **common)
        return "failed"

    def _tell(self, event: str, **fields: Any) -> None:
        if event == "answered":
            self._network.reckoning.note(self._run_id, "call answered", self.record.sid)
        self._emit(
            {
                "type": "event",
                "ref": self._ref,
                "call_sid": self.record.sid,
                "event": event,
                "at_ms": self._since_accepted(),
                **fields,
            }
        )

    def _since_accepted(self, at: float | None = None) -> float:
        return round(((time.monotonic() if at is None else at) - self._accepted) * 1000, 3)


class MediaTotals:
    """The frames of many streams."""

    def __init__(self) -> None:
        self._lateness = Lateness()
        self._skipped = 0
        self._blocked = 0

    def add(self, session: MediaSession | None) -> None:
        """Add one stream's; a call that had none adds nothing."""
        if session is not None:
            self._lateness.merge(session.lateness)
            self._skipped += session.frames_skipped
            self._blocked += session.frames_blocked

    def merge(self, other: MediaTotals) -> None:
        """Add what others added up."""
        self._lateness.merge(other._lateness)
        self._skipped += other._skipped
        self._blocked += other._blocked

    def summary(self) -> dict[str, Any]:
        """Give the figures."""
        return {
            "frames_sent": self._lateness.frames,
            "frames_late": self._lateness.late,
            "frames_skipped": self._skipped,
            "frames_blocked": self._blocked,
            "lateness_ms": self._lateness.summary(),
        }


class Switchboard:
    """Takes dials, keeps the calls that are under way within `max_calls`, and counts how they end."""

    def __init__(self, network: Network, account: Account, scripts: Scripts, max_calls: int, tapes: Tapes) -> None:
        self._network = network
        self._account = account
        self._scripts = scripts
        self._max_calls = max_calls
        self._tapes = tapes
        self._calls: dict[Call, asyncio.Task[None]] = {}
        self._outcomes: Counter[str] = Counter()
        self._media = MediaTotals()

    def script(self, asked: str | Mapping[str, Any] | None, caller: str = "") -> Script:
        """Give the script that a dial asks for (`Scripts.choose`); which of a mix, the seed and `caller` decide."""
        return self._scripts.choose(asked, self._network.randomness.fresh(f"script {caller}"))

    def dial(
        self, ref: str, caller: str, called: str, script: Script, run_id: str, emit: Emit, *, record: bool = False
    ) -> Call | None:
        """Begin a call; where there can be none, emit `failed` at once and give None.

        Raises `TooManyTapesError` if it is to be recorded and cannot be.
        """
        number = self._account.number(called)
        refusal = self._refusal(called, number)
        if refusal is not None:
            self._outcomes["failed"] += 1
            fields = {"ref": ref, "call_sid": None, "event": "failed", "at_ms": 0.0, "duration_ms": 0.0}
            emit({"type": "event", **fields, **_failed(refusal)})
            return None
        assert number is not None
        tapes = self._tapes if record else None
        call = Call(self._network, number, script, ref, caller, run_id, emit, tapes)
        self._account.add_call(call.record)
        self._network.reckoning.note(run_id, "call", call.record.sid)
        self._calls[call] = asyncio.create_task(self._keep(call))
        return call

    def hang_up_all(self) -> None:
        """Hang up every call."""
        for call in tuple(self._calls):
            call.hang_up()

    async def close(self) -> None:
        """Hang up every call and wait a little for them to say goodbye."""
        self.hang_up_all()
        if self._calls:
            _, late = await asyncio.wait(self._calls.values(), timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    def reset(self) -> None:
        """Hang up every call and forget all figures."""
        self.hang_up_all()
        self._outcomes.clear()
        self._media = MediaTotals()

    def gauges(self) -> dict[str, Any]:
        """Give the figures of all calls since the start or the last reset, the running ones included."""
        media = MediaTotals()
        media.merge(self._media)
        for call in self._calls:
            media.add(call.session)
        return {
            "calls": {"active": len(self._calls), "streams": len(self._network.pacer), **self._outcomes},
            "media": media.summary(),
            "seed": self._network.randomness.seed,
        }

    def _refusal(self, called: str, number: Number | None) -> Failure | None:
        if number is None:
            return Failure("dial", "unknown-number", f"{called} is not a number of the account; buy it first")
        if not number.voice_url:
            return Failure("dial", "no-voice-url", f"{called} has no VoiceUrl; set one with IncomingPhoneNumbers")
        if len(self._calls) >= self._max_calls:
            detail = f"{self._max_calls} calls are under way, and TWILIO_MAX_CALLS allows no more"
            return Failure("dial", "too-many-calls", detail)
        return None

    async def _keep(self, call: Call) -> None:
        try:
            self._outcomes[await call.run()] += 1
        finally:
            del self._calls[call]
            self._media.add(call.session)


def _failed(failure: Failure) -> dict[str, Any]:
    return {
        "step": failure.step,
        "reason": failure.reason,
        "detail": failure.detail,
        "error_code": failure.error_code,
    }
