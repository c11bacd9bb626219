"""Users of the caller's tenant: `/api/users/*`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, Access
from mock_services.backend.accounts.schemas import ProfileUpdate, RoleQuery, UserPath, UserView, user_view
from mock_services.backend.accounts.state import Accounts, User
from mock_services.backend.accounts.tokens import StoredTokens
from mock_services.backend.errors import AccessDenied, BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Detail
from mock_services.core.operations import Exchange, Operation, json_response

ROLES = frozenset({"user", "admin", "super_admin"})


class Users:
    """The user endpoints. An `org_admin` counts as a plain user here."""

    def __init__(self, accounts: Accounts, access: Access, refresh_tokens: StoredTokens) -> None:
        self._accounts = accounts
        self._access = access
        self._refresh_tokens = refresh_tokens

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("users", "/api/users")
        active, admin = area.by(self._access.active), area.by(self._access.one_of(ADMINS))
        return (
            admin("GET", "", self.all, gives=list[UserView]),
            active("PATCH", "/me", self.update_profile, body=ProfileUpdate, gives=UserView, extension=True),
            active("GET", "/{user_id}", self.one, path_params=UserPath, gives=UserView, refuses=(404,)),
            admin("DELETE", "/{user_id}", self.delete, path_params=UserPath, gives=Detail, refuses=(404,)),
            *(
                admin(
                    method,
                    "/{user_id}/role",
                    self.give_role,
                    path_params=UserPath,
                    query=RoleQuery,
                    gives=UserView,
                    refuses=(404,),
                )
                for method in ("PATCH", "PUT")
            ),
        )

    async def all(self, exchange: Exchange) -> Response:
        """List the users of the caller's tenant."""
        return json_response([user_view(user) for user in exchange.principal.tenant.users.values()])

    async def one(self, exchange: Exchange) -> Response:
        """Show a user: oneself, or to an administrator any of the tenant."""
        caller: User = exchange.principal
        if exchange.path.user_id != caller.id and caller.role not in ADMINS:
            raise AccessDenied("only an administrator sees other users")
        return json_response(user_view(self._accounts.user_of(caller.tenant, exchange.path.user_id)))

    async def update_profile(self, exchange: Exchange) -> Response:
        """Change the caller's own names."""
        caller: User = exchange.principal
        given: ProfileUpdate = exchange.body
        values = given.model_dump(exclude_unset=True)
        if "username" in values:
            self._accounts.refuse_taken_name(caller.tenant, given.username, caller)
        for name, value in values.items():
            setattr(caller, name, value)
        return json_response(user_view(caller))

    async def give_role(self, exchange: Exchange) -> Response:
        """Give a user a role; only a super administrator makes others."""
        caller: User = exchange.principal
        user = self._accounts.user_of(caller.tenant, exchange.path.user_id)
        role: str = exchange.query.role
        if role not in ROLES:
            raise BadRequest(f"role is {role!r}; it takes one of {', '.join(sorted(ROLES))}")
        if role == "super_admin" and caller.role != "super_admin":
            raise AccessDenied("an admin may not make a super_admin")
        user.role = role
        return json_response(user_view(user))

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a user of the tenant, not oneself."""
        caller: User = exchange.principal
        if exchange.path.user_id == caller.id:
            raise BadRequest("nobody deletes their own account")
        user = self._accounts.user_of(caller.tenant, exchange.path.user_id)
        self._refresh_tokens.drop_all(user.id)
        self._accounts.remove_user(user)
        return json_response({"detail": "User deleted successfully"})
