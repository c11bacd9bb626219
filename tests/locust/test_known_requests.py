"""Which groups of targets no request can belong to is known before a run, whatever part of the suite it runs."""

import pytest

from configs.targets import load_targets
from metrics.targets import Group, Target, Targets
from scenarios.known_requests import known_requests, unknown_groups
from utils.capabilities import Capabilities

LITTLE = Capabilities(["POST /api/auth/login", "GET /api/calendar/events/{event_id}"])


NEEDED = ["POST /api/crm/contacts"]
"""What tasks of the run need; this target lacks it."""


def unknown(pattern: str) -> bool:
    targets = Targets((Target("t", "g", "p95_ms", 1),), {"g": Group("g", (pattern,))})
    return bool(unknown_groups(targets, known_requests(LITTLE, NEEDED)))


@pytest.mark.parametrize("pattern", ["GET /api/crm/contcats*", "CALL frist audio", "WS /api/ws/notification"])
def test_a_slip_of_the_pen_fits_nothing(pattern: str) -> None:
    assert unknown(pattern)


@pytest.mark.parametrize(
    "pattern", ["GET /api/calendar/events/{id}", "CALL turn", "WS /api/ws/notifications [connect]", "* /api/auth/login"]
)
def test_what_another_scenario_would_have_asked_is_known(pattern: str) -> None:
    assert not unknown(pattern)


def test_what_the_target_lacks_and_a_task_was_skipped_for_is_known() -> None:
    assert not unknown("POST /api/crm/contacts")


def test_the_labs_own_groups_are_never_unknown() -> None:
    assert not unknown_groups(load_targets(), known_requests(LITTLE, []))
