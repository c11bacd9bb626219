"""The limits that dashboards draw and alerts watch: those of the suite's own file, so that they never differ."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

TARGETS_FILE = Path(__file__).parents[1] / "locust" / "configs" / "targets.toml"
UNITS = {"error_percent": "%", "requests_per_user_minute": "requests a minute", "users": "users", "rate": "/s"}
AT_LEAST = frozenset({"users", "rate"})


@dataclass(frozen=True)
class Target:
    """A target as its file has it; `limit` in the measure's unit (ms, %, …)."""

    name: str
    group: str
    measure: str
    limit: float

    @property
    def unit(self) -> str:
        """The unit of the limit and of what is measured."""
        return UNITS.get(self.measure, "ms")

    @property
    def at_least(self) -> bool:
        """Whether the limit is to be reached rather than kept."""
        return self.measure in AT_LEAST


def targets() -> list[Target]:
    """All targets of the file, in its order."""
    entries = tomllib.loads(TARGETS_FILE.read_text(encoding="utf-8"))["target"]
    return [Target(entry["name"], entry["group"], entry["measure"], float(entry["limit"])) for entry in entries]


def limit(name: str) -> float:
    """The limit of the target with this name; KeyError when there is none."""
    return {target.name: target.limit for target in targets()}[name]
