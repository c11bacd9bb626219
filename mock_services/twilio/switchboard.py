"""The switchboard: takes calls in both directions, keeps those that are under way, and counts how they end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mock_services.twilio.callbacks import Failure
from mock_services.twilio.calls import Call, Emit, InboundCall, Order, OutboundCall, failed
from mock_services.twilio.leg import CentralOffice, Running
from mock_services.twilio.models import Number
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.scripts import Scripts
from mock_services.twilio.tapes import Tapes
from mock_services.twilio.totals import MediaTotals

CLOSE_SECONDS = 4.0  # for calls to say goodbye when the process ends


class Switchboard:
    """Keeps the calls that are under way within `max_calls`, and begins `calls_per_second` of the account's own."""

    def __init__(
        self,
        office: CentralOffice,
        scripts: Scripts,
        max_calls: int,
        calls_per_second: float,
        tapes: Tapes,
    ) -> None:
        self._office = office
        self._scripts = scripts
        self._max_calls = max_calls
        self._period = 1 / calls_per_second
        self._tapes = tapes
        self._calls: dict[Call, asyncio.Task[None]] = {}
        self._counted: set[Call] = set()  # of them those that were begun since the last reset
        self._outcomes: Counter[str] = Counter()
        self._media = MediaTotals()
        self._next_start = 0.0

    def script(self, asked: str | Mapping[str, Any] | None, caller: str = "") -> Script:
        """Give the script that a dial asks for (`Scripts.choose`); which of a mix, the seed and `caller` decide."""
        return self._scripts.choose(asked, self._office.network.randomness.fresh(f"script {caller}"))

    def dial(
        self, ref: str, caller: str, called: str, script: Script, run_id: str, emit: Emit, *, record: bool = False
    ) -> Call | None:
        """Begin a call; where there can be none, emit `failed` at once and give None.

        Raises `TooManyTapesError` if it is to be recorded and cannot be.
        """
        number = self._office.account.number(called)
        refusal = self._refusal(called, number)
        if refusal is not None:
            self._outcomes["failed"] += 1
            fields = {"ref": ref, "call_sid": None, "event": "failed", "at_ms": 0.0, "duration_ms": 0.0}
            emit({"type": "event", **fields, **failed(refusal)})
            return None
        assert number is not None
        tapes = self._tapes if record else None
        call = InboundCall(self._office, number, script, ref, caller, run_id, emit, tapes)
        self._put_through(call)
        self._office.network.reckoning.note(run_id, "call", call.leg.record.sid)
        return call

    def order(self, order: Order) -> Call | None:
        """Begin a call of the account when its turn has come; None if too many are under way."""
        if len(self._calls) >= self._max_calls:
            return None
        now = time.monotonic()
        starts = max(now, self._next_start)
        self._next_start = starts + self._period
        call = OutboundCall(self._office, order, starts, _unheard)
        self._put_through(call)
        return call

    def running(self, call_sid: str) -> Running | None:
        """Give a call that goes on, one that `<Dial>` made too."""
        return self._office.running.get(call_sid)

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
        """Hang up every call and forget all figures, those of the calls that still say goodbye too."""
        self.hang_up_all()
        self._counted.clear()
        self._outcomes.clear()
        self._media = MediaTotals()
        self._next_start = 0.0

    def gauges(self) -> dict[str, Any]:
        """Give the figures of all calls begun since the start or the last reset, the running ones included."""
        media = MediaTotals()
        media.merge(self._media)
        for call in self._counted:
            media.add(call.leg.every_session)
        return {
            "calls": {"active": len(self._calls), "streams": len(self._office.network.pacer), **self._outcomes},
            "media": media.summary(),
            "seed": self._office.network.randomness.seed,
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

    def _put_through(self, call: Call) -> None:
        record = call.leg.record
        self._office.account.add_call(record)
        self._office.running[record.sid] = call
        self._calls[call] = asyncio.create_task(self._keep(call))
        self._counted.add(call)

    async def _keep(self, call: Call) -> None:
        outcome = ""
        try:
            outcome = await call.run()
        finally:
            del self._calls[call]
            self._office.running.pop(call.leg.record.sid, None)
            if call in self._counted:
                self._counted.remove(call)
                self._media.add(call.leg.every_session)
                if outcome:
                    self._outcomes[outcome] += 1


def _unheard(_event: dict[str, Any]) -> None:
    """Nobody has dialled a call of the account over the control socket; its callbacks tell of it."""
