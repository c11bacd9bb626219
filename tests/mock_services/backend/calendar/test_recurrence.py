"""Recurrence rules: what is read, and when the occurrences are."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.calendar.recurrence import MAX_OCCURRENCES, Rule, occurrences

MOMENTS = st.datetimes(timezones=st.just(UTC))
LENGTHS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=40))
FREQUENCIES = st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"])
INTERVALS = st.integers(1, 400)
COUNTS = st.none() | st.integers(1, 200)
FIRST = datetime(2026, 1, 31, 10, tzinfo=UTC)


def by_the_calendar(first: datetime, frequency: str, interval: int) -> list[datetime]:
    """Reckon the first occurrences by hand: days from the first one on, or months that have its day."""
    found: list[datetime] = []
    step = 0
    while len(found) < MAX_OCCURRENCES:
        try:
            if frequency == "MONTHLY":
                year, month = divmod(first.year * 12 + first.month - 1 + step * interval, 12)
                if first.day <= monthrange(year, month + 1)[1]:
                    found.append(first.replace(year=year, month=month + 1))
            else:
                found.append(first + step * timedelta(days=interval * (7 if frequency == "WEEKLY" else 1)))
        except (OverflowError, ValueError):
            break  # past the year 9999
        step += 1
    return found


@given(MOMENTS, LENGTHS, FREQUENCIES, INTERVALS, COUNTS)
def test_occurrences_are_those_of_the_calendar(
    first: datetime, length: timedelta, frequency: str, interval: int, count: int | None
) -> None:
    try:
        end = first + length
    except OverflowError:
        return
    found = occurrences(first, end, Rule(frequency, interval, count))
    assert found[0] == (first, end)
    assert {last - start for start, last in found} == {length}
    expected = by_the_calendar(first, frequency, interval)[:count]
    last_start = datetime.max.replace(tzinfo=UTC) - length
    assert [start for start, _ in found] == [start for start in expected if start <= last_start]
    assert 1 <= len(found) <= MAX_OCCURRENCES


@given(MOMENTS, FREQUENCIES, st.integers(1, 12), st.timedeltas(timedelta(0), timedelta(days=900)))
def test_until_is_the_last_moment_at_which_an_occurrence_may_begin(
    first: datetime, frequency: str, interval: int, span: timedelta
) -> None:
    try:
        until = (first + span).replace(microsecond=0)
    except OverflowError:
        return
    if until < first:
        return
    starts = list(Rule(frequency, interval, until=until).starts(first))
    assert starts == [start for start in by_the_calendar(first, frequency, interval) if start <= until]


@given(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]), st.none() | st.integers(1, 9999), COUNTS, st.randoms())
def test_a_rule_is_read_in_any_order_and_case(
    frequency: str, interval: int | None, count: int | None, order: Random
) -> None:
    parts = [f"FREQ={frequency}"]
    parts += [f"INTERVAL={interval}"] if interval else []
    parts += [f"COUNT={count}"] if count else []
    order.shuffle(parts)
    rule = Rule(frequency, interval or 1, count)
    assert Rule.parse(";".join(parts)) == Rule.parse(";".join(parts).lower()) == rule


@pytest.mark.parametrize(
    ("until", "moment"),
    [
        ("20260301T120000Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("20260301", datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_until_is_a_moment_or_a_whole_day(until: str, moment: datetime) -> None:
    assert Rule.parse(f"FREQ=DAILY;UNTIL={until}") == Rule("DAILY", until=moment)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is no part of a rule"),
        ("DAILY", "'DAILY' is no part of a rule"),
        ("INTERVAL=2", "needs FREQ"),
        ("FREQ=YEARLY", "needs FREQ, one of DAILY, WEEKLY, MONTHLY"),
        ("FREQ=DAILY;", "'' is no part of a rule"),
        ("RRULE:FREQ=DAILY", "'RRULE:FREQ=DAILY' is no part of a rule"),
        ("FREQ=DAILY;BYDAY=MO", "'BYDAY=MO' is no part of a rule"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ stands twice"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260301", "COUNT or UNTIL, not both"),
        ("FREQ=DAILY;COUNT=0", "COUNT is '0'; it takes a number from 1 to 9999"),
        ("FREQ=DAILY;COUNT=-1", "COUNT is '-1'"),
        ("FREQ=DAILY;COUNT=٣", "COUNT is '٣'"),
        ("FREQ=DAILY;INTERVAL=10000", "INTERVAL is '10000'"),
        ("FREQ=DAILY;UNTIL=20260231", "UNTIL is '20260231'; it takes a day"),
        ("FREQ=DAILY;UNTIL=20260301T250000Z", "UNTIL is '20260301T250000Z'"),
        ("FREQ=DAILY;UNTIL=20260301T120000", "UNTIL is '20260301T120000'"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL is 'SOON'"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("*", r"\*")):
        Rule.parse(text)


@given(st.text() | st.text("FREQDAILYCOUNT=;0123456789"))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        rule = Rule.parse(text)
    except ValueError:
        return
    assert len(occurrences(FIRST, FIRST + timedelta(hours=1), Rule(rule.frequency, rule.interval, rule.count))) >= 1


def test_a_rule_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="UNTIL lies before the event's start, 2026-01-31T10:00:00"):
        Rule.parse("FREQ=DAILY;UNTIL=20260130").starts(FIRST)


def test_until_is_kept_to_the_fraction_of_a_second() -> None:
    first = FIRST.replace(microsecond=500_000)
    starts = list(Rule.parse("FREQ=DAILY;UNTIL=20260201T100000Z").starts(first))
    assert starts == [first]


def test_months_without_the_day_are_passed_over() -> None:
    starts = list(Rule.parse("FREQ=MONTHLY;COUNT=4").starts(FIRST))
    assert [start.month for start in starts] == [1, 3, 5, 7]
    assert {(start.day, start.hour) for start in starts} == {(31, 10)}
