"""What a funeral home's staff would type: families, contacts, notes and colleagues, made by Faker from the user's seed.

Never sent, as the real platform stores such a contact and then answers 500 for every list that holds it:
date_of_birth, date_of_death, service_date, veteran_status, payment_plan.
"""

from __future__ import annotations

import csv
import datetime
import functools
import io
import random
from typing import Any

from faker import Faker

from utils.identity import mail_domain

STATUSES = ("lead", "prospect", "customer", "inactive", "qualified", "closed_won", "closed_lost")
HOUSES = ("Funeral Home", "Memorial Chapel", "Funeral & Cremation", "Memorial Gardens", "Mortuary", "Family Services")
ROLES = ("Next of kin", "Executor", "Funeral director", "Pre-need client", "Florist", "Clergy", "Monument mason")
RELATIONS = ("spouse", "daughter", "son", "sister", "brother", "grandchild", "niece", "nephew", "friend", "executor")
SERVICES = (
    "Traditional burial",
    "Graveside service",
    "Cremation",
    "Memorial service",
    "Celebration of life",
    "Viewing",
)
PLACES = ("Chapel of Rest", "Garden Pavilion", "Main Chapel", "Graveside, Section B", "St. Mark's Church", "Rose Hall")
PLOT_TYPES = ("Single", "Companion", "Family estate", "Cremation niche", "Mausoleum crypt", "Lawn crypt")
FAITHS = ("Catholic", "Baptist", "Jewish", "Methodist", "Lutheran", "Buddhist", "Non-denominational", "None stated")
LANGUAGES = ("English", "Spanish", "Polish", "Vietnamese", "Tagalog", "Portuguese")
PAYMENT_STATUSES = ("pending", "deposit paid", "paid in full", "overdue")
REQUESTS = (
    "White lilies at the altar.",
    "Military honours, if they can be arranged.",
    "A piper at the graveside.",
    "Wheelchair access for three guests.",
    "No embalming.",
    "A dove release after the committal.",
)
NOTES = (
    "Called about the plot beside the parents' stone.",
    "Wishes to see the garden niches before deciding.",
    "Asked for the price list by post.",
    "Will bring photographs for the memorial folder.",
    "Prefers to be called after five o'clock.",
    "The death certificate is expected this week.",
)
INTERACTIONS = ("phone_call", "email", "meeting", "note", "task", "follow_up")
SUBJECTS = (
    "Arrangement meeting",
    "Stone inscription",
    "Plot selection",
    "Payment question",
    "Service order",
    "Flowers",
)
SEARCHED = ("business_name", "contact_name", "city")
EVENT_TYPES = ("appointment", "service", "meeting", "call", "reminder", "other")
EVENT_STATUSES = ("confirmed", "tentative", "cancelled")
OCCASIONS = {
    "appointment": "Arrangement meeting",
    "service": "Memorial service",
    "meeting": "Plot viewing",
    "call": "Call about the stone",
    "reminder": "Permit for the committal",
    "other": "Flower delivery",
}
RULES = ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;INTERVAL=2;COUNT=6", "FREQ=MONTHLY;COUNT=3", "FREQ=DAILY;COUNT=5")
"""How the events recur that do (RFC 5545): vigils, rosaries, monthly remembrance services."""
ANSWERS = ("accepted", "declined", "tentative")
QUESTIONS = (
    "What does a companion plot near the chapel cost?",
    "Which papers do we need before the cremation?",
    "Can the service on Saturday begin an hour later?",
    "How do we find my grandmother's grave?",
    "May we plant roses beside the stone?",
    "Who can play the organ at the memorial service?",
)
IMPORTED = {"Business": "business_name", "Name": "contact_name", "Email": "contact_email", "City": "city"}
"""The headers of an imported file, and the fields that they stand for."""
FIRST_DAY = datetime.datetime(2025, 1, 6, 8, 0, tzinfo=datetime.UTC)
"""Dates count from here rather than from today: the same seed sends the same payloads on any day."""


def addresses_in(families: str) -> list[str]:
    """The mail addresses in an `address_list`, as mail servers know them."""
    return [row["Email"].lower() for row in csv.DictReader(io.StringIO(families))]


