"""Section 7 of the contract: what administrators see and do."""

from __future__ import annotations

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from tests.mock_services.backend.cast import ROOT, Cast, assemble, with_root
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

ADMIN = "/api/admin"


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return with_root(settings).model_copy(update=getattr(request, "param", {}))


@pytest.fixture
async def cast(founder: Founder, member: Member) -> Cast:
    return await assemble(founder, member)


async def test_an_admin_sees_the_own_organisation_and_root_sees_all(founder: Founder, cast: Cast) -> None:
    stranger = await founder.found()
    own = (await cast.admin.call("GET", f"{ADMIN}/users")).json()
    everyone = (await cast.root.call("GET", f"{ADMIN}/users")).json()
    assert (own["total"], everyone["total"]) == (3, 5)
    named = {"tenant_id": stranger.organization["id"]}
    assert (await cast.root.call("GET", f"{ADMIN}/users", params=named)).json()["users"] == [stranger.user]
    assert (await cast.admin.call("GET", f"{ADMIN}/users", params=named)).json()["total"] == 3

    for role, total in (("admin", 1), ("user", 1), ("org_admin", 1), ("banana", 0)):
        assert (await cast.admin.call("GET", f"{ADMIN}/users", params={"role": role})).json()["total"] == total
    page = (await cast.admin.call("GET", f"{ADMIN}/users", params={"page": 2, "page_size": 2})).json()
    assert (len(page["users"]), page["page"], page["page_size"]) == (1, 2, 2)
    far = (await cast.admin.call("GET", f"{ADMIN}/users", params={"page": 2**62, "is_active": True})).json()
    assert far["users"] == []


@pytest.mark.parametrize(
    ("settings", "other", "raised"),
    [({}, 404, 403), ({"defects": frozenset({Defect.ADMIN_ANY_TENANT})}, 200, 200)],
    indirect=["settings"],
)
async def test_an_admins_reach_ends_at_the_own_organisation_except_on_the_platform(
    founder: Founder, cast: Cast, other: int, raised: int
) -> None:
    stranger = await founder.found()
    path = f"{ADMIN}/users/{stranger.user['id']}"
    assert (await cast.admin.call("PATCH", path, json={"is_verified": True})).status_code == other
    own = f"{ADMIN}/users/{cast.user.user['id']}"
    changed = await cast.admin.call("PATCH", own, json={"role": "admin", "is_verified": True, "is_active": None})
    assert (changed.json()["role"], changed.json()["is_verified"]) == ("admin", True)
    assert (await cast.admin.call("PATCH", own, json={"role": "super_admin"})).status_code == raised
    assert (await cast.root.call("PATCH", path, json={"role": "super_admin"})).json()["role"] == "super_admin"


async def test_an_organisation_that_is_off_lets_nobody_log_in(client: httpx.AsyncClient, cast: Cast) -> None:
    tenant_id = cast.org_admin.organization["id"]
    listed = (await cast.root.call("GET", f"{ADMIN}/organizations")).json()
    assert listed == (await cast.root.call("GET", f"{ADMIN}/tenants")).json()
    assert [each["user_count"] for each in listed] == [1, 3]
    login = {"email": cast.org_admin.user["email"], "password": cast.org_admin.password}
    for is_active, status in ((False, 400), (True, 200)):
        toggled = await cast.root.call("POST", f"{ADMIN}/organizations/{tenant_id}/toggle-status")
        assert toggled.json()["is_active"] is is_active
        assert (await client.post("/api/auth/login", json=login)).status_code == status


async def test_root_verifies_a_number_by_hand(cast: Cast) -> None:
    await cast.org_admin.call("POST", "/api/telephony/setup", json={"organization_phone_number": "5550100000"})
    (config,) = (await cast.admin.call("GET", f"{ADMIN}/telephony/configs")).json()
    assert config["verification_status"] == "pending"
    assert (await cast.root.call("GET", f"{ADMIN}/telephony/configs")).json() == [config]
    for name, status in (("manual-verify", "verified"), ("manual-unverify", "pending")):
        answer = await cast.root.call("POST", f"{ADMIN}/telephony/{name}/{config['id']}")
        assert answer.json()["verification_status"] == status
        assert (await cast.org_admin.call("GET", "/api/telephony/config")).json() == answer.json()


async def test_metrics_are_written_down_and_listed(cast: Cast) -> None:
    path = f"{ADMIN}/system/metrics"
    for number, body in ((1, None), (2, {"host": "a"})):
        params = {"metric_type": f"load{number}", "value": number, "tenant_id": cast.user.organization["id"]}
        answer = await cast.admin.call("POST", path, params=params, **({"json": body} if body else {}))
        metric = answer.json()
        assert (metric["value"], metric["additional_data"]) == (number, body)
    listed = (await cast.admin.call("GET", path)).json()
    assert [each["metric_type"] for each in listed] == ["load2", "load1"]
    assert (await cast.admin.call("GET", path, params={"metric_type": "load1"})).json() == listed[1:]
    for params in ({"hours": 0}, {"hours": 169}):
        assert (await cast.admin.call("GET", path, params=params)).status_code == 422


async def test_metrics_are_bounded(client: httpx.AsyncClient, backend: Backend) -> None:
    bounded = Backend(backend.settings.model_copy(update={"max_metrics": 2}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bounded), base_url="http://backend") as other:
        session = (await other.post("/api/auth/login", json=ROOT)).json()
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        for number in range(3):
            await other.post(f"{ADMIN}/system/metrics?metric_type=load&value={number}", headers=headers)
        listed = (await other.get(f"{ADMIN}/system/metrics", headers=headers)).json()
    assert [each["value"] for each in listed] == [2, 1]


async def test_the_dashboard_counts(cast: Cast, backend: Backend) -> None:
    await cast.user.call("POST", "/api/conversations/", json={"title": "A"})
    shown = (await cast.admin.call("GET", f"{ADMIN}/dashboard")).json()
    assert (shown["total_users"], shown["total_conversations"], shown["total_phone_calls"]) == (3, 1, 0)
    (numbers,) = shown["tenant_stats"]
    assert (numbers["tenant_id"], numbers["users"]) == (cast.user.organization["id"], 3)
    assert (await cast.root.call("GET", f"{ADMIN}/dashboard")).json()["total_users"] == 4
    stats = (await cast.admin.call("GET", f"{ADMIN}/websocket/stats")).json()
    assert stats["total_connections"] == sum(stats["connections"].values()) == 0
