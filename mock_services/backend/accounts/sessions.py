"""Registration, login, refresh and logout: `/api/auth/*`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.passwords import hash_password, password_fits
from mock_services.backend.accounts.schemas import (
    ForgotPassword,
    RefreshToken,
    ResetPassword,
    Session,
    UserLogin,
    UserRegister,
    UserView,
    user_view,
)
from mock_services.backend.accounts.state import Accounts, Tenant, User
from mock_services.backend.accounts.tokens import AccessTokens, StoredTokens
from mock_services.backend.errors import AuthenticationRequired, BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Detail, Message
from mock_services.core.operations import Exchange, Operation, json_response


class Sessions:
    """The authentication endpoints."""

    def __init__(
        self,
        accounts: Accounts,
        access: Access,
        access_tokens: AccessTokens,
        refresh_tokens: StoredTokens,
        reset_tokens: StoredTokens,
        bcrypt_rounds: int,
    ) -> None:
        self._accounts = accounts
        self._access = access
        self._access_tokens = access_tokens
        self._refresh_tokens = refresh_tokens
        self._reset_tokens = reset_tokens
        self._rounds = bcrypt_rounds

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        auth = Area("auth", "/api/auth")
        active, token = auth.by(self._access.active), auth.by(self._access.token)
        return (
            auth("POST", "/register", self.register, body=UserRegister, gives=UserView, refuses=(400,)),
            auth("POST", "/register/token", self.register_with_token, body=UserRegister, gives=Session, refuses=(400,)),
            auth("POST", "/login", self.login, body=UserLogin, gives=Session, refuses=(400, 401)),
            auth("POST", "/refresh", self.refresh, body=RefreshToken, gives=Session, refuses=(401,)),
            active("GET", "/me", self.me, gives=UserView),
            Area("auth", "/api", self._access.active)("GET", "/me", self.me, gives=UserView),
            token("POST", "/logout", self.logout, body=RefreshToken, gives=Detail),
            token("POST", "/logout/all", self.logout_all, gives=Detail),
            auth("POST", "/forgot-password", self.forgot_password, body=ForgotPassword, gives=Message),
            auth("POST", "/reset-password", self.reset_password, body=ResetPassword, gives=Message, refuses=(400,)),
        )

    async def register(self, exchange: Exchange) -> Response:
        """Add a user to the organisation that the request names."""
        return json_response(user_view(self._register(exchange)))

    async def register_with_token(self, exchange: Exchange) -> Response:
        """Add a user and log them in."""
        return json_response(self.open_session(self._register(exchange)))

    async def login(self, exchange: Exchange) -> Response:
        """Exchange an e-mail and a password for tokens. An unknown e-mail is refused without hashing anything."""
        given: UserLogin = exchange.body
        users = self._accounts.with_email(given.email)
        if given.tenant_subdomain is not None:
            tenant = self._accounts.by_subdomain.get(given.tenant_subdomain)
            if tenant is None:
                raise BadRequest(f"no tenant {given.tenant_subdomain!r}")
            users = [user for user in users if user.tenant is tenant]
        user = next(iter(users), None)
        if user is None or not password_fits(given.password, user.password_hash):
            raise AuthenticationRequired(f"no user {given.email!r} with this password")
        if not user.is_active:
            raise BadRequest(f"user {user.id} is deactivated")
        if not user.tenant.is_active:
            raise BadRequest(f"organisation {user.tenant.id} is deactivated")
        return json_response(self.open_session(user))

    async def refresh(self, exchange: Exchange) -> Response:
        """Exchange a refresh token for new tokens; it is used up."""
        user_id = self._refresh_tokens.take(exchange.body.refresh_token)
        user = self._accounts.users.get(user_id) if user_id else None
        if user is None or not user.is_active:
            raise AuthenticationRequired("the refresh token is unknown, used, expired or of a deactivated user")
        return json_response(self.open_session(user))

    async def me(self, exchange: Exchange) -> Response:
        """Show the caller."""
        return json_response(user_view(exchange.principal))

    async def logout(self, exchange: Exchange) -> Response:
        """Revoke a refresh token of the caller, if it exists; the access token stays good until it expires."""
        self._refresh_tokens.drop(exchange.body.refresh_token, of=exchange.principal.id)
        return json_response({"detail": "Successfully logged out"})

    async def logout_all(self, exchange: Exchange) -> Response:
        """Revoke every refresh token of the caller."""
        self._refresh_tokens.drop_all(exchange.principal.id)
        return json_response({"detail": "Successfully logged out from all sessions"})

    async def forgot_password(self, exchange: Exchange) -> Response:
        """Store a reset token for a known user. No mail is sent, on the platform neither."""
        user = next(iter(self._accounts.with_email(exchange.body.email)), None)
        if user is not None:
            self._reset_tokens.issue(user.id)
        return json_response({"message": "If the e-mail is registered, a link to reset the password has been sent"})

    async def reset_password(self, exchange: Exchange) -> Response:
        """Set a new password by a reset token, once, and end all sessions."""
        given: ResetPassword = exchange.body
        user_id = self._reset_tokens.take(given.token)
        user = self._accounts.users.get(user_id) if user_id else None
        if user is None:
            raise BadRequest("the reset token is unknown, used or expired")
        user.password_hash = hash_password(given.new_password, self._rounds)
        self._refresh_tokens.drop_all(user.id)
        return json_response({"message": "Password reset successfully"})

    def open_session(self, user: User) -> dict[str, Any]:
        """Issue both tokens: a `Session`."""
        return {
            "access_token": self._access_tokens.issue(user),
            "refresh_token": self._refresh_tokens.issue(user.id),
            "token_type": "bearer",
            "organization_subdomain": user.tenant.subdomain,
        }

    def _register(self, exchange: Exchange) -> User:
        given: UserRegister = exchange.body
        tenant = self._tenant_of(exchange, given.access_code)
        self._accounts.refuse_duplicate(tenant, given.email, given.username)
        return self._accounts.add_user(
            tenant,
            email=given.email,
            username=given.username,
            password_hash=hash_password(given.password, self._rounds),
            first_name=given.first_name,
            last_name=given.last_name,
        )

    def _tenant_of(self, exchange: Exchange, access_code: str | None) -> Tenant:
        """Find the organisation: by header, else by the host's first label, else by access code."""
        headers = exchange.request.headers
        host = headers.get("host", "")
        subdomain = headers.get("x-tenant-id") or (host.partition(".")[0] if "." in host else None)
        tenant = self._accounts.by_subdomain.get(subdomain) if subdomain else None
        if tenant is None and access_code is not None:
            tenant = self._accounts.by_access_code.get(access_code)
        if tenant is None:
            raise BadRequest("the organisation cannot be told from X-Tenant-ID, the host name or access_code")
        return tenant
