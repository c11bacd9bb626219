"""Whole pieces of work as a funeral home does them, across the platform's areas.

locust -f scenarios/workflows.py --headless --users 8 --run-time 60s

Customer intake, daily administration, search and schedule, and bulk operations: a class each, with a thought between
two steps. A step that fails ends the piece of work; the next one begins anew.
"""

import json
from collections.abc import Mapping
from typing import Any

import gevent
from locust.exception import StopUser

from clients.session import Form
from locust import task
from scenarios.base import MOST_CONTACTS, PlatformUser, needs
from scenarios.suite import install
from utils.caused import MAIL
from utils.test_data import IMPORTED, addresses_in

install()

MOST_EVENTS = 50
ROWS = 5
"""So many families an imported file has."""
BOUNDARY = "lab-form-boundary"

CREATE_CONTACT, CREATE_EVENT = "POST /api/crm/contacts", "POST /api/calendar/events"
DELETE_CONTACT, DELETE_EVENT = "DELETE /api/crm/contacts/{id}", "DELETE /api/calendar/events/{id}"
ATTEND = "POST /api/calendar/events/{id}/attendees"
INVITE = "POST /api/calendar/events/{id}/send-invitations"
RSVP = ("GET /api/calendar/rsvp/{token}", "POST /api/calendar/rsvp/{token}/respond")


class WorkflowUser(PlatformUser):
    """What the workflows share: a user keeps what it made within the bounds of the area's own users."""

    abstract = True

    def on_start(self) -> None:
        """Begin with nothing of one's own."""
        super().on_start()
        self.contacts: list[dict[str, Any]] = []
        self.events: list[str] = []

    def think(self) -> None:
        """Pause before the next step; a user who is asked to end does so here."""
        gevent.sleep(self.wait_time())  # type: ignore[no-untyped-call]
        if self.stopping:
            raise StopUser

    def enter_contact(self) -> dict[str, Any] | None:
        """Enter a family; the oldest makes room when there are as many as a user may keep."""
        if len(self.contacts) >= MOST_CONTACTS and self.offers(DELETE_CONTACT):
            self.api.crm.delete_contact(self.contacts.pop(0)["id"])
        made = self.api.crm.create_contact(self.records.contact())
        if made is not None:
            self.contacts.append(made)
        return made

    def enter_event(self) -> str | None:
        """Enter an event; the oldest makes room."""
        if len(self.events) >= MOST_EVENTS and self.offers(DELETE_EVENT):
            self.api.calendar.delete(self.events.pop(0))
        made = self.api.calendar.create(self.records.event())
        if made is None:
            return None
        event_id: str = made["id"]
        self.events.append(event_id)
        return event_id

    def invite(self, event_id: str, contact: Mapping[str, Any]) -> str | None:
        """Have a contact attend and mail the invitation; give its token."""
        remark = self.records.remark()
        attendee = self.api.calendar.add_contact(event_id, contact["id"])
        if attendee is None:
            return None
        if self.sends_mail and self.offers(INVITE):
            self.think()
            with self.lab.caused.causing(MAIL, [contact["contact_email"].lower()]) as attempt:
                sent = self.api.calendar.send_invitations(event_id, [attendee["id"]], remark)
                attempt.succeeded = sent is not None
        token: str = attendee["invitation_token"]
        return token


class CustomerIntakeUser(WorkflowUser):
    """Takes a new family in: contact, first interaction, appointment, invitation, and the family's answer."""

    weight = 5

    @task
    @needs(CREATE_CONTACT, "POST /api/crm/interactions", CREATE_EVENT, ATTEND)
    def customer_intake(self) -> None:
        """From the first call to the appointment that the family accepts."""
        contact = self.enter_contact()
        if contact is None:
            return
        self.think()
        if self.api.crm.create_interaction(self.records.interaction(contact["id"])) is None:
            return
        self.think()
        event_id = self.enter_event()
        if event_id is None:
            return
        self.think()
        token = self.invite(event_id, contact)
        if token is not None and self.sends_mail and self.offers(*RSVP):
            self.think()
            if self.api.calendar.invitation(token):
                with self.lab.caused.causing(MAIL, [""]):  # a platform may confirm it by mail
                    self.api.calendar.respond(token, "accepted")


