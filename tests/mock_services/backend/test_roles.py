"""Section 7 of the contract: its table of statuses by role, with Stripe and ElevenLabs down."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import HttpUrl

from mock_services.backend.settings import Settings
from tests.mock_services.backend.cast import assemble, with_root
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

NOWHERE = HttpUrl("http://127.0.0.1:9")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ROLES = ("none", "user", "org_admin", "admin", "root")
CHECKOUT = {"success_url": "https://example.com/yes", "cancel_url": "https://example.com/no"}
SIGNUP = CHECKOUT | {"customer_email": "ada@example.com", "organization_name": "Elm"}
ALL, MEMBERS = (200,) * 5, (403, 200, 200, 200, 200)
ADMINS, SUPER = (403, 403, 403, 200, 200), (403, 403, 403, 403, 200)
ORGANIZATION_ADMINS = (403, 403, 200, 200, 200)
ROOT_ONLY_UNKNOWN = (403, 403, 403, 403, 404)
TABLE: list[tuple[str, str, tuple[int, ...], dict[str, Any]]] = [
    *(("GET", path, ALL, {}) for path in ("/health", "/docs", "/debug/routes", "/openapi.json")),
    ("GET", "/api/organizations/current", MEMBERS, {}),
    ("PATCH", "/api/organizations/current", ORGANIZATION_ADMINS, {"json": {}}),
    ("PATCH", "/api/organizations/{own}", ORGANIZATION_ADMINS, {"json": {}}),
    ("POST", "/api/organizations/current/regenerate-access-code", ORGANIZATION_ADMINS, {}),
    ("GET", "/api/organizations/stats", ADMINS, {}),
    ("GET", "/api/organizations/{own}", MEMBERS, {}),
    ("GET", f"/api/organizations/{UNKNOWN}", (403,) * 5, {}),
    ("GET", "/api/organizations/{own}/users", ORGANIZATION_ADMINS, {}),
    *(
        ("GET", f"/api/admin/{path}", ADMINS, {})
        for path in ("dashboard", "users", "usage/stats", "usage/records", "usage/by-organization", "system/metrics",
                     "websocket/stats", "telephony/configs")
    ),
    ("POST", "/api/admin/system/metrics", ADMINS, {"params": {"metric_type": "load", "value": 1}}),
    ("GET", "/api/admin/organizations", SUPER, {}),
    ("GET", "/api/admin/tenants", SUPER, {}),
    ("PATCH", f"/api/admin/users/{UNKNOWN}", (403, 403, 403, 404, 404), {"json": {}}),
    ("POST", f"/api/admin/organizations/{UNKNOWN}/toggle-status", ROOT_ONLY_UNKNOWN, {}),
    ("GET", "/api/admin/organizations/{own}/billing", SUPER, {}),
    ("POST", f"/api/admin/telephony/manual-verify/{UNKNOWN}", ROOT_ONLY_UNKNOWN, {}),
    ("POST", f"/api/admin/telephony/manual-unverify/{UNKNOWN}", ROOT_ONLY_UNKNOWN, {}),
    ("GET", "/api/billing/dashboard", MEMBERS, {}),
    ("GET", "/api/billing/subscription-plans", ALL, {}),
    ("POST", "/api/billing/organization-signup", (400,) * 5, {"json": SIGNUP}),
    ("POST", "/api/billing/create-checkout-session", (403, 403, 403, 400, 400), {"json": CHECKOUT}),
    ("POST", "/api/billing/create-subscription", (403, 403, 403, 404, 404), {"json": {}}),
    ("POST", "/api/billing/cancel-subscription", (403, 403, 403, 404, 404), {}),
    ("POST", "/api/billing/reactivate-subscription", (403, 403, 403, 404, 404), {}),
    ("GET", "/api/billing/customer-portal", (403, 404, 404, 404, 404), {"params": {"return_url": "https://x.org"}}),
    ("POST", "/api/billing/set-demo-status/{own}", SUPER, {"params": {"is_demo": True}}),
    ("POST", "/api/billing/webhook", (400,) * 5, {"json": {}}),
    ("GET", "/api/voice/config", MEMBERS, {}),
    ("GET", "/api/voice/status", ALL, {}),
    ("GET", "/api/voice/tts/status", ALL, {}),
    ("GET", "/api/voice/tts/voices", (403, 500, 500, 500, 500), {}),
    ("GET", "/api/voice/tts/models", (403, 500, 500, 500, 500), {}),
    ("GET", "/api/voice/tts/voice/x", (403, 404, 404, 404, 404), {}),
    ("POST", "/api/voice/tts/synthesize", (403, 500, 500, 500, 500), {"data": {"text": "Hello"}}),
]  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    vendors = {"stripe_api_url": NOWHERE, "elevenlabs_api_url": NOWHERE}
    return with_root(settings).model_copy(update=vendors)


async def test_each_role_may_what_the_contract_says(
    client: httpx.AsyncClient, founder: Founder, member: Member
) -> None:
    cast = await assemble(founder, member)
    for method, path, statuses, parts in TABLE:
        answered = []
        for role in ROLES:
            caller = None if role == "none" else cast.of(role)
            where = path.format(own=(caller or member).organization["id"])
            answer = await (caller.call(method, where, **parts) if caller else client.request(method, where, **parts))
            answered.append(answer.status_code)
        assert tuple(answered) == statuses, f"{method} {path}"


@pytest.mark.parametrize(
    ("path", "method", "parts"),
    [
        ("/api/admin/system/metrics", "POST", {}),
        ("/api/admin/users/nobody", "PATCH", {"json": {}}),
        ("/api/billing/create-checkout-session", "POST", {"json": {}}),
    ],
)
async def test_a_role_that_is_too_low_comes_before_what_does_not_fit(
    founder: Founder, member: Member, path: str, method: str, parts: dict[str, Any]
) -> None:
    cast = await assemble(founder, member)
    assert (await cast.user.call(method, path, **parts)).status_code == 403
    assert (await cast.admin.call(method, path, **parts)).status_code == 422
