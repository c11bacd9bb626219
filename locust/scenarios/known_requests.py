"""What the requests of a run can be called, so that a target's pattern that fits none of them is found before it."""

from __future__ import annotations

from collections.abc import Iterable

from clients import call_steps, realtime_talk
from configs.targets import load_targets
from metrics.targets import Group, Targets
from utils.capabilities import Capabilities

OF_THE_LAB = (
    *(f"CALL {step}" for step in (*call_steps.STEPS, call_steps.DIAL)),
    *(f"WS {path}" for path in realtime_talk.PATHS),
    "SETUP account",
    "SMS verification code",
)
"""Those that no OpenAPI document lists."""


def known_requests(offered: Capabilities, needed: Iterable[str]) -> list[str]:
    """Names as `TYPE name`: the target's operations, those that the run's tasks need, and the lab's own steps."""
    return [*offered.listed(), *needed, *OF_THE_LAB]


def unknown_groups(targets: Targets, known: Iterable[str]) -> list[Group]:
    """The groups of targets that no request can belong to; the lab's own patterns fit requests of some scenario."""
    names = list(known)
    own = {pattern for group in load_targets().groups.values() for pattern in group.patterns}
    used = {target.group for target in targets.targets}
    return [
        group
        for name, group in targets.groups.items()
        if name in used and own.isdisjoint(group.patterns) and not group.could_hold(names)
    ]
