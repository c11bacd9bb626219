"""What a check has to say: how well a thing is, in one sentence, and in another what to do about it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`problem`: a run would fail, or mean nothing. `warning`: it can run, and its figures may suffer."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `todo` is empty where there is nothing to do."""

    check: str
    level: Level
    says: str
    todo: str = ""

    def facts(self) -> dict[str, str]:
        """Give the finding for `--json`."""
        return {**dataclasses.asdict(self), "level": self.level.value}


def ok(check: str, says: str) -> Finding:
    """Give the finding of a thing that is as it should be."""
    return Finding(check, Level.OK, says)


def warning(check: str, says: str, todo: str) -> Finding:
    """Give the finding of a thing that a run can bear."""
    return Finding(check, Level.WARNING, says, todo)


def problem(check: str, says: str, todo: str) -> Finding:
    """Give the finding of a thing that has to be put right first."""
    return Finding(check, Level.PROBLEM, says, todo)
