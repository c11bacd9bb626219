"""What an answer must look like beyond its status.

A check takes a parsed body and gives None, or in few words what is wrong.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Check = Callable[[Any], str | None]
Kind = type | tuple[type, ...]

TOKENS: dict[str, Kind] = {"access_token": str, "refresh_token": str, "token_type": str}
USER: dict[str, Kind] = {"id": str, "email": str, "username": str, "role": str, "is_active": bool, "tenant_id": str}
CONTACT: dict[str, Kind] = {"id": str, "tenant_id": str, "business_name": str, "contact_name": str, "status": str}
INTERACTION: dict[str, Kind] = {"id": str, "contact_id": str, "interaction_type": str, "content": str}
CALL: dict[str, Kind] = {"id": str, "call_sid": str, "status": str, "direction": str}
LINE_CONFIG: dict[str, Kind] = {"id": str, "organization_phone_number": str, "verification_status": str}


def error_inside(body: Any) -> str | None:
    """Find the error that some answers carry under a status of 200."""
    if isinstance(body, dict) and (
        body.get("success") is False or body.get("status") == "error" or body.get("error") not in (None, "", [], {})
    ):
        return "an error inside a 200"
    return None


def fields(kinds: Mapping[str, Kind]) -> Check:
    """The body is an object with these fields, each of its kind."""

    def check(body: Any) -> str | None:
        if not isinstance(body, dict):
            return "no object"
        for name, kind in kinds.items():
            if name not in body:
                return f"{name} is missing"
            if not isinstance(body[name], kind) or (isinstance(body[name], bool) and kind is int):
                return f"{name} is of the wrong kind"
        return None

    return check


def same(**expected: Any) -> Check:
    """The body's fields hold these very values."""

    def check(body: Any) -> str | None:
        for name, value in expected.items():
            if body.get(name) != value:
                return f"another {name} came back"
        return None

    return check


def identified(body: Any) -> str | None:
    """The body's `id` is a UUID."""
    try:
        uuid.UUID(body["id"])
    except (ValueError, AttributeError):
        return "id is no UUID"
    return None


def listing(key: str, size_key: str, size: int, each: Check) -> Check:
    """The body is a page: `key` lists at most `size` things that pass `each`, beside `total` and `page`."""
    envelope = fields({key: list, "total": int, "page": int, size_key: int})

    def check(body: Any) -> str | None:
        wrong = envelope(body)
        if wrong:
            return wrong
        items = body[key]
        if len(items) > size or body[size_key] != size:
            return "a page of another size"
        if body["total"] < len(items):
            return "total is less than the page holds"
        return every(items, each)

    return check


def plain_list(each: Check) -> Check:
    """The body is a list whose things all pass `each`."""

    def check(body: Any) -> str | None:
        return every(body, each) if isinstance(body, list) else "no list"

    return check


def every(items: Sequence[Any], each: Check) -> str | None:
    """What is wrong with the first thing in a list that is wrong."""
    for item in items:
        wrong = each(item)
        if wrong:
            return wrong
    return None


def containing(term: str, names: Sequence[str]) -> Check:
    """At least one of the fields contains the term, in any case: what a search should only return."""
    wanted = term.lower()

    def check(body: Any) -> str | None:
        if any(wanted in str(body.get(name) or "").lower() for name in names):
            return None
        return "an item that does not match"

    return check


def both(*checks: Check) -> Check:
    """All the checks, in order; the first thing that is wrong is the answer."""

    def check(body: Any) -> str | None:
        for one in checks:
            wrong = one(body)
            if wrong:
                return wrong
        return None

    return check
