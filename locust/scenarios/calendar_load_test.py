"""The calendar: looking at events, entering them, inviting families, moving and deleting them.

locust -f scenarios/calendar_load_test.py --headless --users 10 --run-time 30s
"""

from locust import task
from scenarios.base import PlatformUser, needs
from scenarios.suite import install
from utils.caused import MAIL
from utils.test_data import ANSWERS, EVENT_STATUSES, EVENT_TYPES

install()

LIST, VIEW, FILTER, ATTENDEES, FILE = "list", "view", "filter", "attendees", "file"
LOOKS = {LIST: 40, VIEW: 30, FILTER: 15, ATTENDEES: 10, FILE: 5}
"""How staff look at events, in percent."""
RANGE_SHARE = 0.7
"""Of ranges and statistics: a day, week or month of the calendar, rather than its figures."""
RECURRING_SHARE = 0.2
INVITED_SHARE = 0.4
"""Of the events that are created."""
ANSWER_SHARE = 0.3
"""Of updates: a family answers its invitation, rather than that staff move an event."""
MOST_EVENTS = 50
FAMILIES = 5
"""So many contacts a user enters to invite; then it invites them again."""

LIST_EVENTS = "GET /api/calendar/events"
CREATE_EVENT = "POST /api/calendar/events"
RECURRENCE = "POST /api/calendar/events recurrence_rule"
INVITING = ("POST /api/calendar/events/{id}/attendees", "POST /api/crm/contacts")
SENDING = "POST /api/calendar/events/{id}/send-invitations"
ANSWERING = ("GET /api/calendar/rsvp/{token}", "POST /api/calendar/rsvp/{token}/respond")


class CalendarUser(PlatformUser):
    """Someone who keeps a funeral home's calendar; the weights are the platform's brief."""

    weight = 30

    def on_start(self) -> None:
        """Begin with an empty calendar of one's own."""
        super().on_start()
        self.events: list[str] = []
        """The ids of the events that this user made, oldest first; only these are changed and deleted."""
        self.families: list[tuple[str, str]] = []
        """Ids and mail addresses of the contacts to invite."""
        """The contacts that this user invites."""
        self.invitations: list[tuple[str, str]] = []
        """Events and the tokens of invitations to them that nobody has answered."""

    @task(40)
    @needs(LIST_EVENTS)
    def look(self) -> None:
        """List events, or open one."""
        kind = self.chance.choices(list(LOOKS), list(LOOKS.values()))[0]
        filters = self._a_filter()
        event_id = self.own_event()
        if event_id is not None and kind == VIEW and self.offers("GET /api/calendar/events/{id}"):
            self.api.calendar.event(event_id)
        elif event_id is not None and kind == ATTENDEES and self.offers("GET /api/calendar/events/{id}/attendees"):
            self.api.calendar.attendees(event_id)
        elif event_id is not None and kind == FILE and self.offers("GET /api/calendar/events/{id}/ics"):
            self.api.calendar.ics(event_id)
        elif kind == FILTER:
            self.api.calendar.events(filters=filters)
        else:
            self.api.calendar.events(skip=self.chance.choice((0, 0, 20)))

    @task(25)
    @needs(CREATE_EVENT)
    def create(self) -> None:
        """Enter an event, some of them recurring, some with a family invited."""
        recurring = self.chance.random() < RECURRING_SHARE and self.offers(RECURRENCE)
        invited = self.chance.random() < INVITED_SHARE and self.offers(*INVITING)
        event_id = self.create_event(recurring)
        if event_id is not None and invited:
            self.invite(event_id)

    @task(20)
    @needs("GET /api/calendar/events/range")
    def overview(self) -> None:
        """Look at a day, a week or a month, or at a month's figures."""
        if self.chance.random() < RANGE_SHARE or not self.offers("GET /api/calendar/events/stats/summary"):
            self.api.calendar.range(*self.records.span())
        else:
            self.api.calendar.summary(*self.records.month())

    @task(10)
    @needs(CREATE_EVENT, "PUT /api/calendar/events/{id}")
    def update(self) -> None:
        """Move an event of one's own, or take a family's answer; without either, enter an event first."""
        answer = self.chance.choice(ANSWERS)
        answered = self.chance.random() < ANSWER_SHARE and self.sends_mail and self.offers(*ANSWERING)
        if answered and self.invitations:
            _, token = self.invitations.pop(0)
            if self.api.calendar.invitation(token):
                with self.lab.caused.causing(MAIL, [""]):  # a platform may confirm it by mail
                    self.api.calendar.respond(token, answer)
            return
        event_id = self.own_event() or self.create_event()
        changes = self.records.event_changes()
        if event_id is not None:
            self.api.calendar.update(event_id, changes)

    @task(5)
    @needs(CREATE_EVENT, "DELETE /api/calendar/events/{id}")
    def delete(self) -> None:
        """Delete the oldest event of one's own; without one, enter it first."""
        if self.events or self.create_event():
            self.delete_oldest()

    def own_event(self) -> str | None:
        """Any of the events that this user made; the random numbers move on also when there is none."""
        place = self.chance.random()
        return self.events[int(place * len(self.events))] if self.events else None

    def create_event(self, recurring: bool = False) -> str | None:
        """Enter an event and give its id; the oldest makes room when there are as many as a user may keep."""
        if len(self.events) >= MOST_EVENTS and self.offers("DELETE /api/calendar/events/{id}"):
            self.delete_oldest()
        made = self.api.calendar.create(self.records.event(recurring), "recurring" if recurring else "")
        if made is None:
            return None
        event_id: str = made["id"]
        self.events.append(event_id)
        return event_id

    def delete_oldest(self) -> None:
        """Delete an event; one whose deletion failed is not tried again (the clean-up finds it)."""
        gone = self.events.pop(0)
        self.api.calendar.delete(gone)
        self.invitations = [(event_id, token) for event_id, token in self.invitations if event_id != gone]

    def invite(self, event_id: str) -> None:
        """Have a family from the CRM attend, now and then somebody else too, and mail the invitations."""
        with_guest = self.chance.random() < 0.25
        remark = self.records.remark()
        family = self.family()
        invited = [(self.api.calendar.add_contact(event_id, family[0]), family[1])] if family else []
        if with_guest:
            email, name = self.records.guest()
            invited.append((self.api.calendar.add_external(event_id, email, name), email))
        attendees = [attendee for attendee, _ in invited if attendee is not None]
        if attendees and self.sends_mail and self.offers(SENDING):
            addresses = [email.lower() for attendee, email in invited if attendee is not None]
            with self.lab.caused.causing(MAIL, addresses) as attempt:
                ids = [attendee["id"] for attendee in attendees]
                attempt.succeeded = self.api.calendar.send_invitations(event_id, ids, remark) is not None
        self.invitations += [(event_id, attendee["invitation_token"]) for attendee in attendees]

    def family(self) -> tuple[str, str] | None:
        """A contact to invite, by id and mail address: a new one until there are enough, then one of those."""
        if len(self.families) >= FAMILIES:
            return self.chance.choice(self.families)
        made = self.api.crm.create_contact(self.records.contact())
        if made is None:
            return None
        self.families.append((made["id"], made["contact_email"]))
        return self.families[-1]

    def _a_filter(self) -> dict[str, str]:
        start, end = self.records.span()
        return self.chance.choice(
            (
                {"event_type": self.chance.choice(EVENT_TYPES)},
                {"status": self.chance.choice(EVENT_STATUSES)},
                {"start_date": start, "end_date": end},
            )
        )
