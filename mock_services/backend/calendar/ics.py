"""An event as an iCalendar file (RFC 5545), with the platform's line ends: LF alone, and lines of any length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
PARAMETER_ESCAPES = str.maketrans({"^": "^^", "\n": "^n", '"': "^'"})
NOT_IN_A_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
NOT_IN_A_FILE_NAME = re.compile(r"[^!#-.0-\[\]-~]")


def calendar_file(event: Mapping[str, Any], organizer: str, address: str, rule: str | None) -> str:
    """Write an event's row as one VEVENT that invites, with an alarm a quarter of an hour before it.

    `organizer` and `address` are the name and the e-mail of the user whose event it is; `rule` is how it recurs.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Thanotopolis load lab//Reference backend//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{event['id']}@thanotopolis",
        f"DTSTAMP:{stamp(event['created_at'])}",
        f"DTSTART:{stamp(event['start_time'])}",
        f"DTEND:{stamp(event['end_time'])}",
        *([f"RRULE:{rule.upper()}"] if rule else []),
        f"ORGANIZER;CN={parameter(organizer)}:mailto:{address}",
        f"SUMMARY:{text(event['title'])}",
        f"DESCRIPTION:{text(event['description'] or '')}",
        f"LOCATION:{text(event['location'] or '')}",
        f"STATUS:{event['status'].upper()}",
        "SEQUENCE:0",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT15M",
        "DESCRIPTION:Reminder",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\n".join(lines)


def text(value: str) -> str:
    """Escape a text value (RFC 5545, section 3.3.11); control characters, which it may not hold, are dropped."""
    return _plain(value).translate(ESCAPES)


def parameter(value: str) -> str:
    """Quote a parameter's value, with RFC 6868's way round what quotes may not hold."""
    return f'"{_plain(value).translate(PARAMETER_ESCAPES)}"'


def stamp(moment: datetime) -> str:
    """Write a moment in UTC."""
    return f"{moment.year:04d}{moment:%m%dT%H%M%S}Z"


def file_name(title: str, start: datetime) -> str:
    """Name an event's file by its title and day; what has no place in a header or a file's name becomes `_`."""
    return f"{NOT_IN_A_FILE_NAME.sub('_', title)}_{start.year:04d}{start:%m%d}.ics"


def _plain(value: str) -> str:
    """Leave line feeds as the only line ends, and no other control characters than tabs."""
    return NOT_IN_A_TEXT.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
