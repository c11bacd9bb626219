"""Who answers when the account calls out: the people at the other end, by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mock_services.core.latency import Delay
from mock_services.twilio.protocol.turns import Script


class Outcome(StrEnum):
    """What becomes of a call to somebody."""

    ANSWERS = "answers"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"


# The lab's own rule, after the SIP status that the carrier of such a call reports.
MAGIC_OUTCOMES: Mapping[str, Outcome] = MappingProxyType(
    {"+15005550486": Outcome.BUSY, "+15005550487": Outcome.NO_ANSWER, "+15005550404": Outcome.FAILED}
)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who can be called: what they do, and after how long (`ring`) they do it."""

    script: Script
    ring: Delay
    outcome: Outcome = Outcome.ANSWERS


class Directory:
    """Knows who is at which number: those who were entered, and everybody else, who answers.

    `choose` gives the script that somebody else follows, by their number.
    """

    def __init__(self, choose: Callable[[str], Script], ring: Delay) -> None:
        self._choose = choose
        self._ring = ring
        self._entered: dict[str, Party] = {}

    def enter(self, number: str, script: Script, ring: Delay | None, outcome: Outcome) -> None:
        """Say who is at `number` from now on; `ring` None is as long as for everybody."""
        self._entered[number] = Party(script, ring or self._ring, outcome)

    def party(self, number: str) -> Party:
        """Find who is at `number`."""
        entered = self._entered.get(number)
        if entered is not None:
            return entered
        return Party(self._choose(number), self._ring, MAGIC_OUTCOMES.get(number, Outcome.ANSWERS))

    def __len__(self) -> int:
        """Count those who were entered."""
        return len(self._entered)

    def clear(self) -> None:
        """Forget those who were entered."""
        self._entered.clear()