class DailyAdministrationUser(WorkflowUser):
    """Opens the day: the dashboard, the lists, the calendar's figures, and what has to be changed."""

    weight = 5

    @task
    @needs("GET /api/crm/dashboard", "GET /api/crm/contacts", "GET /api/calendar/events/range", CREATE_CONTACT)
    def daily_administration(self) -> None:
        """Look through everything, then bring one contact and one event up to date."""
        self.api.crm.dashboard()
        self.think()
        self.api.crm.contacts()
        self.think()
        self.api.calendar.range(*self.records.span())
        if self.offers("GET /api/calendar/events/stats/summary"):
            self.api.calendar.summary(*self.records.month())
        if self.offers("GET /api/telephony/calls"):
            self.api.telephony.calls()
        self.think()
        contact = self.contacts[-1] if self.contacts else self.enter_contact()
        changes = self.records.contact_changes()
        if contact is not None and self.offers("PATCH /api/crm/contacts/{id}"):
            self.api.crm.update_contact(contact["id"], changes)
        if self.offers(CREATE_EVENT, "PUT /api/calendar/events/{id}"):
            self.think()
            event_id = self.events[-1] if self.events else self.enter_event()
            moved = self.records.event_changes()
            if event_id is not None:
                self.api.calendar.update(event_id, moved)


class SearchAndScheduleUser(WorkflowUser):
    """Finds a family by its name, reads what was done, and makes an appointment with it."""

    weight = 5

    @task
    @needs(CREATE_CONTACT, "GET /api/crm/contacts/search", "GET /api/crm/contacts/{id}", CREATE_EVENT, ATTEND)
    def search_and_schedule(self) -> None:
        """From a name to an appointment. Only families of the user's own are looked for: these must be found."""
        place = self.chance.random()
        if len(self.contacts) < ROWS and self.enter_contact() is None:
            return
        self.think()
        sought = self.contacts[int(place * len(self.contacts))]
        found = self.api.crm.search(sought["contact_email"], ["contact_email"], least=1)
        if found is None:
            return
        self.think()
        contact = self.api.crm.contact(found["items"][0]["id"])
        if contact is None:
            return
        if self.offers("GET /api/crm/contacts/{id}/interactions"):
            self.api.crm.interactions(contact["id"])
        self.think()
        self.api.calendar.range(*self.records.span())
        event_id = self.enter_event()
        if event_id is not None:
            self.think()
            self.invite(event_id, contact)


class BulkOperationsUser(WorkflowUser):
    """Brings a file of families in, writes to all of them, and clears them out again."""

    weight = 5

    @task
    @needs("POST /api/crm/contacts/import", DELETE_CONTACT)
    def bulk_operations(self) -> None:
        """Import, mail where the target offers it and a double takes the mails, delete."""
        families = self.records.address_list(ROWS)
        contact_ids = self.api.crm.import_contacts(_as_file(families), json.dumps(IMPORTED), ROWS)
        if contact_ids is None:
            return
        self.think()
        if self.sends_mail and self.offers("POST /api/crm/email-templates", "POST /api/crm/bulk-email"):
            self._write_to(contact_ids, addresses_in(families))
        for contact_id in contact_ids:
            self.api.crm.delete_contact(contact_id)

    def _write_to(self, contact_ids: list[str], addresses: list[str]) -> None:
        template = self.api.mailing.create_template(self.records.template())
        if template is None:
            return
        self.think()
        with self.lab.caused.causing(MAIL, addresses) as attempt:
            attempt.succeeded = self.api.mailing.send(template["id"], contact_ids) is not None
        if self.offers("GET /api/crm/email-campaigns"):
            self.api.mailing.campaigns()
        self.think()
        if self.offers("DELETE /api/crm/email-templates/{id}"):
            self.api.mailing.delete_template(template["id"])


def _as_file(families: str) -> Form:
    """A CSV file as a browser uploads it (RFC 7578)."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="families.csv"\r\n'
    content = f"{head}Content-Type: text/csv\r\n\r\n{families}\r\n--{BOUNDARY}--\r\n"
    return Form(f"multipart/form-data; boundary={BOUNDARY}", content.encode())
