"""The tables of contacts, interactions and custom fields, one set a tenant."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import BadRequest, ResourceNotFound
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.operations import json_bytes
from mock_services.core.randomness import Randomness

Row = dict[str, Any]
BeforeRemoval = Callable[[uuid.UUID, uuid.UUID], None]

POISON = ("date_of_birth", "date_of_death", "service_date", "veteran_status", "payment_plan")
"""The fields that the platform stores as something other than the text that its answers need."""


class Contact:
    """A contact as the API answers it, and encoded once for all the reads between two changes.

    With `Defect.CRM_POISON_CONTACT` on, one with any field of `POISON` cannot be encoded.
    """

    __slots__ = ("_encoded", "_poison", "interactions", "row")

    def __init__(self, row: Row, defects: Defects) -> None:
        self.row = row
        self.interactions: list[Row] = []
        self._poison = POISON if Defect.CRM_POISON_CONTACT in defects else ()
        self._encoded: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The row as JSON; raise `DefectShown` where the platform cannot answer it."""
        if self._encoded is None:
            for name in self._poison:
                if self.row[name]:
                    raise DefectShown(Defect.CRM_POISON_CONTACT, f"contact {self.row['id']} has a {name}")
            self._encoded = json_bytes(self.row)
        return self._encoded

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some of the row's fields."""
        self.row.update(values)
        self._encoded = None


class TenantContacts:
    """One tenant's contacts, oldest first, its interactions, and its custom fields by name."""

    def __init__(self) -> None:
        self.contacts: dict[uuid.UUID, Contact] = {}
        self.by_email: dict[str, Contact] = {}
        self.interactions: dict[uuid.UUID, Row] = {}
        self.custom_fields: dict[str, Row] = {}

    def shown_fields(self, *, inactive: bool = False) -> list[Row]:
        """Give the custom fields in the order in which they are displayed, the `inactive` ones too if wanted."""
        shown = (row for row in self.custom_fields.values() if row["is_active"] or inactive)
        return sorted(shown, key=lambda row: row["display_order"])


class Crm:
    """All tenants' contacts."""

    def __init__(self, rows: Rows, randomness: Randomness, defects: Defects) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self._defects = defects
        self._before_removal: list[BeforeRemoval] = []
        self.clear()

    def before_removal(self, notice: BeforeRemoval) -> None:
        """Have `notice` called with tenant and contact before a contact goes; what it raises keeps the contact."""
        self._before_removal.append(notice)

    def clear(self) -> None:
        """Forget every contact."""
        self._tenants: dict[uuid.UUID, TenantContacts] = {}
        self._contacts: dict[uuid.UUID, Contact] = {}

    def __len__(self) -> int:
        return len(self._contacts)

    def of(self, tenant_id: uuid.UUID) -> TenantContacts:
        """Give a tenant's tables."""
        tables = self._tenants.get(tenant_id)
        if tables is None:
            tables = self._tenants[tenant_id] = TenantContacts()
        return tables

    def contact(self, tenant_id: uuid.UUID, contact_id: uuid.UUID) -> Contact:
        """Find a tenant's contact; raise `ResourceNotFound`."""
        contact = self.of(tenant_id).contacts.get(contact_id)
        if contact is None:
            raise ResourceNotFound(f"the tenant has no contact {contact_id}")
        return contact

    def contact_of_any_tenant(self, contact_id: uuid.UUID) -> Contact:
        """Find a contact by its id alone; raise `ResourceNotFound`."""
        contact = self._contacts.get(contact_id)
        if contact is None:
            raise ResourceNotFound(f"there is no contact {contact_id}")
        return contact

    def add_contact(self, tenant_id: uuid.UUID, user_id: uuid.UUID, values: Row) -> Contact:
        """Add a contact; raise `BadRequest` if the tenant has one of this e-mail."""
        tables = self.of(tenant_id)
        email = values.get("contact_email")
        _refuse_taken(tables, email, None)
        self._rows.take()
        moment = now()
        contact = Contact(
            {
                **values,
                "id": self._ids.new("contacts"),
                "tenant_id": tenant_id,
                "created_by_user_id": user_id,
                "created_at": moment,
                "updated_at": moment,
                "interaction_count": 0,
                "last_interaction_date": None,
                "billing_status": None,
                "subscription_status": None,
            },
            self._defects,
        )
        tables.contacts[contact.row["id"]] = self._contacts[contact.row["id"]] = contact
        if email:
            tables.by_email[email] = contact
        return contact

    def change_contact(self, tenant_id: uuid.UUID, contact: Contact, values: Row) -> None:
        """Change a contact; raise `BadRequest` if the tenant has another of the new e-mail."""
        tables = self.of(tenant_id)
        if "contact_email" in values:
            email, before = values["contact_email"], contact.row["contact_email"]
            _refuse_taken(tables, email, contact)
            if before:
                del tables.by_email[before]
            if email:
                tables.by_email[email] = contact
        contact.change({**values, "updated_at": now()})

    def remove_contact(self, tenant_id: uuid.UUID, contact: Contact) -> None:
        """Delete a contact and its interactions."""
        for notice in self._before_removal:
            notice(tenant_id, contact.row["id"])
        tables = self.of(tenant_id)
        del tables.contacts[contact.row["id"]], self._contacts[contact.row["id"]]
        tables.by_email.pop(contact.row["contact_email"], None)
        for interaction in contact.interactions:
            del tables.interactions[interaction["id"]]
        self._rows.give_back(1 + len(contact.interactions))

    def add_interaction(self, tenant_id: uuid.UUID, user_id: uuid.UUID, user_name: str, values: Row) -> Row:
        """Add an interaction with one of the tenant's contacts; raise `ResourceNotFound` if it has no such contact."""
        contact = self.contact(tenant_id, values["contact_id"])
        self._rows.take()
        moment = now()
        row = {
            **values,
            "id": self._ids.new("interactions"),
            "user_id": user_id,
            "created_at": moment,
            "updated_at": moment,
            "user_name": user_name,
        }
        self.of(tenant_id).interactions[row["id"]] = row
        contact.interactions.append(row)
        contact.change(
            {
                "interaction_count": len(contact.interactions),
                "last_interaction_date": _latest(contact.row["last_interaction_date"], row["interaction_date"]),
            }
        )
        return row

    def add_custom_field(self, tenant_id: uuid.UUID, user_id: uuid.UUID, values: Row) -> Row:
        """Add a field to a tenant's contacts; raise `BadRequest` if it has one of this name."""
        fields = self.of(tenant_id).custom_fields
        name: str = values["field_name"]
        if name in fields:
            raise BadRequest(f"the tenant has a custom field {name!r}")
        self._rows.take()
        moment = now()
        fields[name] = {
            **values,
            "id": self._ids.new("custom_fields"),
            "tenant_id": tenant_id,
            "created_by_user_id": user_id,
            "created_at": moment,
            "updated_at": moment,
        }
        return fields[name]


def newest_first(rows: Iterable[Row]) -> list[Row]:
    """Sort interactions by the moment they speak of, latest first."""
    return sorted(rows, key=lambda row: row["interaction_date"], reverse=True)


def _latest(known: datetime | None, moment: datetime) -> datetime:
    return moment if known is None else max(known, moment)


def _refuse_taken(tables: TenantContacts, email: str | None, owner: Contact | None) -> None:
    if email and tables.by_email.get(email, owner) is not owner:
        raise BadRequest(f"the tenant has a contact with the e-mail {email!r}")
