"""Which part of the platform a request belongs to: the one place that says so."""

from __future__ import annotations

import re

AREAS = ("authentication", "crm", "calendar", "telephony", "conversations", "other")

# First match wins; the WebSocket of a call lies under /api/ws and belongs to telephony all the same.
PREFIXES = (
    ("/api/auth", "authentication"),
    ("/api/organizations", "authentication"),
    ("/api/tenants", "authentication"),
    ("/api/users", "authentication"),
    ("/api/me", "authentication"),
    ("/api/crm", "crm"),
    ("/api/calendar", "calendar"),
    ("/api/telephony", "telephony"),
    ("/api/ws/telephony", "telephony"),
    ("/api/conversations", "conversations"),
    ("/api/voice", "conversations"),
    ("/api/stt", "conversations"),
    ("/api/ws", "conversations"),
    ("/api/websocket", "conversations"),
)
TYPES = {"CALL": "telephony", "WS": "conversations"}

PATH = re.compile(r"(?:^|\s)(/[^\s?\[]*)")


def path_of(name: str) -> str | None:
    """The path in a request's name (`/api/x`, `GET /api/x [label]`); None when it has none (`first audio`)."""
    found = PATH.search(name)
    return found.group(1) if found else None


def area_of(request_type: str, name: str) -> str:
    """The area of a request, by the path in its name, else by its type."""
    path = path_of(name)
    if path is not None and request_type != "CALL":
        for prefix, area in PREFIXES:
            if path == prefix or path.startswith(prefix + "/"):
                return area
    return TYPES.get(request_type, "other")
