"""Requests and answers of the account endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, EmailStr, Field

from mock_services.backend.accounts.state import Tenant, User
from mock_services.backend.schemas import JsonObject

Password = Annotated[str, Field(min_length=8)]


class OrganizationCreate(BaseModel):
    """A new organisation without any user."""

    name: str
    subdomain: str


class OrganizationRegister(BaseModel):
    """A new organisation together with its first administrator."""

    name: str
    subdomain: str
    full_name: str
    address: JsonObject
    phone: str
    organization_email: EmailStr
    admin_email: EmailStr
    admin_username: str
    admin_password: Password
    admin_first_name: str
    admin_last_name: str


class OrganizationUpdate(BaseModel):
    """What an organisation's administrator may change."""

    name: str | None = None
    description: str | None = None
    full_name: str | None = None
    address: JsonObject | None = None
    phone: str | None = None
    organization_email: EmailStr | None = None
    is_active: bool | None = None


class Organization(BaseModel):
    """An organisation as its founder sees it."""

    id: UUID
    name: str
    subdomain: str
    access_code: str
    is_active: bool
    created_at: datetime


class OrganizationDetail(Organization):
    """An organisation as its members see it."""

    description: str | None
    full_name: str | None
    address: dict[str, Any] | None
    phone: str | None
    organization_email: str | None
    updated_at: datetime | None


class OrganizationStats(BaseModel):
    """An organisation in numbers."""

    organization_id: UUID
    total_users: int
    active_users: int
    verified_users: int
    users_by_role: dict[str, int]
    created_at: datetime


class OrganizationInfo(BaseModel):
    """What an access code tells a stranger."""

    name: str
    subdomain: str


class UserUpdate(BaseModel):
    """What an organisation's administrator may change of a user."""

    role: str | None = None
    is_active: bool | None = None
    is_verified: bool | None = None


class ProfileUpdate(BaseModel):
    """What users may change of themselves; a username may be left out, but not be null."""

    first_name: str | None = None
    last_name: str | None = None
    username: str = Field(default_factory=str)


class UserView(BaseModel):
    """A user."""

    id: UUID
    email: str
    username: str
    first_name: str | None
    last_name: str | None
    role: str
    is_active: bool
    is_verified: bool
    tenant_id: UUID
    created_at: datetime


class Registered(BaseModel):
    """A new organisation, its administrator, and their first session."""

    organization: OrganizationDetail
    admin_user: UserView
    access_token: str
    refresh_token: str


class UserRegister(BaseModel):
    """A new user of the organisation that a header, the host name or `access_code` names."""

    email: EmailStr
    username: str
    password: Password
    first_name: str | None = None
    last_name: str | None = None
    access_code: str | None = None


class UserLogin(BaseModel):
    """A login. Without `tenant_subdomain` the first user of this e-mail in any tenant is meant."""

    email: EmailStr
    password: str
    tenant_subdomain: str | None = None


class RefreshToken(BaseModel):
    """A refresh token to use up or to revoke."""

    refresh_token: str


class ForgotPassword(BaseModel):
    """A wish for a reset token."""

    email: EmailStr


class ResetPassword(BaseModel):
    """A new password, and the reset token that allows it."""

    token: str
    new_password: Password


class Session(BaseModel):
    """What a login gives."""

    access_token: str
    refresh_token: str
    token_type: str
    organization_subdomain: str


class AccessCodePath(BaseModel):
    """The path of an organisation found by its access code."""

    access_code: str


class SubdomainPath(BaseModel):
    """The path of an organisation found by its subdomain."""

    subdomain: str


class OrganizationPath(BaseModel):
    """The path of an organisation."""

    org_id: UUID


class OrganizationUserPath(OrganizationPath):
    """The path of an organisation's user."""

    user_id: UUID


class UserPath(BaseModel):
    """The path of a user."""

    user_id: UUID


class RoleQuery(BaseModel):
    """The role to give."""

    role: str


def organization_view(tenant: Tenant) -> dict[str, Any]:
    """Give an `Organization`."""
    names = ("id", "name", "subdomain", "access_code", "is_active", "created_at")
    return {name: getattr(tenant, name) for name in names}


def organization_detail(tenant: Tenant) -> dict[str, Any]:
    """Give an `OrganizationDetail`."""
    names = ("description", "full_name", "address", "phone", "organization_email", "updated_at")
    return organization_view(tenant) | {name: getattr(tenant, name) for name in names}


def user_view(user: User) -> dict[str, Any]:
    """Give a `UserView`."""
    return {
        "id": user.id,
        "email": user.email,
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
        "is_active": user.is_active,
        "is_verified": user.is_verified,
        "tenant_id": user.tenant.id,
        "created_at": user.created_at,
    }
