"""Users, as administrators see them: `/api/admin/users`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, Access
from mock_services.backend.accounts.schemas import UserPath, UserUpdate, UserView, user_view
from mock_services.backend.accounts.state import Accounts, User
from mock_services.backend.admin.schemas import UserListQuery, UserPage
from mock_services.backend.defects import Defect, Defects
from mock_services.backend.errors import AccessDenied, ResourceNotFound
from mock_services.backend.routes import Area
from mock_services.backend.usage.reports import seen_tenant
from mock_services.core.operations import Exchange, Operation, json_response


class AdminUsers:
    """The user endpoints of administrators. An admin sees the own organisation, a super_admin all."""

    def __init__(self, accounts: Accounts, access: Access, defects: Defects) -> None:
        self._accounts = accounts
        self._access = access
        self._defects = defects

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("admin", "/api/admin/users", self._access.one_of(ADMINS))
        return (
            area("GET", "", self.list, query=UserListQuery, gives=UserPage),
            area(
                "PATCH",
                "/{user_id}",
                self.update,
                path_params=UserPath,
                body=UserUpdate,
                gives=UserView,
                refuses=(404,),
            ),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List users, oldest first."""
        query: UserListQuery = exchange.query
        tenant_id = seen_tenant(exchange.principal, query.tenant_id)
        found = [
            user
            for user in self._accounts.users.values()
            if tenant_id in (None, user.tenant.id)
            and query.role in (None, user.role)
            and query.is_active in (None, user.is_active)
        ]
        return json_response(query.of("users", found, user_view))

    async def update(self, exchange: Exchange) -> Response:
        """Change a user's role or state. Any text is stored as a role; only a super administrator makes others."""
        caller: User = exchange.principal
        given: UserUpdate = exchange.body
        user = self._accounts.users.get(exchange.path.user_id)
        unchecked = caller.role == "super_admin" or Defect.ADMIN_ANY_TENANT in self._defects
        if user is None or not (unchecked or user.tenant is caller.tenant):
            raise ResourceNotFound(f"there is no user {exchange.path.user_id} that the caller may see")
        if given.role == "super_admin" and not unchecked:
            raise AccessDenied("an admin may not make a super_admin")
        for name, value in given.model_dump(exclude_none=True).items():
            setattr(user, name, value)
        return json_response(user_view(user))
