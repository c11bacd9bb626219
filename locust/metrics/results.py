"""What became of each target: met, missed, or skipped, where there was nothing to judge it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metrics.recorder import Cell, Endpoint
from metrics.targets import ERRORS, GENERATOR, OWN_TURN, PACE, USERS, Target, Targets
from metrics.windows import AT_LEAST, Windows
from metrics.wording import counted

SLACK_S = 15
"""By how much longer than its window a number of users must have been planned: users come a little late, and leave."""


@dataclass(frozen=True)
class Users:
    """How many users a run had."""

    most: int = 0
    seconds: float = 0
    """For how long they ran, in sum."""
    planned: Sequence[int] = ()
    """How many each second was to have; empty when nobody said."""


@dataclass(frozen=True)
class Measured:
    """What a run, or a part of it, gives to judge its targets by."""

    endpoints: Mapping[Endpoint, Cell]
    duration_s: float
    users: Users = field(default_factory=Users)
    generator: Mapping[str, float] = field(default_factory=dict)
    """Its measures by name."""
    windows: Windows | None = None
    """None where all of it is one window."""
    groups: Mapping[str, Cell] | None = None
    """The sums of the targets' groups, those without a request left out; None where they are still to be made."""
    own_turn_ms: float | None = None
    """What a turn takes without its vendor's part, on average; None where that is not known."""


@dataclass(frozen=True)
class Result:
    """One target and what became of it: `ok` is None, like `value`, when it was skipped, and `why_skipped` says why."""

    target: Target
    value: float | None
    ok: bool | None
    requests: int
    begins: int | None = None
    """The second of the run in which the window begins that it is judged by."""
    why_skipped: str = ""

    @property
    def status(self) -> str:
        """met, missed or skipped."""
        return "skipped" if self.ok is None else "met" if self.ok else "missed"

    @property
    def sentence(self) -> str:
        """What a missed target says."""
        target = self.target
        what = f"{figure(self.value)} {target.unit}"
        if target.kind == ERRORS:
            what += f" of {counted(self.requests, 'request')} failed"
        elif target.kind == PACE:
            what += " a user"
        if self.begins is not None:
            what += f" for {target.window_s} s from second {self.begins} on"
        bound = "under" if target.at_least else "over"
        return f"{target.name}: {what}, {bound} its limit of {figure(target.limit)} {target.unit}"


def figure(value: float | None) -> str:
    """A number as a reader wants it: 0.5, 12.3, 1,234."""
    if value is None:
        return "–"
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def results_of(measured: Measured, targets: Targets) -> list[Result]:
    """What these measurements make of each target."""
    groups = {target.group for target in targets.targets}
    if measured.groups is None:
        cells = {group: targets.cell_of(group, measured.endpoints) for group in groups}
    else:
        cells = {group: measured.groups.get(group) or Cell() for group in groups}
    return [_result(target, cells[target.group], measured) for target in targets.targets]


def _result(target: Target, cell: Cell, measured: Measured) -> Result:
    begins = None
    requests = cell.requests
    value: float | None
    if target.kind == USERS and (why := _not_planned(target, measured.users)):
        return _skipped(target, requests, why)
    if target.window_s and measured.windows is not None:
        watch = measured.windows.of(target)
        if watch.highest is None:
            return _skipped(target, requests, _no_window(target, watch.whole))
        value, requests, begins = watch.highest.value, watch.highest.requests, watch.highest.begins
    elif target.kind == GENERATOR:
        value = measured.generator.get(target.measure)
    elif target.kind == USERS:
        value = measured.users.most
    elif target.kind == OWN_TURN:
        value = measured.own_turn_ms
    else:
        value = target.value(cell, measured.duration_s, measured.users.seconds)
    if value is None:
        return _skipped(target, requests, _nothing(target, cell))
    return Result(target, value, target.met(value), requests, begins)


def _skipped(target: Target, requests: int, why: str) -> Result:
    return Result(target, None, None, requests, why_skipped=why)


def _nothing(target: Target, cell: Cell) -> str:
    if target.kind == GENERATOR:
        return "the generator said nothing of it"
    if not cell.requests:
        return "no request of its group was made"
    if target.kind == OWN_TURN:
        return "no turn was timed, or no double said what the voice agent took of it"
    if target.kind == ERRORS:
        return "the lab itself lost every request of its group"
    return "nobody counted the users" if target.kind == PACE else "no request of its group was timed"


def _not_planned(target: Target, users: Users) -> str:
    """Why a number of users is nothing that this run was to reach; empty when it was."""
    if not users.planned:
        return "nobody said how many users the run was to have, and when"
    longest = longest_with(users.planned, target.limit)
    if longest >= target.window_s + SLACK_S:
        return ""
    wanted = counted(target.limit, "user")
    return f"the run was to have {wanted} for {longest} s only" if longest else f"the run was never to have {wanted}"


def longest_with(planned: Sequence[int], users: float) -> int:
    """For how many seconds in a row so many users were planned, at most."""
    longest = current = 0
    for planned_now in planned:
        current = current + 1 if planned_now >= users else 0
        longest = max(longest, current)
    return longest


def _no_window(target: Target, whole: bool) -> str:
    if not whole:
        return f"the run was shorter than {target.window_s} s"
    return f"no {target.window_s} s of the run had {AT_LEAST} requests of its group"
