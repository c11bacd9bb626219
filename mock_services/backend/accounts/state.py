"""The tables of organisations (tenants) and users."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mock_services.backend.errors import BadRequest, ResourceNotFound
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.randomness import Randomness

DIALABLE_DIGITS = 7
ACCESS_CODE_BYTES = 8  # 11 url-safe characters


@dataclass(slots=True, eq=False)
class Tenant:
    """An organisation. `access_code` is what its people register with."""

    id: uuid.UUID
    name: str
    subdomain: str
    access_code: str
    created_at: datetime
    updated_at: datetime
    is_active: bool = True
    description: str | None = None
    full_name: str | None = None
    address: dict[str, Any] | None = None
    phone: str | None = None
    organization_email: str | None = None
    users: dict[uuid.UUID, User] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class User:
    """A person who can log in. Roles: `user`, `org_admin`, `admin`, `super_admin`, but any text can be stored."""

    id: uuid.UUID
    tenant: Tenant
    email: str
    username: str
    password_hash: bytes
    first_name: str | None
    last_name: str | None
    role: str
    is_verified: bool
    created_at: datetime
    is_active: bool = True

    @property
    def name(self) -> str:
        """Give the name that others see."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.username


class Accounts:
    """All tenants and users, found by whatever the API finds them by."""

    def __init__(self, rows: Rows, randomness: Randomness, *, dialable: bool) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self._digits = randomness.stream("dialable")
        self._dialable = dialable
        self.clear()

    def clear(self) -> None:
        """Forget everybody."""
        self.tenants: dict[uuid.UUID, Tenant] = {}
        self.users: dict[uuid.UUID, User] = {}
        self.by_subdomain: dict[str, Tenant] = {}
        self.by_access_code: dict[str, Tenant] = {}
        self._by_email: dict[str, dict[uuid.UUID, User]] = {}
        self._prefixes: set[str] = set()

    def add_tenant(self, name: str, subdomain: str, details: Mapping[str, Any] | None = None) -> Tenant:
        """Found an organisation; raise `BadRequest` if its subdomain is taken."""
        if subdomain in self.by_subdomain:
            raise BadRequest(f"subdomain {subdomain!r} is taken")
        self._rows.take()
        moment = now()
        tenant = Tenant(self._new_tenant_id(), name, subdomain, "", moment, moment, **(details or {}))
        self.tenants[tenant.id] = tenant
        self.by_subdomain[subdomain] = tenant
        self.renew_access_code(tenant)
        return tenant

    def renew_access_code(self, tenant: Tenant) -> None:
        """Give a tenant a new access code; the old one is worth nothing from now on."""
        self.by_access_code.pop(tenant.access_code, None)
        tenant.access_code = secrets.token_urlsafe(ACCESS_CODE_BYTES)
        self.by_access_code[tenant.access_code] = tenant

    def add_user(
        self,
        tenant: Tenant,
        *,
        email: str,
        username: str,
        password_hash: bytes,
        first_name: str | None,
        last_name: str | None,
        role: str = "user",
        is_verified: bool = False,
    ) -> User:
        """Add a user to a tenant. Whether the e-mail and the name are free is asked before, with `refuse_duplicate`."""
        self._rows.take()
        user = User(
            self._ids.new("users"),
            tenant,
            email,
            username,
            password_hash,
            first_name,
            last_name,
            role,
            is_verified,
            now(),
        )
        self.users[user.id] = user
        tenant.users[user.id] = user
        self._by_email.setdefault(email, {})[user.id] = user
        return user

    def refuse_duplicate(self, tenant: Tenant, email: str, username: str) -> None:
        """Raise `BadRequest` if the tenant has a user of this e-mail or this name."""
        if any(user.tenant is tenant for user in self.with_email(email)):
            raise BadRequest(f"the tenant has a user with the e-mail {email!r}")
        self.refuse_taken_name(tenant, username)

    def refuse_taken_name(self, tenant: Tenant, username: str, owner: User | None = None) -> None:
        """Raise `BadRequest` if the tenant has a user of this name, other than its `owner`."""
        if any(user.username == username and user is not owner for user in tenant.users.values()):
            raise BadRequest(f"the tenant has a user called {username!r}")

    def with_email(self, email: str) -> Iterable[User]:
        """Give the users of all tenants that have this e-mail, oldest first."""
        return self._by_email.get(email, {}).values()

    def remove_user(self, user: User) -> None:
        """Delete a user."""
        del self.users[user.id]
        del user.tenant.users[user.id]
        del self._by_email[user.email][user.id]
        if not self._by_email[user.email]:
            del self._by_email[user.email]
        self._rows.give_back()

    def user_of(self, tenant: Tenant, user_id: uuid.UUID) -> User:
        """Find a tenant's user; raise `ResourceNotFound`."""
        user = tenant.users.get(user_id)
        if user is None:
            raise ResourceNotFound(f"the tenant has no user {user_id}")
        return user

    def _new_tenant_id(self) -> uuid.UUID:
        """Draw an id; where tenants shall be dialable, one with seven leading digits that no other tenant has.

        A tenant's telephone number is built from these seven characters, and letters are lost on the way to its lookup.
        """
        drawn = self._ids.new("tenants")
        if not self._dialable:
            return drawn
        while (prefix := f"{self._digits.randrange(10**DIALABLE_DIGITS):0{DIALABLE_DIGITS}d}") in self._prefixes:
            pass
        self._prefixes.add(prefix)
        return uuid.UUID(prefix + drawn.hex[DIALABLE_DIGITS:])
