"""Targets: what a run is held to. A target names a group of requests, a measure of them and a limit.

    Target("crm average", group="crm", measure="avg_ms", limit=1000)
    Target("crm p99", group="crm", measure="p99_ms", limit=3000, window_s=10, stop=True)

A group is `all`, an area (`metrics.areas`), a list of patterns over requests (`Group`), or `generator`.
docs/targets.md says what each measure is, and what a window does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from metrics.areas import AREAS, area_of
from metrics.histogram import Histogram
from metrics.recorder import Cell, Endpoint

INTENDED = "intended_"
"""What a measure of latencies begins with that count from when each request was due."""
PERCENTILE = re.compile(rf"(?:{INTENDED})?p(\d{{1,2}}(?:\.\d{{1,3}})?)_ms")
LATENCY, ERRORS, RATE, PACE, USERS, GENERATOR = "latency", "errors", "rate", "pace", "users", "generator"
OWN_TURN = "own turn"
MEASURES = {
    "avg_ms": (LATENCY, "ms"),
    "max_ms": (LATENCY, "ms"),
    "intended_avg_ms": (LATENCY, "ms"),
    "intended_max_ms": (LATENCY, "ms"),
    "error_percent": (ERRORS, "%"),
    "rate": (RATE, "/s"),
    "requests_per_user_minute": (PACE, "/min"),
    "users": (USERS, "users"),
    "cpu_percent": (GENERATOR, "%"),
    "starts_dropped_percent": (GENERATOR, "%"),
    "frames_skipped_percent": (GENERATOR, "%"),
    "own_turn_avg_ms": (OWN_TURN, "ms"),
}
"""What each measure is about, and its unit. Percentiles, of which there are many, are LATENCY in ms."""
LONGEST_WINDOW_S = 300
MOST_PERCENT = 100
LABEL = re.compile(r" ?\[.*")
PLACEHOLDER = re.compile(r"\{[^}]*\}")
WINDOW = re.compile(r"(\d{1,3}) ?s")


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

    @property
    def words(self) -> str:
        """Its patterns, for a reader."""
        return " or ".join(map(repr, self.patterns))

    def could_hold(self, names: Iterable[str]) -> bool:
        """Whether any of these requests (`GET /api/crm/contacts/{id}`) could be of the group, with some label.

        What placeholders are called does not matter: a target's own document may call them otherwise.
        """
        patterns = [_without_names(LABEL.sub("", pattern)) for pattern in self.patterns]
        return any(fnmatchcase(_without_names(name), pattern) for name in names for pattern in patterns)


@dataclass(frozen=True)
class Target:
    """One bound on one measure of one group, over the whole run or (`window_s`) over so many seconds at a time."""

    name: str
    group: str
    measure: str
    limit: float
    window_s: int = 0
    stop: bool = False
    """The run ends as soon as a window misses it."""

    def __post_init__(self) -> None:
        if self.measure not in MEASURES and not PERCENTILE.fullmatch(self.measure):
            raise TargetError(
                f"target {self.name!r} measures {self.measure!r}, but a measure is pNN_ms, intended_pNN_ms or one of "
                f"{', '.join(MEASURES)}"
            )
        if not (math.isfinite(self.limit) and self.limit >= 0):
            raise TargetError(f"target {self.name!r} has the limit {self.limit}, but a limit is a number from 0")
        if self.kind == ERRORS and self.limit > MOST_PERCENT:
            raise TargetError(
                f"target {self.name!r} has the limit {self.limit:g} % of failures, which nothing can miss: write one "
                f"from 0 to {MOST_PERCENT}"
            )
        if (self.kind == GENERATOR) != (self.group == GENERATOR):
            measures = ", ".join(name for name, (kind, _) in MEASURES.items() if kind == GENERATOR)
            raise TargetError(
                f"target {self.name!r} measures {self.measure} of {self.group!r}, but {measures} are measures of the "
                "group 'generator', and it has no others"
            )
        if self.kind == USERS and self.group != "all":
            raise TargetError(f"target {self.name!r} measures users of {self.group!r}: write the group 'all'")
        if self.kind == OWN_TURN and self.group != "telephony":
            raise TargetError(
                f"target {self.name!r} measures {self.measure} of {self.group!r}: write the group 'telephony'"
            )
        if self.window_s and self.kind in {GENERATOR, OWN_TURN}:
            raise TargetError(
                f"target {self.name!r} has a window, and a target of {self.measure} has none: it is judged over the run"
            )
        if not 0 <= self.window_s <= LONGEST_WINDOW_S:
            raise TargetError(
                f"target {self.name!r} has a window of {self.window_s} s, but a window is from 1 s to "
                f"{LONGEST_WINDOW_S} s"
            )
        if self.stop and (self.at_least or not self.window_s):
            raise TargetError(
                f"target {self.name!r} is to stop the run: that takes a window, and a measure that has an upper limit"
            )

    @property
    def kind(self) -> str:
        """What the measure is about: `latency`, `errors`, `rate`, `pace`, `users`, `generator` or `own turn`."""
        return MEASURES.get(self.measure, (LATENCY, ""))[0]

    @property
    def unit(self) -> str:
        """The unit of the limit and the value: ms, %, /s, /min or users."""
        return MEASURES.get(self.measure, ("", "ms"))[1]

    @property
    def at_least(self) -> bool:
        """Whether the limit is to be reached, rather than not to be exceeded."""
        return self.kind in {RATE, USERS}

    @property
    def words(self) -> str:
        """What it asks, for a reader: `at most 1200 ms in any 10 s`."""
        window = f" {'for' if self.at_least else 'in any'} {self.window_s} s" if self.window_s else ""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:,g} {self.unit}{window}"

    def value(self, cell: Cell, duration_s: float, user_s: float = 0) -> float | None:
        """The measure over the requests in `cell`, which took `duration_s`, of users who ran for `user_s` in sum.

        None when there are no requests, or none with a latency, or none for an error rate that reached the target.
        Users, the generator and the target's own part of a turn are no measure of requests.
        """
        if not cell.requests or self.kind == OWN_TURN:
            return None
        if self.kind == ERRORS:
            return cell.error_percent if cell.reached else None
        if self.kind == RATE:
            return cell.requests / duration_s if duration_s > 0 else None
        if self.kind == PACE:
            return cell.requests * 60 / user_s if user_s > 0 else None
        measure, latencies = self.measure.removeprefix(INTENDED), self.latencies(cell)
        if measure == "avg_ms":
            micros = latencies.mean
        elif measure == "max_ms":
            micros = latencies.percentile(1)
        else:
            micros = latencies.percentile(float(measure[1:-3]) / 100)
        return None if micros is None else micros / 1000

    def latencies(self, cell: Cell) -> Histogram:
        """Those that a measure of latencies is about: from the send, or from when each request was due."""
        return cell.from_due if self.measure.startswith(INTENDED) else cell.latency

    def met(self, value: float) -> bool:
        """Whether a value keeps the bound; a value at the limit does."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Targets:
    """All targets of a run, with the groups that they name beside the areas, `all` and `generator`."""

    targets: Sequence[Target] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {"all", *AREAS, GENERATOR}
        if clash := sorted(set(self.groups) & known):
            raise TargetError(f"the group {clash[0]!r} cannot be defined: the lab has a group of that name")
        known |= set(self.groups)
        for target in self.targets:
            if target.group not in known:
                groups = ", ".join(sorted(known))
                raise TargetError(
                    f"target {target.name!r} names the group {target.group!r}, but the groups are {groups}"
                )
        names = [target.name for target in self.targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise TargetError(f"two targets have the name {twice[0]!r}: name each target once")

    def groups_of(self, endpoint: Endpoint) -> list[str]:
        """The groups with targets to which an endpoint belongs."""
        return [group for group in {target.group for target in self.targets} if self.holds(group, endpoint)]

    def holds(self, group: str, endpoint: Endpoint) -> bool:
        """Whether an endpoint belongs to a group."""
        return group in ("all", area_of(*endpoint)) or (group in self.groups and self.groups[group].holds(*endpoint))

    def cell_of(self, group: str, endpoints: Mapping[Endpoint, Cell]) -> Cell:
        """The merged cell of a group's endpoints."""
        merged = Cell()
        for endpoint, cell in endpoints.items():
            if self.holds(group, endpoint):
                merged.merge(cell)
        return merged


def _without_names(request: str) -> str:
    return PLACEHOLDER.sub("{}", request)


def read_targets(content: Mapping[str, Any]) -> Targets:
    """Targets from the content of a TOML file.

    `[groups]` holds name → patterns; a `[[target]]` name, group, measure, limit and maybe window and stop. Raises
    TargetError with one sentence for anything else.
    """
    if unknown := sorted(set(content) - {"groups", "target"}):
        raise TargetError(f"{unknown[0]!r} is not known: the file holds [groups] and [[target]]")
    groups: dict[str, Group] = {}
    for name, patterns in content.get("groups", {}).items():
        if not isinstance(patterns, list) or not patterns or not all(isinstance(p, str) and p for p in patterns):
            raise TargetError(f"the group {name!r} is a list of patterns such as 'POST /api/auth/*'")
        groups[name] = Group(name, tuple(patterns))
    return Targets(tuple(_target(number, e) for number, e in enumerate(content.get("target", []), 1)), groups)


def _target(number: int, entry: Mapping[str, Any]) -> Target:
    kinds: dict[str, Any] = {"name": str, "group": str, "measure": str, "limit": (int, float)}
    given = {key: value for key, value in entry.items() if key not in {"window", "stop"}}
    named = entry.get("name", number)
    fits = set(given) == set(kinds) and all(
        isinstance(given[key], kind) and not isinstance(given[key], bool) for key, kind in kinds.items()
    )
    if not fits:
        raise TargetError(
            f"target {named!r} takes name, group and measure as text and limit as a number, and maybe window and stop"
        )
    window, stop = entry.get("window", "0 s"), entry.get("stop", False)
    found = WINDOW.fullmatch(window) if isinstance(window, str) else None
    if found is None or ("window" in entry and not int(found[1])):
        raise TargetError(f"target {named!r} has the window {window!r}; it takes a time such as '10 s'")
    if not isinstance(stop, bool):
        raise TargetError(f"target {named!r} has stop = {stop!r}; it takes true or false")
    return Target(**given | {"limit": float(given["limit"])}, window_s=int(found[1]), stop=stop)
