"""Recurring events: a subset of RFC 5545's recurrence rules. The platform has none; this is the lab's extension."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

from dateutil import rrule

MAX_OCCURRENCES = 52
FREQUENCIES: dict[str, Literal[1, 2, 3]] = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY}
PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL"})
NUMBER = re.compile(r"[1-9][0-9]{0,3}")
MOMENT = re.compile(r"([0-9]{8})(?:T([0-9]{6})Z)?")
END_OF_DAY = timedelta(days=1) - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """How an event recurs: every `interval` days, weeks or months, `count` times or as long as it begins by `until`."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read `FREQ=DAILY|WEEKLY|MONTHLY[;INTERVAL=n][;COUNT=n|;UNTIL=yyyymmdd[Thhmmss]Z]`, its parts in any order.

        Raise `ValueError` with one sentence where it is anything else (RFC 5545, section 3.3.10).
        """
        parts: dict[str, str] = {}
        for part in text.upper().split(";"):
            name, equals, value = part.partition("=")
            if name not in PARTS or not equals:
                raise ValueError(f"{part!r} is no part of a rule that is known here; there are {', '.join(PARTS)}")
            if name in parts:
                raise ValueError(f"{name} stands twice in the rule")
            parts[name] = value
        if parts.get("FREQ") not in FREQUENCIES:
            raise ValueError(f"the rule needs FREQ, one of {', '.join(FREQUENCIES)}")
        if "COUNT" in parts and "UNTIL" in parts:
            raise ValueError("a rule has COUNT or UNTIL, not both")
        return cls(
            parts["FREQ"],
            _number("INTERVAL", parts["INTERVAL"]) if "INTERVAL" in parts else 1,
            _number("COUNT", parts["COUNT"]) if "COUNT" in parts else None,
            _moment(parts["UNTIL"]) if "UNTIL" in parts else None,
        )

    def starts(self, first: datetime) -> Iterator[datetime]:
        """Give when the occurrences begin, the first included, at most `MAX_OCCURRENCES`.

        Months that lack the day are passed over. Raise `ValueError` if UNTIL lies before `first`.
        """
        if self.until is not None and self.until < first:
            raise ValueError(f"UNTIL lies before the event's start, {first.isoformat()}")
        limit = MAX_OCCURRENCES if self.count is None else min(self.count, MAX_OCCURRENCES)
        each = rrule.rrule(FREQUENCIES[self.frequency], dtstart=first, interval=self.interval, until=self.until)
        # dateutil counts in whole seconds, and so it may go on for less than a second too long.
        starts = (start.replace(microsecond=first.microsecond) for start in islice(each, limit))
        return (start for start in starts if self.until is None or start <= self.until)


def occurrences(start: datetime, end: datetime, rule: Rule | None) -> list[tuple[datetime, datetime]]:
    """Give when each occurrence of an event begins and ends, as far as the calendar's years go."""
    if rule is None:
        return [(start, end)]
    length = end - start
    last = datetime.max.replace(tzinfo=UTC) - length
    return [(each, each + length) for each in rule.starts(start) if each <= last]


def _number(name: str, text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{name} is {text!r}; it takes a number from 1 to 9999")
    return int(text)


def _moment(text: str) -> datetime:
    """Read a moment in UTC, or a day, which is meant to its end."""
    found = MOMENT.fullmatch(text)
    try:
        if found and found[2]:
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if found:
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) + END_OF_DAY
    except ValueError:
        pass  # digits, but no day or no time: told below
    raise ValueError(f"UNTIL is {text!r}; it takes a day, yyyymmdd, or a moment in UTC, yyyymmddThhmmssZ")
