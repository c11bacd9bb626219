"""What of the calendar needs no token: invitations, answered by who was sent one, and events as files."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.calendar.ics import calendar_file, file_name
from mock_services.backend.calendar.invitations import Letters
from mock_services.backend.calendar.schemas import Answer, Answered, EventPath, Invitation, InvitationPath, InvitedEvent
from mock_services.backend.calendar.state import Calendar
from mock_services.backend.calendar.views import Views
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.vendors.mail import Mailer, MailRefused
from mock_services.core.operations import Exchange, Operation, json_response

log = logging.getLogger(__name__)


class PublicCalendar:
    """The endpoints that anybody may call who knows an invitation's token or an event's id."""

    def __init__(self, calendar: Calendar, views: Views, mailer: Mailer, letters: Letters) -> None:
        self._calendar = calendar
        self._views = views
        self._mailer = mailer
        self._letters = letters

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("calendar", "/api/calendar")
        return (
            area(
                "GET",
                "/rsvp/{invitation_token}",
                self.show,
                path_params=InvitationPath,
                gives=Invitation,
                refuses=(404,),
            ),
            area(
                "POST",
                "/rsvp/{invitation_token}/respond",
                self.respond,
                path_params=InvitationPath,
                body=Answer,
                gives=Answered,
                refuses=(404,),
            ),
            area("GET", "/events/{event_id}/ics", self.file, path_params=EventPath, refuses=(404,)),
        )

    async def show(self, exchange: Exchange) -> Response:
        """Show an invitation and its event."""
        event, attendee = self._calendar.invitation(exchange.path.invitation_token)
        return json_response(
            {
                "attendee": self._views.attendee(event, attendee),
                "event": {name: event.row[name] for name in InvitedEvent.model_fields},
            }
        )

    async def respond(self, exchange: Exchange) -> Response:
        """Record an answer and try to confirm it by mail; that the mail fails changes nothing."""
        given: Answer = exchange.body
        event, attendee = self._calendar.invitation(exchange.path.invitation_token)
        moment = now()
        attendee |= {"response_status": given.response_status, "responded_at": moment, "updated_at": moment}
        if attendee["attendee_type"] == "external" and given.attendee_name:
            attendee["external_name"] = given.attendee_name
        to, name = self._views.address(event, attendee)
        if to:
            letter = self._letters.confirmation(event, attendee, to, name)
            try:
                await self._mailer.send(letter, exchange.run_id)
            except MailRefused as refusal:
                log.warning("the answer of attendee %s is not confirmed: %s", attendee["id"], refusal)
        return json_response(
            {
                "detail": "Your answer was recorded",
                "response_status": given.response_status,
                "responded_at": moment,
            }
        )

    async def file(self, exchange: Exchange) -> Response:
        """Give an event as an iCalendar file, to anybody of any tenant."""
        event = self._calendar.event_of_any_tenant(exchange.path.event_id)
        name = file_name(event.row["title"], event.row["start_time"])
        return Response(
            calendar_file(event, now()),
            media_type="text/calendar",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )
