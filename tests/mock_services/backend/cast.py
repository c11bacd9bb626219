"""One caller of each role, in one organisation, and the super administrator that settings make."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import Founder, Member

ROOT = {"email": "root@example.com", "password": "correct horse"}


def with_root(settings: Settings) -> Settings:
    """Have a super administrator made."""
    return settings.model_copy(update={"super_admin_email": ROOT["email"], "super_admin_password": ROOT["password"]})


@dataclass
class Cast:
    """Callers by role; `root` is of an organisation of their own."""

    user: Member
    org_admin: Member
    admin: Member
    root: Member

    def of(self, role: str) -> Member:
        member: Member = getattr(self, role)
        return member


async def root(client: httpx.AsyncClient) -> Member:
    """Log the super administrator in."""
    session = (await client.post("/api/auth/login", json=ROOT)).json()
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    user = (await client.get("/api/auth/me", headers=headers)).json()
    organization = (await client.get("/api/organizations/current", headers=headers)).json()
    return Member(client, {"organization": organization, "admin_user": user, **session}, ROOT["password"])


async def assemble(founder: Founder, member: Member) -> Cast:
    """Give `member`'s organisation a user and an admin."""
    cast = Cast(await founder.join(member), member, await founder.join(member), await root(member.client))
    made = await cast.root.call("PATCH", f"/api/admin/users/{cast.admin.user['id']}", json={"role": "admin"})
    assert made.status_code == 200
    return cast
