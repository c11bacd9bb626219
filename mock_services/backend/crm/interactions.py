"""Interactions with contacts: `/api/crm/interactions` and each contact's own list."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.crm.schemas import ContactPath, InteractionCreate, InteractionQuery, InteractionView
from mock_services.backend.crm.state import Crm, newest_first
from mock_services.backend.routes import Area
from mock_services.core.operations import Exchange, Operation, json_response


class Interactions:
    """The interaction endpoints. Nothing is ever changed or deleted by itself."""

    def __init__(self, crm: Crm, access: Access) -> None:
        self._crm = crm
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("crm", "/api/crm", self._access.token)
        return (
            area("POST", "/interactions", self.create, body=InteractionCreate, gives=InteractionView, refuses=(404,)),
            area(
                "GET",
                "/contacts/{contact_id}/interactions",
                self.of_contact,
                path_params=ContactPath,
                query=InteractionQuery,
                gives=list[InteractionView],
                refuses=(404,),
            ),
        )

    async def create(self, exchange: Exchange) -> Response:
        """Add an interaction with a contact."""
        user: User = exchange.principal
        return json_response(self._crm.add_interaction(user.tenant.id, user.id, user.name, exchange.body.model_dump()))

    async def of_contact(self, exchange: Exchange) -> Response:
        """List a contact's interactions, newest first, all of them."""
        contact = self._crm.contact(exchange.principal.tenant.id, exchange.path.contact_id)
        wanted = exchange.query.interaction_type
        found = [row for row in contact.interactions if wanted in (None, row["interaction_type"])]
        return json_response(newest_first(found))
