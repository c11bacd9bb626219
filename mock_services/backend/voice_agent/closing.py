"""What is written down when a call ends: what was said, how long it took and cost, what was used, and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mock_services.backend.errors import PlatformError
from mock_services.backend.store import now
from mock_services.backend.telephony.state import Call, CallStatus, Telephony
from mock_services.backend.telephony.summaries import Summaries
from mock_services.backend.usage.state import Usage
from mock_services.backend.voice_agent.dialogue import Line

BASE_COST_CENTS = 100
WORDS_PER_CENT = 10
AGENT = {"identifier": "voice_agent", "name": "AI Agent", "type": "agent", "phone_number": None}


class Closing:
    """Closes calls."""

    def __init__(self, telephony: Telephony, usage: Usage, summaries: Summaries) -> None:
        self._telephony = telephony
        self._usage = usage
        self._summaries = summaries

    def complete(self, call: Call, caller: str, started: datetime, lines: Sequence[Line]) -> None:
        """Write down a call that is over; `caller` is the number it came from."""
        words = {"user": 0, "assistant": 0}
        room = self._telephony.room_for_messages(call) - 1  # the last place is the summary's
        for line in lines[: max(room, 0)]:
            words[line.role] += len(line.content.split())
            self._telephony.add_message(
                call,
                content=line.content,
                sender=AGENT if line.role == "assistant" else _customer(caller),
                timestamp=line.at,
                message_type="transcript",
                metadata={"is_automated": line.role == "assistant"},
            )
        self._telephony.set_status(call, CallStatus.COMPLETED)
        call.duration_seconds = round(((call.end_time or now()) - started).total_seconds())
        call.cost_cents = BASE_COST_CENTS + sum(words.values()) // WORDS_PER_CENT
        self._telephony.open_conversation(call)
        self._usage.add_call(
            call.tenant_id,
            call.id,
            heard=words["user"],
            said=words["assistant"],
            seconds=call.duration_seconds,
            cents=call.cost_cents,
        )

    async def summarise(self, call: Call) -> bool:
        """Have a call summarised; say whether it was. One in which nothing was said has no summary."""
        try:
            await self._summaries.write(call)
        except PlatformError:
            return False
        return True


def _customer(number: str) -> dict[str, str | None]:
    return {"identifier": number, "name": "Customer", "type": "customer", "phone_number": number}
