"""Fields that a tenant gives its contacts: `/api/crm/custom-fields`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.crm.schemas import CustomFieldCreate, CustomFieldQuery, CustomFieldView
from mock_services.backend.crm.state import Crm
from mock_services.backend.routes import Area
from mock_services.core.operations import Exchange, Operation, json_response


class CustomFields:
    """The custom field endpoints. A field is never changed or deleted."""

    def __init__(self, crm: Crm, access: Access) -> None:
        self._crm = crm
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("crm", "/api/crm/custom-fields", self._access.token)
        return (
            area("GET", "", self.list, query=CustomFieldQuery, gives=list[CustomFieldView]),
            area("POST", "", self.create, body=CustomFieldCreate, gives=CustomFieldView, refuses=(400,)),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List the tenant's fields in the order in which they are displayed."""
        tables = self._crm.of(exchange.principal.tenant.id)
        return json_response(tables.shown_fields(inactive=exchange.query.include_inactive))

    async def create(self, exchange: Exchange) -> Response:
        """Add a field."""
        user: User = exchange.principal
        return json_response(self._crm.add_custom_field(user.tenant.id, user.id, exchange.body.model_dump()))