MADE_BY = "made_by"
"""The key in an event's metadata that holds the run's mail domain: by it the clean-up knows the event."""


def _written(when: datetime.datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


@functools.cache
def _faker() -> Faker:
    return Faker("en_US")


class TestData:
    """One user's made-up records; the same seed makes the same ones in the same order."""

    __test__ = False  # for pytest: not a test class

    def __init__(self, chance: random.Random, run_id: str, owner: str) -> None:
        """Take the user's random numbers, the run, and a short name for the user that no other has."""
        self._chance = chance
        self._domain = mail_domain(run_id)
        self._owner = owner
        self._made = 0

    def contact(self) -> dict[str, Any]:
        """A contact with every field that the platform stores without harm."""
        fake, chance = self._fake(), self._chance
        family, first = fake.last_name(), fake.first_name()
        amount = chance.randrange(150_000, 1_800_000, 2_500)
        paid = chance.randrange(0, amount + 1, 2_500)
        return {
            "business_name": f"{family} {chance.choice(HOUSES)}",
            "contact_name": f"{first} {family}",
            "contact_email": self._email(first, family),
            "contact_role": chance.choice(ROLES),
            "phone": self.phone(),
            "address": fake.street_address(),
            "city": fake.city(),
            "state": fake.state_abbr(),
            "status": chance.choice(STATUSES),
            "notes": chance.choice(NOTES),
            "family_name": family,
            "deceased_name": f"{fake.first_name()} {family}",
            "relationship_to_deceased": chance.choice(RELATIONS),
            "service_type": chance.choice(SERVICES),
            "service_location": chance.choice(PLACES),
            "plot_number": f"{chance.choice('ABCDEFGH')}-{chance.randint(1, 480)}",
            "plot_type": chance.choice(PLOT_TYPES),
            "religious_preferences": chance.choice(FAITHS),
            "preferred_language": chance.choice(LANGUAGES),
            "contract_amount_cents": amount,
            "amount_paid_cents": paid,
            "balance_due_cents": amount - paid,
            "payment_status": chance.choice(PAYMENT_STATUSES),
            "special_requests": chance.choice(REQUESTS),
        }

    def contact_changes(self) -> dict[str, Any]:
        """What changes when a family has been talked to: status, money and a note."""
        amount = self._chance.randrange(150_000, 1_800_000, 2_500)
        return {
            "status": self._chance.choice(STATUSES),
            "contract_amount_cents": amount,
            "balance_due_cents": self._chance.randrange(0, amount + 1, 2_500),
            "payment_status": self._chance.choice(PAYMENT_STATUSES),
            "notes": self._chance.choice(NOTES),
        }

    def interaction(self, contact_id: str) -> dict[str, Any]:
        """Something that was done with a contact."""
        return {
            "contact_id": contact_id,
            "interaction_type": self._chance.choice(INTERACTIONS),
            "subject": self._chance.choice(SUBJECTS),
            "content": f"{self._chance.choice(NOTES)} {self._chance.choice(REQUESTS)}",
            "interaction_date": _written(self._some_time()),
        }

    def event(self, recurring: bool = False) -> dict[str, Any]:
        """An event; a recurring one only for a target that has `recurrence_rule`. It never names a contact."""
        chance = self._chance
        kind = chance.choice(EVENT_TYPES)
        start = self._some_time()
        event = {
            "title": f"{OCCASIONS[kind]}, {self._fake().last_name()} family",
            "description": chance.choice(NOTES),
            "start_time": _written(start),
            "end_time": _written(start + datetime.timedelta(minutes=chance.choice((15, 30, 60, 90)))),
            "location": chance.choice(PLACES),
            "event_type": kind,
            "status": chance.choice(EVENT_STATUSES[:2]),
            "event_metadata": {MADE_BY: self._domain},
        }
        if recurring:
            event["recurrence_rule"] = chance.choice(RULES)
        return event

    def event_changes(self) -> dict[str, Any]:
        """An event moved to another time and place. Both its times are sent: one alone may not fit the other."""
        start = self._some_time()
        return {
            "start_time": _written(start),
            "end_time": _written(start + datetime.timedelta(minutes=self._chance.choice((30, 60)))),
            "location": self._chance.choice(PLACES),
            "status": self._chance.choice(EVENT_STATUSES),
        }

    def span(self) -> tuple[str, str]:
        """The day, week or month that someone looks at: its first and its last moment."""
        start = self._some_time().replace(hour=0, minute=0)
        return _written(start), _written(start + datetime.timedelta(days=self._chance.choice((1, 7, 30))))

    def month(self) -> tuple[int, int]:
        """A month that has events, and its year."""
        when = self._some_time()
        return when.month, when.year

    def guest(self) -> tuple[str, str]:
        """The address and the name of somebody who is no contact."""
        fake = self._fake()
        first, last = fake.first_name(), fake.last_name()
        return self._email(first, last), f"{first} {last}"

    def remark(self) -> str:
        """A sentence to go with an invitation."""
        return self._chance.choice(REQUESTS)

    def conversation(self) -> dict[str, str]:
        """What a conversation is about."""
        return {
            "title": f"{self._chance.choice(SUBJECTS)}, {self._fake().last_name()} family",
            "description": f"Load test {self._domain}",
        }

    def question(self) -> str:
        """A message as a family writes it; no two of a user's are the same, so that each has its own echo."""
        self._made += 1
        return f"{self._chance.choice(QUESTIONS)} (request {self._owner}-{self._made})"

    def template(self) -> dict[str, Any]:
        """A mail template with one variable; its name is the run's own."""
        self._made += 1
        subject = self._chance.choice(SUBJECTS)
        return {
            "name": f"{self._owner}-{self._made} {self._domain}",
            "subject": f"{subject} for {{{{contact_name}}}}",
            "html_content": f"<p>Dear {{{{contact_name}}}},</p><p>{self._chance.choice(REQUESTS)}</p>",
            "text_content": f"Dear {{{{contact_name}}}}, {self._chance.choice(NOTES)}",
            "variables": ["contact_name"],
        }

    def address_list(self, rows: int) -> str:
        """A CSV file of families, with the headers of `IMPORTED`."""
        fake = self._fake()
        text = io.StringIO()
        file = csv.writer(text)
        file.writerow(IMPORTED)
        for _ in range(rows):
            first, family = fake.first_name(), fake.last_name()
            house = f"{family} {self._chance.choice(HOUSES)}"
            file.writerow([house, f"{first} {family}", self._email(first, family), fake.city()])
        return text.getvalue()

    def search(self) -> tuple[str, str]:
        """A term as someone types it (a name, a house, a town) and the field to look in."""
        fake = self._fake()
        field = self._chance.choice(SEARCHED)
        term = {"business_name": self._chance.choice(HOUSES), "contact_name": fake.last_name(), "city": fake.city()}
        return term[field], field

    def colleague(self, access_code: str) -> dict[str, str]:
        """Someone who registers with the organisation's access code."""
        fake = self._fake()
        first, last = fake.first_name(), fake.last_name()
        email = self._email(first, last)
        return {
            "email": email,
            "username": email.partition("@")[0],
            "password": self.password(),
            "first_name": first,
            "last_name": last,
            "access_code": access_code,
        }

    def password(self) -> str:
        """A password that fits the platform's rule of eight characters."""
        return "".join(self._chance.choices("abcdefghjkmnpqrstuvwxyz23456789", k=14)) + "Q7!"

    def phone(self) -> str:
        """A North American number from the range kept for fiction, as it is written in E.164."""
        return f"+1{self._chance.randint(201, 989)}55501{self._chance.randint(0, 99):02d}"

    def _some_time(self) -> datetime.datetime:
        return FIRST_DAY + datetime.timedelta(minutes=self._chance.randrange(0, 90 * 24 * 60, 15))

    def _fake(self) -> Faker:
        # One Faker a process, lent this user's random numbers: nothing here yields to another user in between.
        fake = _faker()
        fake.factories[0].random = self._chance
        return fake

    def _email(self, first: str, last: str) -> str:
        self._made += 1
        return f"{first}.{last}.{self._owner}-{self._made}@{self._domain}".lower().replace(" ", "").replace("'", "")
