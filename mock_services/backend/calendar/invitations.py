"""The mails of the calendar: an invitation with its links, and the confirmation of an answer to it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from mock_services.backend.calendar.state import Event
from mock_services.backend.crm.state import Row
from mock_services.backend.vendors.mail import Mail

ANSWERS = {"accepted": "you will come", "declined": "you will not come", "tentative": "you may come"}


class Letters:
    """Writes mails whose links lead to `origin`, where the API's public calendar pages can be reached."""

    def __init__(self, origin: str) -> None:
        self._calendar = f"{origin.rstrip('/')}/api/calendar"

    def invitation(self, event: Event, attendee: Row, to: str, to_name: str | None, message: str | None) -> Mail:
        """Invite an attendee in the name of who organises the event."""
        title, start = event.row["title"], event.row["start_time"]
        lines = [f"{event.organizer[0]} invites you to: {title}", *_facts(event)]
        if message:
            lines.append(message)
        links = [
            ("Your invitation", self._invitation_url(attendee)),
            ("For your calendar", f"{self._calendar}/events/{event.row['id']}/ics"),
        ]
        return _mail(event, to, to_name, f"Invitation to {title} on {start:%d %B %Y}", lines, links)

    def confirmation(self, event: Event, attendee: Row, to: str, to_name: str | None) -> Mail:
        """Confirm an attendee's answer."""
        title = event.row["title"]
        lines = [f"We have noted that {ANSWERS[attendee['response_status']]}: {title}", *_facts(event)]
        links = [("Your invitation", self._invitation_url(attendee))]
        return _mail(event, to, to_name, f"Your answer to {title}", lines, links)

    def _invitation_url(self, attendee: Row) -> str:
        return f"{self._calendar}/rsvp/{attendee['invitation_token']}"


def _facts(event: Event) -> Iterable[str]:
    row = event.row
    shape = "%d %B %Y" if row["all_day"] else "%d %B %Y %H:%M UTC"
    yield f"{row['start_time'].strftime(shape)} to {row['end_time'].strftime(shape)}"
    for name in ("location", "description"):
        if row[name]:
            yield row[name]


def _mail(
    event: Event, to: str, to_name: str | None, subject: str, lines: list[str], links: list[tuple[str, str]]
) -> Mail:
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in lines)
    anchors = "".join(f'<p><a href="{escape(url)}">{escape(name)}</a></p>' for name, url in links)
    return Mail(
        to=to,
        to_name=to_name,
        sender_name=event.organizer[0],
        subject=" ".join(subject.split()),  # one line
        text="\n\n".join([*lines, *(f"{name}: {url}" for name, url in links)]),
        html=f"<html><body>{paragraphs}{anchors}</body></html>",
    )
