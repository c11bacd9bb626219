"""Organisations and their members: `/api/organizations/*` and the older `/api/tenants`."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, ORGANIZATION_ADMINS, Access
from mock_services.backend.accounts.passwords import hash_password
from mock_services.backend.accounts.schemas import (
    AccessCodePath,
    Organization,
    OrganizationCreate,
    OrganizationDetail,
    OrganizationInfo,
    OrganizationPath,
    OrganizationRegister,
    OrganizationStats,
    OrganizationUpdate,
    OrganizationUserPath,
    Registered,
    SubdomainPath,
    UserUpdate,
    UserView,
    organization_detail,
    organization_view,
    user_view,
)
from mock_services.backend.accounts.sessions import Sessions
from mock_services.backend.accounts.state import Accounts, Tenant, User
from mock_services.backend.errors import AccessDenied, BadRequest, ResourceNotFound
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Detail
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, Operation, json_response


class Organizations:
    """The organisation endpoints."""

    def __init__(self, accounts: Accounts, access: Access, sessions: Sessions, bcrypt_rounds: int) -> None:
        self._accounts = accounts
        self._access = access
        self._sessions = sessions
        self._rounds = bcrypt_rounds

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("organizations", "/api/organizations")
        tenants = Area("organizations", "/api/tenants")
        active, admin = area.by(self._access.active), area.by(self._access.one_of(ORGANIZATION_ADMINS))
        administrator = area.by(self._access.one_of(ADMINS))
        detail = OrganizationDetail
        own, member = OrganizationPath, OrganizationUserPath
        return (
            area("POST", "", self.create, body=OrganizationCreate, gives=Organization, refuses=(400,)),
            tenants("POST", "", self.create, body=OrganizationCreate, gives=Organization, refuses=(400,)),
            tenants(
                "GET", "/{subdomain}", self.by_subdomain, path_params=SubdomainPath, gives=Organization, refuses=(404,)
            ),
            area(
                "GET",
                "/{access_code}/info",
                self.info,
                path_params=AccessCodePath,
                gives=OrganizationInfo,
                refuses=(404,),
            ),
            area("POST", "/register", self.register, body=OrganizationRegister, gives=Registered, refuses=(400,)),
            active("GET", "/current", self.show, gives=detail),
            admin("PATCH", "/current", self.update, body=OrganizationUpdate, gives=detail),
            admin("POST", "/current/regenerate-access-code", self.renew_access_code, gives=detail),
            administrator("GET", "/stats", self.stats, gives=OrganizationStats),
            active("GET", "/{org_id}", self.show, path_params=own, gives=detail),
            admin("PATCH", "/{org_id}", self.update, path_params=own, body=OrganizationUpdate, gives=detail),
            admin("GET", "/{org_id}/users", self.users, path_params=own, gives=list[UserView]),
            admin(
                "PATCH",
                "/{org_id}/users/{user_id}",
                self.update_user,
                path_params=member,
                body=UserUpdate,
                gives=UserView,
                refuses=(404,),
            ),
            admin(
                "DELETE",
                "/{org_id}/users/{user_id}",
                self.deactivate_user,
                path_params=member,
                gives=Detail,
                refuses=(404,),
            ),
        )

    async def create(self, exchange: Exchange) -> Response:
        """Found an organisation; its access code lets users register."""
        given: OrganizationCreate = exchange.body
        return json_response(organization_view(self._accounts.add_tenant(given.name, given.subdomain)))

    async def by_subdomain(self, exchange: Exchange) -> Response:
        """Show an organisation to anybody who knows its subdomain, access code included."""
        return json_response(organization_view(_known(self._accounts.by_subdomain.get(exchange.path.subdomain))))

    async def info(self, exchange: Exchange) -> Response:
        """Show the organisation behind an access code."""
        tenant = _known(self._accounts.by_access_code.get(exchange.path.access_code))
        return json_response({"name": tenant.name, "subdomain": tenant.subdomain})

    async def register(self, exchange: Exchange) -> Response:
        """Found an organisation with its administrator, logged in."""
        given: OrganizationRegister = exchange.body
        if any(self._accounts.with_email(given.admin_email)):
            raise BadRequest(f"a user has the e-mail {given.admin_email!r}")
        details = given.model_dump(include={"full_name", "address", "phone", "organization_email"})
        tenant = self._accounts.add_tenant(given.name, given.subdomain, details)
        admin = self._accounts.add_user(
            tenant,
            email=given.admin_email,
            username=given.admin_username,
            password_hash=hash_password(given.admin_password, self._rounds),
            first_name=given.admin_first_name,
            last_name=given.admin_last_name,
            role="org_admin",
            is_verified=True,
        )
        session = self._sessions.open_session(admin)
        return json_response(
            {
                "organization": organization_detail(tenant),
                "admin_user": user_view(admin),
                "access_token": session["access_token"],
                "refresh_token": session["refresh_token"],
            }
        )

    async def show(self, exchange: Exchange) -> Response:
        """Show the caller's organisation."""
        return json_response(organization_detail(_own(exchange)))

    async def update(self, exchange: Exchange) -> Response:
        """Change the caller's organisation; `is_active: false` ends logins, not the access tokens that are out."""
        tenant = _own(exchange)
        for name, value in exchange.body.model_dump(exclude_unset=True).items():
            if value is not None or name not in {"name", "is_active"}:
                setattr(tenant, name, value)
        tenant.updated_at = now()
        return json_response(organization_detail(tenant))

    async def renew_access_code(self, exchange: Exchange) -> Response:
        """Give the organisation a new access code; the old one is worth nothing any more."""
        tenant = _own(exchange)
        self._accounts.renew_access_code(tenant)
        tenant.updated_at = now()
        return json_response(organization_detail(tenant))

    async def stats(self, exchange: Exchange) -> Response:
        """Count the organisation's users."""
        tenant = _own(exchange)
        users = tenant.users.values()
        return json_response(
            {
                "organization_id": tenant.id,
                "total_users": len(users),
                "active_users": sum(user.is_active for user in users),
                "verified_users": sum(user.is_verified for user in users),
                "users_by_role": Counter(user.role for user in users),
                "created_at": tenant.created_at,
            }
        )

    async def users(self, exchange: Exchange) -> Response:
        """List the organisation's users."""
        return json_response([user_view(user) for user in _own(exchange).users.values()])

    async def update_user(self, exchange: Exchange) -> Response:
        """Change a user's role or state. Any text is stored as a role, save that only administrators give their own."""
        user = self._accounts.user_of(_own(exchange), exchange.path.user_id)
        given: UserUpdate = exchange.body
        if given.role in ADMINS and not _may_give(exchange.principal, given.role):
            raise AccessDenied(f"role {exchange.principal.role!r} may not give the role {given.role!r}")
        for name, value in given.model_dump(exclude_none=True).items():
            setattr(user, name, value)
        return json_response(user_view(user))

    async def deactivate_user(self, exchange: Exchange) -> Response:
        """Deactivate a user; nothing is deleted."""
        user = self._accounts.user_of(_own(exchange), exchange.path.user_id)
        user.is_active = False
        return json_response({"detail": "User deactivated successfully"})


def _own(exchange: Exchange) -> Tenant:
    """Give the caller's organisation; raise `AccessDenied` if the path names another."""
    tenant: Tenant = exchange.principal.tenant
    wanted: uuid.UUID = getattr(exchange.path, "org_id", tenant.id)
    if wanted != tenant.id:
        raise AccessDenied(f"{wanted} is not the caller's organisation")
    return tenant


def _known(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise ResourceNotFound("no such organisation")
    return tenant


def _may_give(caller: User, role: str) -> bool:
    return caller.role == "super_admin" or (caller.role == "admin" and role == "admin")
