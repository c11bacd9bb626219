"""Who answers when the account calls out: the people at the other end, by their numbers or other addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mock_services.core.latency import Delay
from mock_services.twilio.models import E164
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.protocol.verbs import Noun


class Outcome(StrEnum):
    """What becomes of a call to somebody."""

    ANSWERS = "answers"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    UNREGISTERED = "unregistered"


ADDRESSES: Mapping[Noun, re.Pattern[str]] = MappingProxyType(
    {
        Noun.NUMBER: E164,
        Noun.CLIENT: re.compile(r"client:[!-~]{1,256}"),
        Noun.SIP: re.compile(r"sips?:[!-?A-~]+@[!-?A-~]+"),  # one @, and no spaces
    }
)
"""What the address of each noun of `<Dial>` looks like."""

# The lab's own rule, after the SIP status that the carrier of such a call reports.
MAGIC_OUTCOMES: Mapping[str, Outcome] = MappingProxyType(
    {"+15005550486": Outcome.BUSY, "+15005550487": Outcome.NO_ANSWER, "+15005550404": Outcome.FAILED}
)


# Twilio ends the call to a client that is not registered at once, as not answered. A SIP address leads to some server
# of somebody's own: none is there to be asked.
UNENTERED_OUTCOMES: Mapping[str, Outcome] = MappingProxyType(
    {"client": Outcome.UNREGISTERED, "sip": Outcome.FAILED, "sips": Outcome.FAILED}
)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who can be called: what they do, and after how long (`ring`) they do it."""

    script: Script
    ring: Delay
    outcome: Outcome = Outcome.ANSWERS


class TooManyPartiesError(ValueError):
    """A party is to be entered while as many are as may be."""


class Directory:
    """Knows who is at which number: those who were entered, up to `max_entered`, and everybody else, who answers.

    A client or a SIP address where nobody was entered is one that nobody has registered. `choose` gives the script that
    somebody else follows, by their number.
    """

    def __init__(self, choose: Callable[[str], Script], ring: Delay, max_entered: int) -> None:
        self._choose = choose
        self._ring = ring
        self._max_entered = max_entered
        self._entered: dict[str, Party] = {}
        self._refused = 0

    def enter(self, address: str, script: Script, ring: Delay | None, outcome: Outcome) -> None:
        """Say who is at `address` from now on; `ring` None is as long as for everybody.

        Raises `TooManyPartiesError`, and counts it, where nobody is entered at `address` and no more can be.
        """
        if address not in self._entered and len(self._entered) >= self._max_entered:
            self._refused += 1
            raise TooManyPartiesError(
                f"{self._max_entered} parties are entered, and TWILIO_MAX_PARTIES allows no more; a reset forgets them"
            )
        self._entered[address] = Party(script, ring or self._ring, outcome)

    def party(self, address: str) -> Party:
        """Find who is at `address`."""
        entered = self._entered.get(address)
        if entered is not None:
            return entered
        scheme = address.partition(":")[0]
        outcome = UNENTERED_OUTCOMES.get(scheme) or MAGIC_OUTCOMES.get(address, Outcome.ANSWERS)
        return Party(self._choose(address), self._ring, outcome)

    def gauges(self) -> dict[str, int]:
        """Count those who are entered, and those who could not be."""
        return {"entered": len(self._entered), "refused": self._refused}

    def clear(self) -> None:
        """Forget those who were entered, and all figures."""
        self._entered.clear()
        self._refused = 0
