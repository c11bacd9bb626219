"""Customer records: finding, reading, creating, changing and deleting contacts, and noting what was done with them.

locust -f scenarios/crm_load_test.py --headless --users 10 --run-time 30s
"""

from typing import Any

from locust import task
from scenarios.base import MOST_CONTACTS, PlatformUser, needs
from scenarios.suite import install
from utils.test_data import STATUSES

install()

LIST, GET, SEARCH, FILTER, DASHBOARD = "list", "get", "search", "filter", "dashboard"
READS = {LIST: 30, GET: 30, SEARCH: 20, FILTER: 10, DASHBOARD: 10}
"""How staff look things up, in percent of all reads."""
INTERACTION_SHARE = 0.3
"""Of what is created: an interaction with a contact, rather than a contact."""
LIST_OPERATION = "GET /api/crm/contacts"
CREATE_CONTACT = "POST /api/crm/contacts"


class CrmUser(PlatformUser):
    """Someone at the front desk of a funeral home; the weights are the platform's brief."""

    weight = 40

    def on_start(self) -> None:
        """Begin with no contact of one's own."""
        super().on_start()
        self.contacts: list[str] = []
        """The ids of the contacts that this user made, oldest first; only these are changed and deleted."""

    @task(50)
    @needs(LIST_OPERATION)
    def read(self) -> None:
        """Look something up."""
        kind = self.chance.choices(list(READS), list(READS.values()))[0]
        if kind == GET and self.offers("GET /api/crm/contacts/{id}"):
            self.read_contact()
        elif kind == SEARCH and self.offers("GET /api/crm/contacts/search"):
            term, field = self.records.search()
            self.api.crm.search(term, [field])
        elif kind == FILTER:
            self.api.crm.contacts_by_status(self.chance.choice(STATUSES))
        elif kind == DASHBOARD and self.offers("GET /api/crm/dashboard"):
            self.api.crm.dashboard()
        else:
            self.api.crm.contacts(page=self.chance.randint(1, 3))

    def read_contact(self) -> None:
        """Open a contact of one's own; without one, the list: another's may be deleted while it is being opened."""
        contact_id = self.own_contact()
        if contact_id is None:
            self.api.crm.contacts()
        else:
            self.api.crm.contact(contact_id)

    @task(30)
    @needs(CREATE_CONTACT)
    def create(self) -> None:
        """Enter a new family, or note what was done with one."""
        noted = self.chance.random() < INTERACTION_SHARE and self.offers("POST /api/crm/interactions")
        contact_id = self.own_contact() if noted else None
        if contact_id is None:
            self.create_contact()
        else:
            self.api.crm.create_interaction(self.records.interaction(contact_id))

    @task(15)
    @needs(CREATE_CONTACT, "PATCH /api/crm/contacts/{id}")
    def update(self) -> None:
        """Change a contact of one's own; without one, enter it first."""
        contact_id = self.own_contact() or self.create_contact()
        changes: dict[str, Any] = self.records.contact_changes()
        if contact_id is not None:
            self.api.crm.update_contact(contact_id, changes)

    @task(5)
    @needs(CREATE_CONTACT, "DELETE /api/crm/contacts/{id}")
    def delete(self) -> None:
        """Delete the oldest contact of one's own; without one, enter it first."""
        if self.contacts or self.create_contact():
            self.delete_oldest()

    def own_contact(self) -> str | None:
        """Any of the contacts that this user made; the random numbers move on also when there is none."""
        place = self.chance.random()
        return self.contacts[int(place * len(self.contacts))] if self.contacts else None

    def create_contact(self) -> str | None:
        """Enter a contact and give its id; the oldest makes room when there are as many as a user may keep."""
        if len(self.contacts) >= MOST_CONTACTS and self.offers("DELETE /api/crm/contacts/{id}"):
            self.delete_oldest()
        made = self.api.crm.create_contact(self.records.contact())
        if made is None:
            return None
        self.contacts.append(made["id"])
        contact_id: str = made["id"]
        return contact_id

    def delete_oldest(self) -> None:
        """Delete a contact; one whose deletion failed is not tried again (the clean-up finds it)."""
        self.api.crm.delete_contact(self.contacts.pop(0))
