"""Section 7 of the contract: billing, through Stripe's stub as a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from pydantic import HttpUrl

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.cast import Cast, assemble, with_root
from tests.mock_services.backend.support import Founder, Member
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

BILLING = "/api/billing"
CHECKOUT = {"success_url": "https://example.com/yes", "cancel_url": "https://example.com/no"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def stripe() -> Iterator[str]:
    with serving("stripe", STRIPE_LATENCY_MS="0", STRIPE_REQUESTS_PER_SECOND="0") as address:
        yield f"http://{address}"


@pytest.fixture
def settings(settings: Settings, stripe: str, request: pytest.FixtureRequest) -> Settings:
    update = {"stripe_api_url": HttpUrl(stripe)} | getattr(request, "param", {})
    return with_root(settings).model_copy(update=update)


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    backend = Backend(settings)
    async with backend.lifespan():
        yield backend


@pytest.fixture
async def cast(founder: Founder, member: Member) -> Cast:
    return await assemble(founder, member)


async def test_a_plan_is_shown_as_stripe_has_it(client: httpx.AsyncClient) -> None:
    (plan,) = (await client.get(f"{BILLING}/subscription-plans")).json()["plans"]
    assert (plan["id"], plan["unit_amount"], plan["currency"], plan["interval"]) == (
        "price_lab_basic",
        4900,
        "usd",
        "month",
    )
    assert plan["name"] == "Thanotopolis platform"


async def test_somebody_without_an_organisation_checks_out(client: httpx.AsyncClient) -> None:
    body = CHECKOUT | {"customer_email": "ada@example.com", "organization_name": "Elm", "trial_days": 14}
    answer = await client.post(f"{BILLING}/organization-signup", json=body)
    assert answer.status_code == 200
    assert answer.json()["checkout_url"].startswith("https://checkout.stripe.com/")
    assert (await client.post(f"{BILLING}/organization-signup", json=CHECKOUT)).status_code == 422
    refused = await client.post(f"{BILLING}/organization-signup", json=body | {"success_url": "nowhere"})
    assert refused.status_code == 400


async def test_an_organisation_becomes_a_customer_and_subscribes(
    client: httpx.AsyncClient, cast: Cast, stripe: str, settings: Settings
) -> None:
    run = {"X-Lab-Run-Id": "run-7"}
    first = await cast.admin.call("POST", f"{BILLING}/create-checkout-session", json=CHECKOUT, headers=run)
    again = await cast.admin.call("POST", f"{BILLING}/create-checkout-session", json=CHECKOUT)
    assert (first.status_code, again.status_code) == (200, 200)
    async with httpx.AsyncClient() as http:
        journal = (await http.get(f"{stripe}/__lab/journal", params={"run_id": "run-7"})).json()
    assert [entry["name"] for entry in journal["entries"]] == ["POST /v1/checkout/sessions", "POST /v1/customers"]

    portal = await cast.user.call("GET", f"{BILLING}/customer-portal", params={"return_url": "https://example.com"})
    assert portal.json()["portal_url"].startswith("https://billing.stripe.com/")
    begun = await cast.admin.call("POST", f"{BILLING}/create-subscription", json={})
    assert (begun.status_code, begun.json()["status"]) == (200, "incomplete")
    assert begun.json()["client_secret"].startswith("pi_")
    for name, ends in (("cancel-subscription", True), ("reactivate-subscription", False)):
        answer = await cast.admin.call("POST", f"{BILLING}/{name}")
        assert (answer.status_code, answer.json()["subscription"]["cancel_at_period_end"]) == (200, ends)
    shown = (await cast.user.call("GET", f"{BILLING}/dashboard")).json()
    assert shown["organizations"] is None
    subscription = shown["current"]["subscription"]
    assert subscription["stripe_subscription_id"] == begun.json()["subscription_id"]

    tried = {"price_id": "price_unknown"}
    assert (await cast.admin.call("POST", f"{BILLING}/create-subscription", json=tried)).status_code == 400
    trial = await cast.admin.call("POST", f"{BILLING}/create-subscription", json={"trial_days": 7})
    assert trial.json()["status"] == "trialing"


async def test_root_sees_every_organisation_and_makes_demonstrations(cast: Cast) -> None:
    tenant_id = cast.org_admin.organization["id"]
    path = f"{BILLING}/set-demo-status/{tenant_id}"
    for is_demo in (True, False):
        answer = await cast.root.call("POST", path, params={"is_demo": is_demo})
        assert (answer.status_code, answer.json()["is_demo"]) == (200, is_demo)
        shown = (await cast.root.call("GET", f"{BILLING}/dashboard")).json()["organizations"]
        assert {each["organization_id"]: each["subscription"]["is_demo"] for each in shown} == {
            tenant_id: is_demo,
            cast.root.organization["id"]: False,
        }
    billing = (await cast.root.call("GET", f"/api/admin/organizations/{tenant_id}/billing")).json()
    assert billing == shown[1]
    unknown = await cast.root.call("POST", f"{BILLING}/set-demo-status/{UNKNOWN}", params={"is_demo": True})
    assert unknown.status_code == 404
    assert (await cast.root.call("POST", path)).status_code == 422


@pytest.mark.parametrize("settings", [{"stripe_api_url": HttpUrl("http://127.0.0.1:9")}], indirect=True)
async def test_without_stripe_a_fixed_plan_is_shown(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{BILLING}/subscription-plans")
    (plan,) = answer.json()["plans"]
    assert (answer.status_code, plan["id"], plan["unit_amount"]) == (200, "basic", 4900)
