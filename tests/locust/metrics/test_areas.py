"""The area of a request, from its name or its type."""

import pytest

from metrics.areas import AREAS, area_of, path_of


@pytest.mark.parametrize(
    ("request_type", "name", "area"),
    [
        ("POST", "/api/auth/login", "authentication"),
        ("POST", "POST /api/auth/login [wrong password]", "authentication"),
        ("GET", "/api/organizations/current", "authentication"),
        ("GET", "/api/users/{id}", "authentication"),
        ("GET", "/api/crm/contacts/search?q={q}", "crm"),
        ("GET", "/api/calendar/events/{id}", "calendar"),
        ("POST", "/api/telephony/webhook/incoming-call", "telephony"),
        ("CALL", "first audio", "telephony"),
        ("CALL", "CALL turn", "telephony"),
        ("WS", "/api/ws/telephony/voice-agent/stream", "telephony"),
        ("WS", "/api/ws/notifications [connect]", "conversations"),
        ("WS", "message", "conversations"),
        ("GET", "/api/conversations/{id}", "conversations"),
        ("GET", "/health", "other"),
        ("GET", "/api/crmish", "other"),
        ("OTHER", "other", "other"),
    ],
)
def test_a_request_belongs_to_an_area(request_type: str, name: str, area: str) -> None:
    assert area_of(request_type, name) == area
    assert area in AREAS


def test_a_path_is_found_in_a_name() -> None:
    assert path_of("GET /api/x/{id} [label]") == "/api/x/{id}"
    assert path_of("first audio") is None
