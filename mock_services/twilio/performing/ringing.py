"""Rings somebody: what happens between the decision to call a number and its answer."""

from __future__ import annotations

import asyncio

from mock_services.twilio.callbacks import Progress
from mock_services.twilio.leg import Leg
from mock_services.twilio.parties import Outcome, Party

UNREACHED = {Outcome.BUSY: "busy", Outcome.FAILED: "failed", Outcome.UNREGISTERED: "no-answer"}


async def ring(leg: Leg, party: Party, patience: float, progress: Progress) -> bool:
    """Ring `party` for at most `patience` seconds; True if they answer. If not, the call has its final status."""
    record = leg.record
    record.status = "initiated"
    progress.tell("initiated")
    if party.outcome in UNREACHED:
        record.end(UNREACHED[party.outcome])
        return False
    record.ring()
    progress.tell("ringing")
    rings = party.ring.draw_s(leg.random)
    answers = party.outcome is not Outcome.NO_ANSWER and rings <= patience
    await asyncio.sleep(rings if answers else patience)
    if not answers:
        record.end("no-answer")
        return False
    record.answer()
    progress.tell("answered")
    return True
