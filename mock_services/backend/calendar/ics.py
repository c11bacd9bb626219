"""An event as an iCalendar file (RFC 5545), but with the platform's line ends: LF instead of CRLF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from urllib.parse import quote

from mock_services.backend.calendar.recurrence import Rule
from mock_services.backend.calendar.state import Event

LINE_OCTETS = 75
ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
PARAMETER_ESCAPES = str.maketrans({"^": "^^", "\n": "^n", '"': "^'"})
NOT_IN_A_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
NOT_IN_A_FILE_NAME = re.compile(r'[^ -~]|["/\\]')


def calendar_file(event: Event, written: datetime) -> str:
    """Write an event as one VEVENT that invites, with an alarm 15 minutes before it; `written` is the time of writing.

    The file is public, and so it names who invites, but nobody who is invited.
    """
    return "".join(f"{fold(line)}\n" for line in _lines(event, written))


def fold(line: str) -> str:
    """Break a line so that none has more than 75 octets of UTF-8; what goes on begins with a space (section 3.1)."""
    pieces, used = [], 0
    for letter in line:
        octets = len(letter.encode())
        if used + octets > LINE_OCTETS:
            pieces.append("\n ")
            used = 1
        pieces.append(letter)
        used += octets
    return "".join(pieces)


def text(value: str) -> str:
    """Escape a text value (section 3.3.11); control characters, which it may not hold, are dropped."""
    return _plain(value).translate(ESCAPES)


def parameter(value: str) -> str:
    """Quote a parameter's value, with RFC 6868's way round what quotes may not hold."""
    return f'"{_plain(value).translate(PARAMETER_ESCAPES)}"'


def stamp(moment: datetime) -> str:
    """Write a moment in UTC (section 3.3.5)."""
    return f"{moment.year:04d}{moment:%m%dT%H%M%S}Z"


def day(moment: date) -> str:
    """Write a day (section 3.3.4)."""
    return f"{moment.year:04d}{moment:%m%d}"


def file_name(title: str, start: datetime) -> str:
    """Name an event's file by its title and day; what a quoted header value or a file's name cannot hold is `_`."""
    return f"{NOT_IN_A_FILE_NAME.sub('_', title)}_{day(start)}.ics"


def _lines(event: Event, written: datetime) -> Iterator[str]:
    row = event.row
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield "PRODID:-//Thanotopolis load lab//Reference backend//EN"
    yield "METHOD:REQUEST"
    yield "BEGIN:VEVENT"
    yield f"UID:{row['id']}"
    yield f"SEQUENCE:{event.revision}"
    yield f"DTSTAMP:{stamp(written)}"
    yield f"CREATED:{stamp(row['created_at'])}"
    yield f"LAST-MODIFIED:{stamp(row['updated_at'])}"
    yield from _times(row["start_time"], row["end_time"], all_day=row["all_day"])
    if rule := row.get("recurrence_rule"):
        yield f"RRULE:{_rule(Rule.parse(rule), all_day=row['all_day'])}"
    organizer, address = event.organizer
    if address:
        yield f"ORGANIZER;CN={parameter(organizer)}:mailto:{quote(address, safe='@+')}"
    yield f"SUMMARY:{text(row['title'])}"
    for name in ("description", "location"):
        if row[name]:
            yield f"{name.upper()}:{text(row[name])}"
    yield f"STATUS:{row['status'].upper()}"
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"DESCRIPTION:{text(row['title'])}"
    yield "TRIGGER:-PT15M"
    yield "END:VALARM"
    yield "END:VEVENT"
    yield "END:VCALENDAR"


def _times(start: datetime, end: datetime, *, all_day: bool) -> Iterator[str]:
    """Say when an event is: between two moments or, if it takes all day, from a day up to the first one without it."""
    if not all_day:
        yield f"DTSTART:{stamp(start)}"
        yield f"DTEND:{stamp(end)}"
        return
    yield f"DTSTART;VALUE=DATE:{day(start)}"
    ends_at_midnight = end.time() == time()
    if ends_at_midnight or end.date() < date.max:  # beyond the last day there is none to name
        yield f"DTEND;VALUE=DATE:{day(end.date() if ends_at_midnight else end.date() + timedelta(days=1))}"


def _rule(rule: Rule, *, all_day: bool) -> str:
    """Write a rule; its UNTIL is a day or a moment as the event's start is one (section 3.3.10)."""
    parts = [f"FREQ={rule.frequency}"]
    if rule.interval != 1:
        parts.append(f"INTERVAL={rule.interval}")
    if rule.count is not None:
        parts.append(f"COUNT={rule.count}")
    if rule.until is not None:
        parts.append(f"UNTIL={day(rule.until) if all_day else stamp(rule.until)}")
    return ";".join(parts)


def _plain(value: str) -> str:
    """Leave line feeds as the only line ends, and no other control characters than tabs."""
    return NOT_IN_A_TEXT.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
