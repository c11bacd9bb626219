"""The mails of the calendar: an invitation with its links, and the confirmation of an answer to it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from mock_services.backend.accounts.state import User
from mock_services.backend.calendar.state import Event
from mock_services.backend.crm.state import Row
from mock_services.backend.vendors.mail import Mail

ANSWERS = {"accepted": "you will come", "declined": "you will not come", "tentative": "you may come"}


class Letters:
    """Writes mails whose links lead to `frontend`, the origin of the platform's pages."""

    def __init__(self, frontend: str) -> None:
        self._frontend = frontend.rstrip("/")

    def invitation(
        self, event: Event, attendee: Row, to: str, to_name: str | None, owner: User, message: str | None
    ) -> Mail:
        """Invite an attendee in the name of the event's owner."""
        rsvp = f"{self._frontend}/rsvp/{attendee['invitation_token']}"
        lines = [
            f"{owner.name} of {event.tenant.name} invites you: {event.row['title']}",
            *_facts(event),
            *([message] if message else []),
        ]
        links = [
            ("Answer", rsvp),
            ("Accept", f"{rsvp}/respond?status=accepted"),
            ("Decline", f"{rsvp}/respond?status=declined"),
            ("Perhaps", f"{rsvp}/respond?status=tentative"),
            ("Calendar file", f"{self._frontend}/api/calendar/events/{event.row['id']}/ics"),
        ]
        subject = f"Invitation: {event.row['title']} - {event.row['start_time']:%d %B %Y}"
        return _mail(to, to_name, owner, subject, lines, links)

    def confirmation(self, event: Event, attendee: Row, to: str, to_name: str | None, owner: User) -> Mail:
        """Confirm an attendee's answer."""
        lines = [f"We have noted that {ANSWERS[attendee['response_status']]}: {event.row['title']}", *_facts(event)]
        change = [("Change your answer", f"{self._frontend}/rsvp/{attendee['invitation_token']}")]
        return _mail(to, to_name, owner, f"Your answer: {event.row['title']}", lines, change)


def _facts(event: Event) -> Iterable[str]:
    row = event.row
    shape = "%d %B %Y" if row["all_day"] else "%d %B %Y %H:%M UTC"
    yield f"{row['start_time'].strftime(shape)} to {row['end_time'].strftime(shape)}"
    for name in ("location", "description"):
        if row[name]:
            yield row[name]


def _mail(
    to: str, to_name: str | None, owner: User, subject: str, lines: list[str], links: list[tuple[str, str]]
) -> Mail:
    text = "\n\n".join([*lines, *(f"{name}: {url}" for name, url in links)])
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in lines)
    anchors = "".join(f'<p><a href="{escape(url)}">{escape(name)}</a></p>' for name, url in links)
    return Mail(
        to=to,
        to_name=to_name,
        sender_name=owner.name,
        subject=" ".join(subject.split()),
        text=text,
        html=f"<html><body>{paragraphs}{anchors}</body></html>",
    )
