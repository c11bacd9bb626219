"""Contacts: `/api/crm/contacts`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.crm.schemas import (
    NEEDED,
    ContactCreate,
    ContactListQuery,
    ContactPage,
    ContactPath,
    ContactSearchQuery,
    ContactUpdate,
    ContactView,
    Paging,
)
from mock_services.backend.crm.state import Contact, Crm, Row
from mock_services.backend.defects import Defects, refuse_null
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Message
from mock_services.core.operations import Exchange, Operation, json_response

SEARCHABLE = ("business_name", "contact_name", "contact_email", "contact_role", "phone", "city", "state", "notes")
LISTED = ("business_name", "contact_name", "contact_email", "phone")

Wanted = Callable[[Row], bool]


class Contacts:
    """The contact endpoints. Any valid token of the tenant will do, also a deactivated user's."""

    def __init__(self, crm: Crm, access: Access, defects: Defects) -> None:
        self._crm = crm
        self._access = access
        self._defects = defects

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("crm", "/api/crm/contacts", self._access.token)
        return (
            area("GET", "", self.list, query=ContactListQuery, gives=ContactPage),
            area("GET", "/search", self.search, query=ContactSearchQuery, gives=ContactPage),
            area("POST", "", self.create, body=ContactCreate, gives=ContactView, refuses=(400,)),
            area("GET", "/{contact_id}", self.show, path_params=ContactPath, gives=ContactView, refuses=(404,)),
            area(
                "PATCH",
                "/{contact_id}",
                self.update,
                path_params=ContactPath,
                body=ContactUpdate,
                gives=ContactView,
                refuses=(400, 404),
            ),
            area("DELETE", "/{contact_id}", self.delete, path_params=ContactPath, gives=Message, refuses=(404,)),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List contacts, newest first."""
        query: ContactListQuery = exchange.query
        wanted = [*_filters(query.status, query.city, query.state), *_term(query.search, LISTED)]
        return self._page(exchange.principal, wanted, query)

    async def search(self, exchange: Exchange) -> Response:
        """Search contacts in some of their fields."""
        query: ContactSearchQuery = exchange.query
        fields: tuple[str, ...] = LISTED
        if query.search_fields is not None:
            named = {name.strip() for name in query.search_fields.split(",")}
            fields = tuple(name for name in SEARCHABLE if name in named)
        wanted = [*_filters(query.status, query.city, query.state), *_term(query.search_term, fields)]
        if query.has_email is not None:
            has_email = query.has_email
            wanted.append(lambda row: bool(row["contact_email"]) is has_email)
        return self._page(exchange.principal, wanted, query)

    async def create(self, exchange: Exchange) -> Response:
        """Add a contact."""
        user: User = exchange.principal
        return _answer(self._crm.add_contact(user.tenant.id, user.id, exchange.body.model_dump()))

    async def show(self, exchange: Exchange) -> Response:
        """Show a contact."""
        return _answer(self._crm.contact(exchange.principal.tenant.id, exchange.path.contact_id))

    async def update(self, exchange: Exchange) -> Response:
        """Change some fields of a contact."""
        tenant_id = exchange.principal.tenant.id
        contact = self._crm.contact(tenant_id, exchange.path.contact_id)
        refuse_null(exchange.body, NEEDED, self._defects)
        self._crm.change_contact(tenant_id, contact, exchange.body.model_dump(exclude_unset=True))
        return _answer(contact)

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a contact and its interactions."""
        tenant_id = exchange.principal.tenant.id
        self._crm.remove_contact(tenant_id, self._crm.contact(tenant_id, exchange.path.contact_id))
        return json_response({"message": "Contact deleted successfully"})

    def _page(self, user: User, wanted: Iterable[Wanted], paging: Paging) -> Response:
        contacts = self._crm.of(user.tenant.id).contacts
        found: Iterable[Contact] = reversed(contacts.values())
        tests = tuple(wanted)
        if tests:
            found = [contact for contact in found if all(test(contact.row) for test in tests)]
            total = len(found)
        else:
            total = len(contacts)
        start = min((paging.page - 1) * paging.page_size, total)
        items = b",".join(contact.encoded for contact in islice(found, start, start + paging.page_size))
        pages = -(-total // paging.page_size)
        return Response(
            b'{"items":[%b],"total":%d,"page":%d,"page_size":%d,"total_pages":%d}'
            % (items, total, paging.page, paging.page_size, pages),
            media_type="application/json",
        )


def _answer(contact: Contact) -> Response:
    return Response(contact.encoded, media_type="application/json")


def _filters(status: str | None, city: str | None, state: str | None) -> Iterable[Wanted]:
    if status is not None:
        yield lambda row: row["status"] == status
    yield from _term(city, ("city",))
    yield from _term(state, ("state",))


def _term(term: str | None, fields: tuple[str, ...]) -> Iterable[Wanted]:
    """Ask for a text in any of some fields, whatever its case. No text or no field asks for nothing."""
    if term and fields:
        lowered = term.lower()
        yield lambda row: any(lowered in (row[field] or "").lower() for field in fields)
