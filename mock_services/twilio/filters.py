"""The filters by time that Twilio's lists take: on a day, up to a moment, and from a moment on."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BeforeValidator

Given = date | datetime


def _read(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) == 10 else _aware(datetime.fromisoformat(value))
    except ValueError:
        raise ValueError(f"{value[:50]!r} is neither a date (2026-01-31) nor a time (2026-01-31T12:00:00Z)") from None


def _aware(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as beyond:
        raise ValueError(str(beyond)) from beyond


Moment = Annotated[Given | None, BeforeValidator(_read)]


def admits(moment: datetime | None, on: Given | None, until: Given | None, since: Given | None) -> bool:
    """Whether `moment` is on the day of `on` (in UTC), not after `until`, and not before `since`.

    A date stands for its midnight in UTC, as Twilio has it; its SDK sends a date as that midnight. What has no moment
    yet passes only where nothing is asked.
    """
    if on is None and until is None and since is None:
        return True
    if moment is None:
        return False
    if on is not None and moment.date() != _start(on).date():
        return False
    return (until is None or moment <= _start(until)) and (since is None or moment >= _start(since))


def _start(given: Given) -> datetime:
    return given if isinstance(given, datetime) else datetime.combine(given, time.min, UTC)
