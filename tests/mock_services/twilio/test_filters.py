"""Twilio's filters by time."""

from datetime import UTC, date, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from mock_services.twilio.filters import Moment, admits

READ: TypeAdapter[date | datetime | None] = TypeAdapter(Moment)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_dates_and_times_are_read() -> None:
    assert READ.validate_python("2026-01-31") == date(2026, 1, 31)
    assert READ.validate_python("2026-01-31T12:00:00Z") == NOON
    assert READ.validate_python("2026-01-31T13:00:00+01:00") == NOON
    assert READ.validate_python("2026-01-31T12:00:00") == NOON


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30", "31.01.2026", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="neither a date"):
        READ.validate_python(text)


@pytest.mark.parametrize(
    ("on", "until", "since", "inside"),
    [
        (None, None, None, True),
        (date(2026, 1, 31), None, None, True),
        (datetime(2026, 1, 31, tzinfo=UTC), None, None, True),
        (date(2026, 2, 1), None, None, False),
        (None, NOON, None, True),
        (None, date(2026, 1, 31), None, False),
        (None, date(2026, 2, 1), None, True),
        (None, None, NOON, True),
        (None, None, date(2026, 1, 31), True),
        (None, None, date(2026, 2, 1), False),
        (None, date(2026, 2, 1), date(2026, 1, 31), True),
    ],
)
def test_a_moment_is_admitted(
    on: date | None,
    until: date | None,
    since: date | None,
    inside: bool,
) -> None:
    assert admits(NOON, on, until, since) is inside


def test_what_has_not_happened_passes_only_where_nothing_is_asked() -> None:
    assert admits(None, None, None, None)
    assert not admits(None, None, None, date(2026, 1, 1))
