"""The super administrator that settings make, since no request can."""

from __future__ import annotations

import httpx
import pytest
from pydantic import ValidationError

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import Member

pytestmark = pytest.mark.anyio

LOGIN = {"email": "root@example.com", "password": "correct horse"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"super_admin_email": LOGIN["email"], "super_admin_password": LOGIN["password"]})


async def test_it_logs_in_and_makes_others_administrators(client: httpx.AsyncClient, backend: Backend) -> None:
    for _ in range(2):
        session = await client.post("/api/auth/login", json=LOGIN)
        assert session.status_code == 200
        headers = {"Authorization": f"Bearer {session.json()['access_token']}"}
        me = (await client.get("/api/auth/me", headers=headers)).json()
        assert (me["role"], me["is_active"]) == ("super_admin", True)
        code = (await client.get("/api/organizations/current", headers=headers)).json()["access_code"]
        body = {"email": "a@example.com", "username": "a", "password": "correct horse", "access_code": code}
        user = (await client.post("/api/auth/register", json=body)).json()
        made = await client.put(f"/api/users/{user['id']}/role", params={"role": "admin"}, headers=headers)
        assert made.json()["role"] == "admin"
        backend.clear()  # the next time round, it is there again


async def test_without_settings_there_is_nobody(member: Member) -> None:
    backend = Backend(Settings(bcrypt_rounds=4))
    assert not backend.accounts.users


@pytest.mark.parametrize(
    "given",
    [
        {"super_admin_email": "root@example.com"},
        {"super_admin_password": "correct horse"},
        {"super_admin_email": "root", "super_admin_password": "correct horse"},
    ],
)
def test_half_of_it_is_refused_and_the_password_not_told(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(given)
    assert "correct horse" not in " ".join(error["msg"] for error in refused.value.errors())


async def test_organisations_are_counted_for_administrators(
    client: httpx.AsyncClient, backend: Backend, member: Member
) -> None:
    path = "/api/organizations/stats"
    assert (await client.get(path)).status_code == 403
    assert (await member.call("GET", path)).status_code == 403  # an org_admin
    for user in backend.accounts.users.values():
        user.role = "admin"
    stats = (await member.call("GET", path)).json()
    assert stats["organization_id"] == member.organization["id"]
    assert (stats["total_users"], stats["active_users"], stats["users_by_role"]) == (1, 1, {"admin": 1})
