"""Sections 0 and 8 of the contract: what holds for every endpoint, and what the outer layers do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.middleware.cors import CORSMiddleware

from mock_services.backend import app
from mock_services.backend.app import Backend
from mock_services.backend.guards import SECURITY_HEADERS
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import CONTACT, SECRET, Founder, Member, registration

pytestmark = pytest.mark.anyio

MISSING = {
    "detail": "Resource not found",
    "available_endpoints": {
        "authentication": "/api/auth",
        "conversations": "/api/conversations",
        "documentation": "/docs",
    },
}
DENIED = {"detail": "Access denied - insufficient permissions", "status_code": 403}
UNAUTHENTICATED = {"detail": "Authentication required", "status_code": 401}
BAD = {"detail": "Bad request - please check your input", "status_code": 400}


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/nowhere", 404, {"detail": "Resource not found"}),
        ("GET", "/api/nowhere", 404, MISSING),
        ("GET", "/api/tenants/nobody", 404, MISSING),
        ("GET", "/api/rag/documents", 404, MISSING),
        ("DELETE", "/health", 405, {"detail": "Method Not Allowed"}),
        ("HEAD", "/health", 405, None),
        ("PUT", "/api/crm/contacts/7", 405, {"detail": "Method Not Allowed"}),
        ("GET", "/api/crm/contacts", 403, DENIED),
        ("POST", "/api/organizations", 422, {"detail": "Invalid request data", "errors": [{
            "field": "body", "message": "This field is required"}]}),
    ],
)  # fmt: skip
async def test_every_refusal_has_the_platforms_own_body(
    client: httpx.AsyncClient, method: str, path: str, status: int, body: Any
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    if body is not None:
        assert answer.json() == body


@pytest.mark.parametrize(
    ("authorization", "status", "body"),
    [
        (None, 403, DENIED),
        ("", 403, DENIED),
        ("Basic YTpi", 403, DENIED),
        ("Bearer", 403, DENIED),
        ("Bearer ", 403, DENIED),
        ("Bearer nonsense", 401, UNAUTHENTICATED),
        ("Bearer a.b.c", 401, UNAUTHENTICATED),
    ],
)
async def test_no_token_is_403_and_a_bad_one_401(
    client: httpx.AsyncClient, authorization: str | None, status: int, body: dict[str, Any]
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/api/auth/me", "/api/crm/contacts", "/api/telephony/config"):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (status, body)
        assert "www-authenticate" not in answer.headers


async def test_a_bad_request_does_not_say_why_but_the_journal_does(client: httpx.AsyncClient) -> None:
    body = {"name": "Elm", "subdomain": "elm"}
    await client.post("/api/organizations", json=body)
    again = await client.post("/api/organizations", json=body)
    assert (again.status_code, again.json()) == (400, BAD)
    entries = (await client.get("/__lab/journal", params={"contains": "elm"})).json()["entries"]
    assert entries[0]["note"] == "subdomain 'elm' is taken"


async def test_the_journal_shows_no_credentials(founder: Founder, client: httpx.AsyncClient) -> None:
    member = await founder.found()
    login = {"email": member.user["email"], "password": member.password}
    assert (await client.post("/api/auth/login", json=login)).status_code == 200
    assert (await client.post("/api/auth/refresh", json={"refresh_token": member.refresh_token})).status_code == 200
    journal = (await client.get("/__lab/journal")).text
    assert member.user["email"] in journal
    for secret in (member.password, member.refresh_token, member.access_token):
        assert secret not in journal


async def test_validation_lists_at_most_ten_errors(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/organizations/register", json={})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    fields = [f"body.{name}" for name in registration()]
    assert errors == [{"field": field, "message": "This field is required"} for field in fields[:10]]


async def test_what_is_not_json_is_a_validation_error(client: httpx.AsyncClient) -> None:
    for content in (b"name=Elm", b"{", b"[1]", b"\xff", b"[" * 5000):
        answer = await client.post("/api/organizations", content=content)
        assert answer.status_code == 422, content[:10]
        assert answer.json()["errors"][0]["field"].startswith("body")


async def test_a_wrong_slash_is_redirected(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/crm/contacts/?page=2")
    assert answer.status_code == 307
    assert answer.headers["location"] == "http://backend/api/crm/contacts?page=2"
    assert (await client.get("/api/crm/nothing/")).status_code == 404


async def test_security_headers_stand_on_what_was_handled(client: httpx.AsyncClient) -> None:
    names = {name.decode() for name, _ in SECURITY_HEADERS}
    for path in ("/health", "/api/nowhere", "/api/crm/contacts", "/favicon.ico"):
        assert names <= set((await client.get(path)).headers)
    too_large = await client.post("/api/organizations", headers={"Content-Length": "10485761"})
    assert (too_large.status_code, too_large.json()) == (
        413,
        {"detail": "Request payload too large", "max_size_mb": 10},
    )
    assert not names & set(too_large.headers)
    just_fits = await client.post("/api/organizations", headers={"Content-Length": "10485760"})
    assert just_fits.status_code == 422


@pytest.fixture
async def limited() -> AsyncIterator[httpx.AsyncClient]:
    backend = Backend(Settings(bcrypt_rounds=4, jwt_secret=SECRET))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        yield client


async def test_the_121st_request_of_a_client_is_refused(limited: httpx.AsyncClient) -> None:
    paths = ("/ping", "/nowhere", "/api/crm/contacts", "/api/crm/contacts/")
    for number in range(120):
        assert (await limited.get(paths[number % 4])).status_code != 429
    refused = await limited.get("/ping")
    assert (refused.status_code, refused.json()) == (429, {"detail": "Rate limit exceeded", "retry_after": 60})
    assert refused.headers["retry-after"] == "60"
    assert "x-frame-options" not in refused.headers
    assert (await limited.post("/api/telephony/webhook/incoming-call")).status_code == 429
    for headers in ({"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}, {"X-Real-IP": "10.0.0.3"}):
        assert (await limited.get("/ping", headers=headers)).status_code == 200
    assert (await limited.get("/__lab/health")).status_code == 200


async def test_preflights_are_answered_by_origin(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", '["http://app.example.com"]')
    built = app.build()
    assert isinstance(built, CORSMiddleware)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(built), base_url="http://backend") as client:
        for origin, status, text in (
            ("http://app.example.com", 200, "OK"),
            ("http://other.example.com", 400, "Disallowed CORS origin"),
        ):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            answer = await client.options("/api/crm/contacts", headers=headers)
            assert (answer.status_code, answer.text) == (status, text)
            assert "x-frame-options" not in answer.headers
        assert (await client.options("/api/crm/contacts")).status_code == 405
        served = await client.get("/ping", headers={"Origin": "http://app.example.com"})
        assert served.headers["access-control-allow-origin"] == "http://app.example.com"
        served = await client.get("/ping", headers={"Origin": "http://other.example.com"})
        assert served.status_code == 200
        assert "access-control-allow-origin" not in served.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/status", 200), ("/ping", 200), ("/", 200), ("/api", 200), ("/robots.txt", 200),
     ("/openapi.json", 200), ("/favicon.ico", 204)],
)  # fmt: skip
async def test_pages_need_no_token(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.get(path)).status_code == status


TYPO = "/api/telephony/calls/CA00000000000000000000000000000001"


@pytest.mark.parametrize(
    ("method", "path", "parts", "status"),
    [
        ("POST", "/api/auth/register/token", {"json": {"email": "a@example.com", "username": "a",
                                                       "password": "correct horse"}}, 400),
        ("POST", "/api/auth/login", {"json": {"email": "nobody@example.com", "password": "x"}}, 401),
        ("POST", "/api/auth/logout", {}, 422),
        ("PATCH", "/api/users/me", {"json": {"first_name": "A"}}, 405),
        ("POST", "/api/crm/contacts", {"json": {"first_name": "A", "last_name": "B", "email": "a@example.com"}}, 422),
        ("GET", "/api/crm/contacts", {"params": {"page": 1, "page_size": 10}}, 200),
        ("GET", "/api/crm/contacts/search", {"params": {"q": "x"}}, 200),
        ("POST", "/api/crm/interactions", {"json": {"notes": "x", "duration_minutes": 5}}, 422),
        ("GET", "/api/crm/dashboard", {}, 200),
        ("POST", "/api/telephony/setup", {"json": {"provider": "twilio", "settings": {}, "test_mode": True}}, 422),
        ("GET", "/api/telephony/calls", {"params": {"page_size": 5, "start_date": "2026-01-01"}}, 200),
        ("GET", "/api/telephony/calls", {"params": {"status": "in-progress"}}, 400),
        ("GET", "/api/telephony/calls", {"params": {"status": "no-answer"}}, 400),
        ("GET", "/api/telephony/calls", {"params": {"status": "in_progress"}}, 200),
        ("GET", TYPO, {}, 422),
        ("POST", "/api/telephony/webhook/incoming-call", {"data": {"CallSid": "CA1"}}, 200),
        ("GET", "/api/telephony/calls/00000000-0000-4000-8000-000000000000/transcription", {}, 404),
        ("GET", "/api/telephony/analytics", {}, 404),
        ("POST", "/api/telephony/calls/simulate", {}, 405),
        ("GET", "/api/telephony/config", {}, 404),
    ],
)  # fmt: skip
async def test_calls_that_look_right_and_are_not(
    member: Member, method: str, path: str, parts: dict[str, Any], status: int
) -> None:
    answer = await member.call(method, path, **parts)
    assert answer.status_code == status
    if path == "/api/telephony/calls" and status == 200:
        assert set(answer.json()) == {"calls", "total", "page", "per_page"}
    if path.endswith("incoming-call"):
        assert "<Hangup" in answer.text
        assert "<Connect>" not in answer.text


async def test_a_plain_user_is_refused_before_the_body_is_looked_at(founder: Founder, member: Member) -> None:
    user = await founder.join(member)
    assert (await user.call("POST", "/api/telephony/setup", json={})).status_code == 403
    assert (await member.call("POST", "/api/telephony/setup", json={})).status_code == 422


async def test_the_document_lists_what_is_served(client: httpx.AsyncClient, backend: Backend) -> None:
    document = (await client.get("/openapi.json")).json()
    served = {(operation.path, operation.method.lower()) for operation in backend.operations}
    assert served == {(path, method) for path, methods in document["paths"].items() for method in methods}
    show = document["paths"]["/api/crm/contacts/{contact_id}"]["get"]
    assert set(show["responses"]) == {"200", "401", "403", "404", "422"}
    assert show["security"] == [{"bearer": []}]
    (parameter,) = show["parameters"]
    assert (parameter["name"], parameter["schema"]["format"]) == ("contact_id", "uuid")
    contact = document["components"]["schemas"]["ContactCreate"]
    assert contact["required"] == ["business_name", "contact_name"]


async def test_unknown_parameters_are_ignored(member: Member) -> None:
    await member.contact()
    answer = await member.call("GET", "/api/crm/contacts", params={"colour": "red"})
    assert answer.json()["total"] == 1
    assert CONTACT["contact_name"] == answer.json()["items"][0]["contact_name"]


async def test_a_chunked_body_may_be_longer_than_an_announced_one() -> None:
    backend = Backend(Settings(bcrypt_rounds=4, rate_limit_requests=0, max_body_mib=1, max_chunked_body_mib=2))

    async def chunks(mebibytes: int) -> AsyncIterator[bytes]:
        yield b'{"name":"'
        for _ in range(mebibytes * 16 - 1):
            yield b"x" * (1 << 16)
        yield b'","subdomain":"s"}'

    headers = {"Transfer-Encoding": "chunked"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        read = await client.post("/api/organizations", content=chunks(2), headers=headers)
        assert read.status_code == 200
        refused = await client.post("/api/organizations", content=chunks(3), headers=headers)
        assert (refused.status_code, refused.json()["max_size_mb"]) == (413, 2)
