"""What a calendar file says can be read back from it, and nothing that a user writes can add a line to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.calendar import ics

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
    assert re.fullmatch(r"[!#-\[\]-~]+_\d{8}\.ics", name)
    assert not {" ", '"', "\\", "/"} & set(name)
    assert len(name) == len(title) + 13


@given(title=st.text(min_size=1), description=st.none() | st.text(), organizer=st.text(), rule=st.none() | st.just("x"))
def test_every_file_has_the_same_lines(title: str, description: str | None, organizer: str, rule: str | None) -> None:
    moment = datetime(2026, 3, 2, 10, tzinfo=UTC)
    event = {
        "id": UUID(int=7),
        "title": title,
        "description": description,
        "location": title,
        "status": "confirmed",
        "start_time": moment,
        "end_time": moment,
        "created_at": moment,
    }
    lines = ics.calendar_file(event, organizer, "a@example.com", rule).split("\n")
    assert len(lines) == 23 + (rule is not None)
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
