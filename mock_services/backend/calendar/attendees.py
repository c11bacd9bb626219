"""Who attends an event, and the invitations that they are sent: `/api/calendar/events/{event_id}/…`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.calendar.invitations import Letters
from mock_services.backend.calendar.schemas import (
    AttendeeCreate,
    AttendeeList,
    AttendeePath,
    AttendeeView,
    EventPath,
    InvitationRequest,
    InvitationsSent,
)
from mock_services.backend.calendar.state import NEEDED_ID, Calendar, Event
from mock_services.backend.calendar.views import Views
from mock_services.backend.crm.state import Row
from mock_services.backend.defects import Defect, Defects
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Detail
from mock_services.backend.store import now
from mock_services.backend.vendors.mail import Mailer, MailRefused
from mock_services.core.operations import Exchange, InvalidRequest, Operation, json_response

log = logging.getLogger(__name__)


class Attendees:
    """The attendee endpoints. Any valid token of the event's tenant will do."""

    def __init__(
        self, calendar: Calendar, views: Views, access: Access, defects: Defects, mailer: Mailer, letters: Letters
    ) -> None:
        self._calendar = calendar
        self._views = views
        self._access = access
        self._defects = defects
        self._mailer = mailer
        self._letters = letters

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("calendar", "/api/calendar/events/{event_id}", self._access.token)
        return (
            area("GET", "/attendees", self.list, path_params=EventPath, gives=AttendeeList, refuses=(404,)),
            area(
                "POST",
                "/attendees",
                self.add,
                path_params=EventPath,
                body=AttendeeCreate,
                gives=AttendeeView,
                refuses=(400, 404),
            ),
            area(
                "DELETE",
                "/attendees/{attendee_id}",
                self.remove,
                path_params=AttendeePath,
                gives=Detail,
                refuses=(404,),
            ),
            area(
                "POST",
                "/send-invitations",
                self.invite,
                path_params=EventPath,
                body=InvitationRequest,
                gives=InvitationsSent,
                refuses=(400, 404),
            ),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List an event's attendees, in the order in which they were added."""
        event = self._event(exchange)
        attendees = [self._views.attendee(event, each) for each in event.attendees.values()]
        return json_response({"attendees": attendees, "total": len(attendees)})

    async def add(self, exchange: Exchange) -> Response:
        """Add an attendee; nothing is sent yet."""
        event = self._event(exchange)
        given: AttendeeCreate = exchange.body
        self._refuse_without_id(given)
        if given.user_id is not None and given.user_id not in event.tenant.users:
            raise BadRequest(f"the tenant has no user {given.user_id}")
        self._calendar.refuse_unknown_contact(event.tenant, given.contact_id)
        attendee = self._calendar.add_attendee(event, given.model_dump())
        return json_response(self._views.attendee(event, attendee))

    async def remove(self, exchange: Exchange) -> Response:
        """Take an attendee off an event; their invitation is worth nothing any more."""
        event = self._event(exchange)
        self._calendar.remove_attendee(event, self._calendar.attendee(event, exchange.path.attendee_id))
        return json_response({"detail": "Attendee removed successfully"})

    async def invite(self, exchange: Exchange) -> Response:
        """Mail invitations, one after the other and one to each person; with `send_invitations` off, none.

        A mail counts as sent even when SendGrid refused it. It failed for who has no e-mail to send it to.
        """
        event = self._event(exchange)
        given: InvitationRequest = exchange.body
        attendees = [self._invited(event, each) for each in dict.fromkeys(given.attendee_ids)]
        run_id = exchange.run_id
        counts = {"sent": 0, "failed": 0}
        for attendee in attendees if given.send_invitations else ():
            status = await self._send(event, attendee, given.custom_message, run_id)
            moment = now()
            attendee |= {"invitation_status": status, "updated_at": moment}
            if status == "sent":
                attendee["invited_at"] = moment
            counts[status] += 1
        return json_response(
            {
                "detail": f"{counts['sent']} invitations sent, {counts['failed']} failed",
                "sent_count": counts["sent"],
                "failed_count": counts["failed"],
            }
        )

    async def _send(self, event: Event, attendee: Row, message: str | None, run_id: str) -> str:
        """Mail an invitation and give the attendee's new status."""
        to, name = self._views.address(event, attendee)
        if not to:
            return "failed"
        try:
            await self._mailer.send(self._letters.invitation(event, attendee, to, name, message), run_id)
        except MailRefused as refusal:
            log.warning("the invitation of attendee %s counts as sent, but %s", attendee["id"], refusal)
        return "sent"

    def _invited(self, event: Event, attendee_id: UUID) -> Row:
        attendee = event.attendees.get(attendee_id)
        if attendee is None:
            raise BadRequest(f"the event has no attendee {attendee_id} to invite")
        return attendee

    def _event(self, exchange: Exchange) -> Event:
        return self._calendar.event(exchange.principal.tenant.id, exchange.path.event_id)

    def _refuse_without_id(self, given: AttendeeCreate) -> None:
        """Refuse an attendee without the id of its type: 422, unless that defect lets it through."""
        name = NEEDED_ID[given.attendee_type]
        if not getattr(given, name) and Defect.CALENDAR_ATTENDEE_WITHOUT_ID not in self._defects:
            message = f"Value error, {name} is needed for an attendee of type {given.attendee_type}"
            raise InvalidRequest([{"loc": ("body", name), "type": "value_error", "msg": message}])
