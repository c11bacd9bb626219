"""The lab's extension of the accounts: users change their own names."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

ME = "/api/users/me"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"extensions": True})


async def test_a_user_changes_their_own_names(founder: Founder, member: Member) -> None:
    user = await founder.join(member)
    change = {"first_name": "Ada", "last_name": "Moss", "role": "admin", "email": "x@example.com"}
    answer = await user.call("PATCH", ME, json=change)
    assert answer.status_code == 200
    assert answer.json() == user.user | {"first_name": "Ada", "last_name": "Moss"}
    assert (await user.call("PATCH", ME, json={"last_name": None})).json()["last_name"] is None
    assert (await user.call("PATCH", ME, json={"username": "ada"})).json()["username"] == "ada"
    assert (await user.call("PATCH", ME, json={})).json() == (await user.call("GET", "/api/auth/me")).json()
    assert (await member.call("GET", "/api/auth/me")).json() == member.user


async def test_a_username_stays_unique_within_the_tenant(founder: Founder, member: Member) -> None:
    user, stranger = await founder.join(member), await founder.found()
    taken = member.user["username"]
    assert (await user.call("PATCH", ME, json={"username": taken, "first_name": "Ada"})).status_code == 400
    assert (await user.call("GET", "/api/auth/me")).json() == user.user
    assert (await member.call("PATCH", ME, json={"username": taken})).status_code == 200
    assert (await stranger.call("PATCH", ME, json={"username": taken})).status_code == 200


@pytest.mark.parametrize("body", [{"username": None}, {"first_name": 7}, [], None])
async def test_a_profile_that_does_not_fit_is_refused(member: Member, body: Any) -> None:
    assert (await member.call("PATCH", ME, json=body)).status_code == 422
    assert (await member.call("GET", "/api/auth/me")).json() == member.user


async def test_a_profile_needs_an_active_user(client: httpx.AsyncClient, founder: Founder, member: Member) -> None:
    assert (await client.patch(ME, json={})).status_code == 403
    user = await founder.join(member)
    await member.call("DELETE", f"/api/organizations/{member.organization['id']}/users/{user.user['id']}")
    assert (await user.call("PATCH", ME, json={})).status_code == 400


async def test_the_path_is_otherwise_the_platforms(client: httpx.AsyncClient, member: Member) -> None:
    assert (await member.call("GET", ME)).status_code == 422  # "me" is no id
    assert (await member.call("PUT", ME)).status_code == 405
    paths = (await client.get("/openapi.json")).json()["paths"]
    marked = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "x-lab-extension" in operation
    }
    assert "PATCH /api/users/me" in marked
