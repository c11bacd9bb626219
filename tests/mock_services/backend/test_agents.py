"""Agents: who sees, makes and changes which."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mock_services.backend.agents.schemas import AgentView
from mock_services.backend.app import Backend
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

PATH = "/api/agents/"
GUIDE = {"agent_type": "GUIDE", "name": "Guide", "description": "Knows the way", "capabilities": ["maps"]}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def agents(member: Member) -> list[dict[str, Any]]:
    answer = await member.call("GET", PATH)
    assert (answer.status_code, set(answer.json())) == (200, {"agents"})
    found: list[dict[str, Any]] = answer.json()["agents"]
    return found


async def make(member: Member, **changes: Any) -> dict[str, Any]:
    answer = await member.call("POST", PATH, json=GUIDE | changes)
    assert answer.status_code == 200, answer.text
    agent: dict[str, Any] = answer.json()
    return agent


async def test_26_agents_come_with_the_platform(member: Member) -> None:
    listed = await agents(member)
    assert len({agent["agent_type"] for agent in listed}) == len({agent["id"] for agent in listed}) == len(listed) == 26
    assert "MODERATOR" in {agent["agent_type"] for agent in listed}
    assert "WEB_SEARCH" not in {agent["agent_type"] for agent in listed}
    for agent in listed:
        assert set(agent) == set(AgentView.model_fields)
        assert (agent["is_free_agent"], agent["owner_tenant_id"], agent["is_active"]) == (True, None, True)
    assert (await member.call("GET", PATH + listed[3]["id"])).json() == listed[3]
    assert (await member.call("GET", "/api/agents", follow_redirects=False)).status_code == 307


async def test_a_tenants_agent_is_its_own(founder: Founder) -> None:
    member, other = await founder.found(), await founder.found()
    made = await make(member)
    assert made["owner_tenant_id"] == member.organization["id"]
    assert made["owner_domain"] == member.organization["subdomain"]
    assert made["updated_at"] is None
    assert made["capabilities"] == ["maps"]
    assert made["id"] in {agent["id"] for agent in await agents(member)}
    assert made["id"] not in {agent["id"] for agent in await agents(other)}
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        answer = await other.call(method, PATH + made["id"], **({"json": body} if body else {}))
        assert answer.status_code == 404, method
    assert (await other.call("POST", PATH, json=GUIDE)).status_code == 400  # types are taken for all
    free = await make(member, agent_type="FREE", is_free_agent=True)
    assert free["id"] in {agent["id"] for agent in await agents(other)}
    assert (await other.call("PATCH", PATH + free["id"], json={"name": "x"})).status_code == 403


async def test_an_agent_is_changed_and_deactivated(member: Member, backend: Backend) -> None:
    made = await make(member)
    changed = (await member.call("PATCH", PATH + made["id"], json={"name": "Warden", "is_enabled": False})).json()
    assert (changed["name"], changed["is_enabled"], changed["description"]) == ("Warden", False, "Knows the way")
    assert changed["updated_at"] > made["created_at"]
    assert (await member.call("PATCH", PATH + made["id"], json={"name": None})).json()["name"] == "Warden"
    assert (await member.call("DELETE", PATH + made["id"])).status_code == 200
    assert made["id"] not in {agent["id"] for agent in await agents(member)}
    assert (await member.call("GET", PATH + made["id"])).json()["is_active"] is False
    builtin = (await agents(member))[0]["id"]
    assert (await member.call("PATCH", PATH + builtin, json={"name": "x"})).status_code == 403
    next(iter(backend.accounts.users.values())).role = "super_admin"
    assert (await member.call("PATCH", PATH + builtin, json={"name": "x"})).json()["name"] == "x"


async def test_roles(founder: Founder, member: Member, client: httpx.AsyncClient) -> None:
    user = await founder.join(member)
    made = await make(member)
    for method, path, body in (
        ("POST", PATH, GUIDE | {"agent_type": "OTHER"}),
        ("PATCH", PATH + made["id"], {"name": "x"}),
        ("DELETE", PATH + made["id"], None),
    ):
        parts: dict[str, Any] = {"json": body} if body else {}
        assert (await user.call(method, path, **parts)).status_code == 403
        assert (await client.request(method, path, **parts)).status_code == 403
    assert len(await agents(user)) == 27
    for caller in (user, member):
        assert (await caller.call("GET", PATH + UNKNOWN)).status_code == 404
        assert (await caller.call("GET", PATH + "7")).status_code == 422
    assert (await client.get(PATH)).status_code == 403
    assert (await member.call("POST", PATH, json={"name": "x"})).status_code == 422


async def test_a_reset_leaves_the_platforms_own(member: Member, backend: Backend, founder: Founder) -> None:
    await make(member)
    backend.clear()
    assert len(await agents(await founder.found())) == 26
