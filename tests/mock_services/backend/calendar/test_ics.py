"""What a calendar file says can be read back from it, and nothing that a user writes can add a line to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.accounts.state import Tenant
from mock_services.backend.calendar import ics
from mock_services.backend.calendar.state import Event

MOMENTS = st.datetimes(timezones=st.just(UTC))
WRITTEN = re.compile(r"\\([\\;,nN])")
CONTROLS = {chr(code) for code in (*range(32), 127)} - {"\t", "\n"}


def read_text(value: str) -> str:
    """Undo the escapes of RFC 5545, section 3.3.11."""
    assert not re.search(r"(?<!\\)(\\\\)*[;,]", value), "a separator stands unescaped"
    return WRITTEN.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def read_parameter(value: str) -> str:
    """Undo the quotes and the escapes of RFC 6868."""
    assert re.fullmatch(r'"[^"]*"', value, re.DOTALL)
    return re.sub(r"\^(['^n])", lambda found: {"'": '"', "n": "\n", "^": "^"}[found[1]], value[1:-1])


def normal(value: str) -> str:
    """What a calendar can hold of a text: one kind of line end, no control characters."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in value if letter not in CONTROLS)


@given(st.text() | st.text("\\;,:nN\r\n\"^'\x00\t "))
def test_a_text_is_read_back(value: str) -> None:
    written = ics.text(value)
    assert "\n" not in written
    assert not CONTROLS & set(written)
    assert read_text(written) == normal(value)


@given(st.text() | st.text("\\;,:nN\r\n\"^'\x00\t "))
def test_a_parameter_is_read_back(value: str) -> None:
    written = ics.parameter(value)
    assert "\n" not in written
    assert read_parameter(written) == normal(value)


@given(MOMENTS)
def test_a_moment_is_read_back_to_the_second(moment: datetime) -> None:
    written = ics.stamp(moment)
    assert datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) == moment.replace(microsecond=0)


@given(st.text(min_size=1, max_size=200), MOMENTS)
def test_a_file_name_fits_a_quoted_header_value(title: str, start: datetime) -> None:
    name = ics.file_name(title, start)
    assert re.fullmatch(r"[ -~]+_\d{8}\.ics", name)
    assert not {'"', "\\", "/"} & set(name)
    assert len(name) == len(title) + 13


@given(st.text("aé葬🕯 ", max_size=400))
def test_a_folded_line_is_read_back_and_none_is_longer_than_75_octets(line: str) -> None:
    folded = ics.fold(line).split("\n")
    assert all(len(piece.encode()) <= 75 for piece in folded)
    assert all(len(piece.encode()) > 70 for piece in folded[:-1])  # and none shorter than its letters make it
    assert "".join([folded[0], *(piece.removeprefix(" ") for piece in folded[1:])]) == line


def an_event(**fields: Any) -> Event:
    moment = datetime(2026, 3, 2, 10, tzinfo=UTC)
    row = {
        "id": UUID(int=7),
        "title": "Visit",
        "description": None,
        "location": None,
        "status": "confirmed",
        "all_day": False,
        "start_time": moment,
        "end_time": moment + timedelta(hours=1),
        "created_at": moment,
        "updated_at": moment,
        "user_id": None,
    }
    tenant = Tenant(UUID(int=1), "Garden\n", "garden", "", moment, moment, organization_email="a@example.com\nX:1")
    return Event(tenant, row | fields)


def lines_of(event: Event) -> list[str]:
    file = ics.calendar_file(event, datetime(2026, 3, 1, tzinfo=UTC))
    assert file.endswith("END:VCALENDAR\n")
    return file.replace("\n ", "").split("\n")[:-1]


@given(title=st.text(min_size=1), description=st.none() | st.text(min_size=1))
def test_no_text_adds_a_line(title: str, description: str | None) -> None:
    lines = lines_of(an_event(title=title, description=description, location=title))
    assert len(lines) == 23 + (description is not None)
    names = [re.split("[:;]", line)[0] for line in lines]
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == [
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        "BEGIN:VALARM",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    summary = lines[names.index("SUMMARY")]
    assert read_text(summary.removeprefix("SUMMARY:")) == normal(title)


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("2026-03-02T00:00", "2026-03-03T00:00", ["20260302", "20260303"]),
        ("2026-03-02T10:00", "2026-03-02T11:00", ["20260302", "20260303"]),
        ("2026-03-02T10:00", "2026-03-04T00:00", ["20260302", "20260304"]),
        ("2026-03-02T10:00", "2026-03-04T00:01", ["20260302", "20260305"]),
        ("9999-12-31T10:00", "9999-12-31T11:00", ["99991231"]),  # there is no day after it
    ],
)
def test_an_event_of_whole_days_ends_on_the_first_day_without_it(start: str, end: str, written: list[str]) -> None:
    times = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end)]
    lines = lines_of(an_event(all_day=True, start_time=times[0], end_time=times[1]))
    assert [line.split(";VALUE=DATE:")[1] for line in lines if ";VALUE=DATE:" in line] == written


def test_without_an_address_nobody_is_named_as_who_invites() -> None:
    event = an_event()
    assert 'ORGANIZER;CN="Garden^n":mailto:a@example.com%0AX%3A1' in lines_of(event)
    event.tenant.organization_email = None
    assert not [line for line in lines_of(event) if line.startswith("ORGANIZER")]
