"""Who is calling, and whether they may: what areas take as their `by`."""

from __future__ import annotations

from mock_services.backend.accounts.state import Accounts, User
from mock_services.backend.accounts.tokens import AccessTokens
from mock_services.backend.errors import AccessDenied, AuthenticationRequired, BadRequest
from mock_services.backend.routes import Authentication
from mock_services.core.operations import Exchange

ORGANIZATION_ADMINS = frozenset({"org_admin", "admin", "super_admin"})
ADMINS = frozenset({"admin", "super_admin"})
SUPER_ADMIN = frozenset({"super_admin"})
TOKEN_REFUSED = frozenset({401, 403})
INACTIVE_REFUSED = TOKEN_REFUSED | {400}


class Access:
    """Finds the user behind a bearer token. The role is read from the user, not from the token."""

    def __init__(self, accounts: Accounts, tokens: AccessTokens) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self.token = Authentication(self._user, TOKEN_REFUSED)
        """Any valid token, also of a deactivated user."""
        self.active = Authentication(self.active_user, INACTIVE_REFUSED)
        """The token of a user who has not been deactivated."""

    def one_of(self, roles: frozenset[str]) -> Authentication:
        """Active users with one of these roles."""

        async def authenticate(exchange: Exchange) -> User:
            user = await self.active_user(exchange)
            if user.role not in roles:
                raise AccessDenied(f"role {user.role!r} is none of {', '.join(sorted(roles))}")
            return user

        return Authentication(authenticate, INACTIVE_REFUSED)

    def bearer(self, token: str) -> User:
        """Give the user of an access token, also a deactivated one; raise `AuthenticationRequired`."""
        user = self._accounts.users.get(self._tokens.verify(token))
        if user is None:
            raise AuthenticationRequired("the access token's user does not exist")
        return user

    async def active_user(self, exchange: Exchange) -> User:
        """Give the user who calls; raise `BadRequest` for a deactivated one."""
        user = await self._user(exchange)
        if not user.is_active:
            raise BadRequest(f"user {user.id} is deactivated")
        return user

    async def _user(self, exchange: Exchange) -> User:
        scheme, _, token = exchange.request.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise AccessDenied("no bearer token in the Authorization header")
        return self.bearer(token)
