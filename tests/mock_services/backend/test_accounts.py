"""Section 1 of the contract: organisations, users, logins, tokens."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest

from mock_services.backend.app import Backend
from tests.mock_services.backend.support import SECRET, Founder, Member, registration

pytestmark = pytest.mark.anyio

USER = {"email": "new@example.com", "username": "new", "password": "correct horse"}
USER_FIELDS = {
    "id",
    "email",
    "username",
    "first_name",
    "last_name",
    "role",
    "is_active",
    "is_verified",
    "tenant_id",
    "created_at",
}


@pytest.mark.parametrize("path", ["/api/organizations", "/api/tenants"])
async def test_an_organisation_is_founded_and_found_again(client: httpx.AsyncClient, path: str) -> None:
    founded = await client.post(path, json={"name": "", "subdomain": "elm", "unknown": 1})
    assert founded.status_code == 200
    organization = founded.json()
    assert set(organization) == {"id", "name", "subdomain", "access_code", "is_active", "created_at"}
    assert len(organization["access_code"]) == 11
    assert organization["created_at"].endswith("Z")

    by_subdomain = await client.get("/api/tenants/elm")
    assert by_subdomain.json() == organization
    info = await client.get(f"/api/organizations/{organization['access_code']}/info")
    assert info.json() == {"name": "", "subdomain": "elm"}

    assert (await client.post(path, json={"name": "x", "subdomain": "elm"})).status_code == 400
    assert (await client.get("/api/tenants/oak")).status_code == 404
    assert (await client.get("/api/organizations/nocode/info")).status_code == 404


async def test_registering_an_organisation_gives_its_administrator_a_session(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/organizations/register", json=registration(1))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"organization", "admin_user", "access_token", "refresh_token"}
    assert set(body["admin_user"]) == USER_FIELDS
    assert body["admin_user"]["role"] == "org_admin"
    assert body["admin_user"]["is_verified"] is True
    assert body["organization"]["address"] == {"street": "1 Yew Lane"}
    assert len(body["refresh_token"]) == 43
    claims = jwt.decode(body["access_token"], SECRET, ["HS256"])
    assert set(claims) == {"sub", "tenant_id", "email", "role", "exp"}
    me = await client.get("/api/auth/me", headers={"Authorization": f"bearer {body['access_token']}"})
    assert me.json() == body["admin_user"]


@pytest.mark.parametrize("taken", ["subdomain", "admin_email"])
async def test_an_organisation_needs_its_own_subdomain_and_email(client: httpx.AsyncClient, taken: str) -> None:
    await client.post("/api/organizations/register", json=registration(1))
    second = registration(2) | {taken: registration(1)[taken]}
    assert (await client.post("/api/organizations/register", json=second)).status_code == 400


@pytest.mark.parametrize(
    ("headers", "access_code", "status"),
    [
        ({}, None, 400),
        ({}, "wrong", 400),
        ({}, "{code}", 200),
        ({"X-Tenant-ID": "garden1"}, None, 200),
        ({"X-Tenant-ID": "{id}"}, None, 400),
        ({"X-Tenant-ID": "unknown"}, "{code}", 200),
        ({"Host": "garden1.example.com"}, None, 200),
        ({"Host": "127.0.0.1:8001"}, None, 400),
        ({"Host": "127.0.0.1:8001"}, "{code}", 200),
        ({"Host": "garden1"}, None, 400),
    ],
)
async def test_a_user_registers_with_the_organisation_that_the_request_names(
    client: httpx.AsyncClient, founder: Founder, headers: dict[str, str], access_code: str | None, status: int
) -> None:
    organization = (await founder.found()).organization
    places = {"code": organization["access_code"], "id": organization["id"]}
    headers = {name: value.format(**places) for name, value in headers.items()}
    body: dict[str, Any] = USER | ({"access_code": access_code.format(**places)} if access_code else {})
    answer = await client.post("/api/auth/register", json=body, headers=headers)
    assert answer.status_code == status
    if status == 200:
        user = answer.json()
        assert set(user) == USER_FIELDS
        assert (user["role"], user["is_verified"], user["tenant_id"]) == ("user", False, organization["id"])


@pytest.mark.parametrize("same", ["email", "username"])
async def test_email_and_username_are_unique_within_a_tenant_only(
    client: httpx.AsyncClient, founder: Founder, same: str
) -> None:
    first, second = await founder.found(), await founder.found()
    other = {"email": "other@example.com", "username": "other", "password": "correct horse"} | {same: USER[same]}
    for member, body, status in ((first, USER, 200), (first, other, 400), (second, other, 200)):
        code = member.organization["access_code"]
        answer = await client.post("/api/auth/register/token", json=body | {"access_code": code})
        assert answer.status_code == status
        if status == 200:
            assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "organization_subdomain"}
            assert answer.json()["organization_subdomain"] == member.organization["subdomain"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"email": "x@site.test"}, "body.email", None),
        ({"email": "no mail"}, "body.email", None),
        ({"password": "1234567"}, "body.password", "String should have at least 8 characters"),
        ({"username": None}, "body.username", None),
        ({"username": ...}, "body.username", "This field is required"),
    ],
)
async def test_a_registration_is_validated(
    client: httpx.AsyncClient, change: dict[str, Any], field: str, message: str | None
) -> None:
    body = {name: value for name, value in (USER | change).items() if value is not ...}
    answer = await client.post("/api/auth/register", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Invalid request data"
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert message is None or error["message"] == message


async def test_logins_are_told_apart(client: httpx.AsyncClient, founder: Founder, backend: Backend) -> None:
    admin = await founder.found()
    other = await founder.found()
    subdomain = other.organization["subdomain"]
    await founder.join(admin, email="twice@example.com", password="first password")
    twin = await founder.join(other, email="second@example.com", password="second password")
    backend.accounts.users[next(iter(backend.accounts.with_email("second@example.com"))).id].email = "twice@example.com"
    backend.accounts._by_email["twice@example.com"] |= backend.accounts._by_email.pop("second@example.com")

    async def login(**body: str) -> int:
        return (await client.post("/api/auth/login", json=body)).status_code

    assert await login(email="twice@example.com", password="first password") == 200
    assert await login(email="twice@example.com", password="second password") == 401  # the first match counts
    assert await login(email="twice@example.com", password="second password", tenant_subdomain=subdomain) == 200
    assert await login(email="twice@example.com", password="first password", tenant_subdomain="nobody") == 400
    assert await login(email="nobody@example.com", password="first password") == 401
    assert await login(email="nobody@example.com") == 422
    assert (await client.post("/api/auth/login", data={"email": "a@example.com", "password": "x"})).status_code == 422

    path = f"/api/organizations/{other.organization['id']}/users/{twin.user['id']}"
    assert (await other.call("DELETE", path)).status_code == 200
    assert await login(email="twice@example.com", password="second password", tenant_subdomain=subdomain) == 400
    assert (await twin.call("GET", "/api/auth/me")).status_code == 400
    assert (await twin.call("GET", "/api/crm/contacts")).status_code == 200  # the CRM looks at the token only

    assert (await other.call("PATCH", "/api/organizations/current", json={"is_active": False})).status_code == 200
    assert await login(email=other.user["email"], password=other.password) == 400
    assert (await other.call("GET", "/api/auth/me")).status_code == 200


async def test_a_refresh_token_is_good_once(client: httpx.AsyncClient, member: Member) -> None:
    async def refresh(token: str) -> httpx.Response:
        return await client.post("/api/auth/refresh", json={"refresh_token": token})

    first = await refresh(member.refresh_token)
    assert first.status_code == 200
    assert first.json()["token_type"] == "bearer"
    assert (await refresh(member.refresh_token)).status_code == 401
    assert (await refresh(first.json()["refresh_token"])).status_code == 200
    assert (await client.post("/api/auth/refresh", json={})).status_code == 422


async def test_logout_revokes_refresh_tokens_and_leaves_the_access_token(
    client: httpx.AsyncClient, member: Member
) -> None:
    login = {"email": member.user["email"], "password": member.password}
    sessions = [(await client.post("/api/auth/login", json=login)).json() for _ in range(2)]
    assert (await member.call("POST", "/api/auth/logout")).status_code == 422
    for token in (sessions[0]["refresh_token"], "unknown"):
        out = await member.call("POST", "/api/auth/logout", json={"refresh_token": token})
        assert (out.status_code, out.json()) == (200, {"detail": "Successfully logged out"})
    out = await member.call("POST", "/api/auth/logout/all")
    assert out.json() == {"detail": "Successfully logged out from all sessions"}
    for session in sessions:
        refused = await client.post("/api/auth/refresh", json={"refresh_token": session["refresh_token"]})
        assert refused.status_code == 401
    assert (await member.call("GET", "/api/me")).status_code == 200


async def test_a_forgotten_password_is_reset_once(client: httpx.AsyncClient, member: Member, backend: Backend) -> None:
    for email in (member.user["email"], "nobody@example.com"):
        assert (await client.post("/api/auth/forgot-password", json={"email": email})).status_code == 200
    (token,) = backend.reset_tokens._tokens
    body = {"token": token, "new_password": "battery staple"}
    assert (await client.post("/api/auth/reset-password", json=body)).json() == {
        "message": "Password reset successfully"
    }
    assert (await client.post("/api/auth/reset-password", json=body)).status_code == 400
    refused = await client.post("/api/auth/refresh", json={"refresh_token": member.refresh_token})
    assert refused.status_code == 401
    login = {"email": member.user["email"], "password": "battery staple"}
    assert (await client.post("/api/auth/login", json=login)).status_code == 200


async def test_members_see_and_change_their_own_organisation(founder: Founder) -> None:
    admin, stranger = await founder.found(), await founder.found()
    user = await founder.join(admin)
    own = f"/api/organizations/{admin.organization['id']}"
    for path in (own, "/api/organizations/current"):
        assert (await user.call("GET", path)).json() == admin.organization
        assert (await user.call("PATCH", path, json={"name": "x"})).status_code == 403
        changed = await admin.call("PATCH", path, json={"description": f"by {path}", "name": None})
        assert changed.json()["description"] == f"by {path}"
        assert changed.json()["name"] == admin.organization["name"]
        admin.organization = changed.json()
    assert (await stranger.call("GET", own)).status_code == 403
    assert (await admin.call("GET", "/api/organizations/7")).status_code == 422

    renewed = await admin.call("POST", "/api/organizations/current/regenerate-access-code")
    assert renewed.json()["access_code"] != admin.organization["access_code"]
    old = f"/api/organizations/{admin.organization['access_code']}/info"
    assert (await admin.call("GET", old)).status_code == 404

    listed = await admin.call("GET", f"{own}/users")
    assert [each["id"] for each in listed.json()] == [admin.user["id"], user.user["id"]]
    assert (await user.call("GET", f"{own}/users")).status_code == 403
    one = f"{own}/users/{user.user['id']}"
    assert (await admin.call("PATCH", one, json={"role": "banana"})).json()["role"] == "banana"
    assert (await admin.call("PATCH", one, json={"role": "admin"})).status_code == 403
    assert (await admin.call("PATCH", f"{own}/users/{stranger.user['id']}", json={})).status_code == 404
    assert (await admin.call("DELETE", one)).status_code == 200
    assert (await admin.call("GET", f"{own}/users")).json()[1]["is_active"] is False


@pytest.mark.parametrize(("role", "status"), [("user", 403), ("org_admin", 403), ("admin", 200), ("super_admin", 200)])
async def test_only_administrators_manage_users(founder: Founder, backend: Backend, role: str, status: int) -> None:
    member = await founder.found()
    other = await founder.join(member)
    caller = next(iter(backend.accounts.with_email(member.user["email"])))
    caller.role = role  # in the database, as on the platform: no request makes the first administrator
    me, them = f"/api/users/{member.user['id']}", f"/api/users/{other.user['id']}"
    assert (await member.call("GET", "/api/users")).status_code == status
    assert (await member.call("GET", me)).status_code == 200
    assert (await member.call("GET", them)).status_code == status
    assert (await member.call("PATCH", "/api/users/me", json={"first_name": "x"})).status_code == 405
    for method in ("PUT", "PATCH"):
        given = await member.call(method, f"{them}/role", params={"role": "admin"})
        assert given.status_code == status
    if status == 200:
        assert (await member.call("PUT", f"{them}/role")).status_code == 422
        assert (await member.call("PUT", f"{them}/role", params={"role": "king"})).status_code == 400
        promoted = await member.call("PUT", f"{them}/role", params={"role": "super_admin"})
        assert promoted.status_code == (200 if role == "super_admin" else 403)
        assert (await member.call("DELETE", me)).status_code == 400
    assert (await member.call("DELETE", them)).status_code == status
    assert (await other.call("GET", "/api/auth/me")).status_code == (401 if status == 200 else 200)
