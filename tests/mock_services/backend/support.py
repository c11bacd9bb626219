"""A caller that keeps the contract's habits: founds organisations, logs in, sends its token."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
from twilio.request_validator import RequestValidator

SECRET = "a secret for tests, long enough to sign with"
CONTACT = {"business_name": "Rose & Sons", "contact_name": "Ada Rose"}


class Member:
    """A user of one organisation, with the headers that say so."""

    def __init__(self, client: httpx.AsyncClient, registered: dict[str, Any], password: str) -> None:
        self.client = client
        self.organization: dict[str, Any] = registered["organization"]
        self.user: dict[str, Any] = registered["admin_user"]
        self.password = password
        self.access_token: str = registered["access_token"]
        self.refresh_token: str = registered["refresh_token"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    async def call(self, method: str, path: str, **parts: Any) -> httpx.Response:
        headers = {**self.headers, **parts.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **parts)

    async def contact(self, **fields: Any) -> dict[str, Any]:
        answer = await self.call("POST", "/api/crm/contacts", json={**CONTACT, **fields})
        assert answer.status_code == 200, answer.text
        contact: dict[str, Any] = answer.json()
        return contact


class Founder:
    """Founds organisations with distinct names."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._numbers = count(1)

    async def found(self, **changes: Any) -> Member:
        number = next(self._numbers)
        body = registration(number) | changes
        answer = await self._client.post("/api/organizations/register", json=body)
        assert answer.status_code == 200, answer.text
        return Member(self._client, answer.json(), body["admin_password"])

    async def join(self, member: Member, **changes: Any) -> Member:
        """Add a plain user to a member's organisation."""
        number = next(self._numbers)
        body = {
            "email": f"user{number}@example.com",
            "username": f"user{number}",
            "password": "correct horse",
            "access_code": member.organization["access_code"],
        } | changes
        registered = await self._client.post("/api/auth/register", json=body)
        assert registered.status_code == 200, registered.text
        session = await self._client.post(
            "/api/auth/login", json={"email": body["email"], "password": body["password"]}
        )
        return Member(
            self._client,
            {"organization": member.organization, "admin_user": registered.json(), **session.json()},
            body["password"],
        )


def registration(number: int = 0) -> dict[str, Any]:
    return {
        "name": f"Garden {number}",
        "subdomain": f"garden{number}",
        "full_name": f"Garden of Rest {number}",
        "address": {"street": "1 Yew Lane"},
        "phone": "+15550100000",
        "organization_email": f"office{number}@example.com",
        "admin_email": f"admin{number}@example.com",
        "admin_username": f"admin{number}",
        "admin_password": "correct horse",
        "admin_first_name": "Ida",
        "admin_last_name": "Stone",
    }


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def twilio_validator(token: str) -> Any:
    """Give Twilio's own signer and validator, which has no types."""
    return RequestValidator(token)  # type: ignore[no-untyped-call]
