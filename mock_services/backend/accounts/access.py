"""Who is calling, and whether they may: what operations use as their `authenticate`."""

from __future__ import annotations

from mock_services.backend.accounts.state import Accounts, User
from mock_services.backend.accounts.tokens import AccessTokens
from mock_services.backend.errors import AccessDenied, AuthenticationRequired, BadRequest
from mock_services.core.operations import Authenticate, Exchange

ORGANIZATION_ADMINS = frozenset({"org_admin", "admin", "super_admin"})
ADMINS = frozenset({"admin", "super_admin"})
SUPER_ADMIN = frozenset({"super_admin"})


class Access:
    """Finds the user behind a bearer token. The role is read from the user, not from the token."""

    def __init__(self, accounts: Accounts, tokens: AccessTokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    async def token(self, exchange: Exchange) -> User:
        """Accept any valid token, also of a deactivated user."""
        scheme, _, token = exchange.request.headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise AccessDenied("no bearer token in the Authorization header")
        return self.bearer(token)

    def bearer(self, token: str) -> User:
        """Give the user of an access token, also a deactivated one; raise `AuthenticationRequired`."""
        user = self._accounts.users.get(self._tokens.verify(token))
        if user is None:
            raise AuthenticationRequired("the access token's user does not exist")
        return user

    async def active(self, exchange: Exchange) -> User:
        """Accept the token of a user who has not been deactivated."""
        user = await self.token(exchange)
        if not user.is_active:
            raise BadRequest(f"user {user.id} is deactivated")
        return user

    def one_of(self, roles: frozenset[str]) -> Authenticate:
        """Accept active users with one of these roles."""

        async def authenticate(exchange: Exchange) -> User:
            user = await self.active(exchange)
            if user.role not in roles:
                raise AccessDenied(f"role {user.role!r} is none of {', '.join(sorted(roles))}")
            return user

        return authenticate
