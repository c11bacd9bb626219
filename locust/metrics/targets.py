"""Targets: what a run is held to. A target names a group of requests, a measure of them and a limit.

    Target("crm average", group="crm", measure="avg_ms", limit=1000)

A group is `all`, an area (`metrics.areas`), or a list of patterns over requests (`Group`). Measures:
`avg_ms`, `max_ms`, `pNN_ms` (p50_ms, p95_ms, p99.9_ms …) and `error_percent` must not exceed their limit;
`rate` (requests a second over the run) must reach it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from metrics.areas import AREAS, area_of
from metrics.recorder import Cell, Endpoint

PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)_ms")
LATENCY = "latency"
ERRORS = "errors"
RATE = "rate"


class TargetError(ValueError):
    """A target or a group that cannot be judged; the text is one sentence that says why."""


@dataclass(frozen=True)
class Group:
    """The requests whose `TYPE name` matches one of the patterns, where `*` stands for anything.

    `{` and `[` stand for themselves, as in request names: `* /api/auth/login`, `CALL first audio`, `WS *`.
    """

    name: str
    patterns: tuple[str, ...]

    def holds(self, request_type: str, name: str) -> bool:
        """Whether a request is of the group. A name that repeats its method is matched without it."""
        subject = f"{request_type} {name.removeprefix(request_type + ' ')}"
        return any(fnmatchcase(subject, pattern.replace("[", "[[]")) for pattern in self.patterns)


@dataclass(frozen=True)
class Target:
    """One bound on one measure of one group."""

    name: str
    group: str
    measure: str
    limit: float

    def __post_init__(self) -> None:
        if not (self.measure in {"avg_ms", "max_ms", "error_percent", "rate"} or PERCENTILE.fullmatch(self.measure)):
            raise TargetError(
                f"target {self.name!r} measures {self.measure!r}, but a measure is avg_ms, max_ms, pNN_ms, "
                "error_percent or rate"
            )
        if not (math.isfinite(self.limit) and self.limit >= 0):
            raise TargetError(f"target {self.name!r} has the limit {self.limit}, but a limit is a number from 0")

    @property
    def kind(self) -> str:
        """What the measure is about: `latency`, `errors` or `rate`."""
        return {"error_percent": ERRORS, "rate": RATE}.get(self.measure, LATENCY)

    @property
    def unit(self) -> str:
        """The unit of the limit and the value: ms, % or /s."""
        return {ERRORS: "%", RATE: "/s"}.get(self.kind, "ms")

    def value(self, cell: Cell, duration_s: float) -> float | None:
        """The measure over the requests in `cell`; None when there are none, or none with a latency."""
        if not cell.requests:
            return None
        if self.kind == ERRORS:
            return cell.error_percent
        if self.kind == RATE:
            return cell.requests / duration_s if duration_s > 0 else None
        if self.measure == "avg_ms":
            micros = cell.latency.mean
        elif self.measure == "max_ms":
            micros = cell.latency.percentile(1)
        else:
            micros = cell.latency.percentile(float(self.measure[1:-3]) / 100)
        return None if micros is None else micros / 1000

    def met(self, value: float) -> bool:
        """Whether a value keeps the bound: at most the limit, and for a rate at least."""
        return value >= self.limit if self.kind == RATE else value <= self.limit


@dataclass(frozen=True)
class Targets:
    """All targets of a run, with the groups that they name beside the areas and `all`."""

    targets: Sequence[Target] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if clash := sorted(set(self.groups) & {"all", *AREAS}):
            raise TargetError(f"the group {clash[0]!r} cannot be defined: that name is an area's, or stands for all")
        known = {"all", *AREAS, *self.groups}
        for target in self.targets:
            if target.group not in known:
                groups = ", ".join(sorted(known))
                raise TargetError(
                    f"target {target.name!r} names the group {target.group!r}, but the groups are {groups}"
                )
        names = [target.name for target in self.targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise TargetError(f"two targets have the name {twice[0]!r}: name each target once")

    def cell_of(self, group: str, endpoints: Mapping[Endpoint, Cell]) -> Cell:
        """The merged cell of a group's endpoints."""
        merged = Cell()
        for endpoint, cell in endpoints.items():
            if group in ("all", area_of(*endpoint)) or (group in self.groups and self.groups[group].holds(*endpoint)):
                merged.merge(cell)
        return merged


def read_targets(content: Mapping[str, Any]) -> Targets:
    """Targets from the content of a TOML file: `[groups]` name → patterns, `[[target]]` name, group, measure, limit.

    Raises TargetError with one sentence for anything else.
    """
    if unknown := sorted(set(content) - {"groups", "target"}):
        raise TargetError(f"{unknown[0]!r} is not known: the file holds [groups] and [[target]]")
    groups: dict[str, Group] = {}
    for name, patterns in content.get("groups", {}).items():
        if not isinstance(patterns, list) or not patterns or not all(isinstance(p, str) and p for p in patterns):
            raise TargetError(f"the group {name!r} is a list of patterns such as 'POST /api/auth/*'")
        groups[name] = Group(name, tuple(patterns))
    targets = []
    for number, entry in enumerate(content.get("target", []), 1):
        kinds: dict[str, Any] = {"name": str, "group": str, "measure": str, "limit": (int, float)}
        fits = set(entry) == set(kinds) and all(
            isinstance(entry[key], kind) and not isinstance(entry[key], bool) for key, kind in kinds.items()
        )
        if not fits:
            named = entry.get("name", number)
            raise TargetError(f"target {named!r} takes exactly name, group and measure as text and limit as a number")
        targets.append(Target(entry["name"], entry["group"], entry["measure"], float(entry["limit"])))
    return Targets(tuple(targets), groups)
