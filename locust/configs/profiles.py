"""Load profiles: how many users at which second of a run, read by name from `profiles.toml` beside this file."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROFILES_FILE = Path(__file__).with_name("profiles.toml")
LONGEST_S = 7 * 86_400
MOST_USERS = 100_000
HIGHEST_SPAWN_RATE = 1_000
TAKES_TIME = "a time from one second to seven days, such as 30s, 2m or 1h30m"

STAGE_KEYS = {"users", "spawn_rate", "run_time"}
KEYS = STAGE_KEYS | {"stages", "climb", "until_target_breaks", "arrivals_per_second", "arrivals"}
SPACINGS = ("even", "poisson")


class ProfileError(ValueError):
    """A profile that cannot be run; the text is one sentence for a person."""


@dataclass(frozen=True)
class Stage:
    """So many users for so long, reached at so many a second."""

    users: int
    spawn_rate: float
    seconds: float

    def times(self, factor: float) -> Stage:
        """The same stage with so many times the users, at so many times the spawn rate if they are more."""
        rate = min(self.spawn_rate * max(1, factor), HIGHEST_SPAWN_RATE)
        return Stage(max(1, round(self.users * factor)), rate, self.seconds)


@dataclass(frozen=True)
class Profile:
    """A run's load over time: one stage after the other."""

    name: str
    stages: tuple[Stage, ...]
    until_target_breaks: bool = False
    """The run ends as soon as a target is missed, if it is missed before the last stage is over."""
    arrivals_per_second: float | None = None
    """With a rate the model is open: tasks begin on a schedule and the users are those who can take one."""
    poisson: bool = False
    """Whether the gaps between two starts of the schedule are by chance, as between callers, and not all the same."""

    @property
    def seconds(self) -> float:
        """How long the run is, at most."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def most_users(self) -> int:
        """The users of the highest stage."""
        return max(stage.users for stage in self.stages)

    def at(self, elapsed_s: float) -> Stage | None:
        """The stage at a time of the run; None when it is over."""
        for stage in self.stages:
            if elapsed_s < stage.seconds:
                return stage
            elapsed_s -= stage.seconds
        return None

    def users_by_second(self) -> list[int]:
        """How many users each second of the run is to have."""
        planned = []
        users = 0.0
        for stage in self.stages:
            for _ in range(round(stage.seconds)):
                step = min(stage.spawn_rate, abs(stage.users - users))
                users += step if users < stage.users else -step
                planned.append(int(users))
        return planned

    def resized(self, users: int | None, seconds: float | None) -> Profile:
        """The same profile with its highest stage at `users`, the others in proportion, and cut off after `seconds`.

        More users start at a higher rate, in about the same time; fewer at the profile's own. A profile of one stage is
        not cut but takes just so long.
        """
        stages = list(self.stages)
        if users is not None:
            factor = users / self.most_users
            stages = [stage.times(factor) for stage in stages]
        if seconds is not None:
            stages = [dataclasses.replace(stages[0], seconds=seconds)] if len(stages) == 1 else cut(stages, seconds)
        return dataclasses.replace(self, stages=tuple(stages))


def cut(stages: Sequence[Stage], seconds: float) -> list[Stage]:
    """The stages that begin within so many seconds, the last of them shortened."""
    kept = []
    for stage in stages:
        if seconds <= 0:
            break
        kept.append(dataclasses.replace(stage, seconds=min(stage.seconds, seconds)))
        seconds -= stage.seconds
    return kept


def seconds_of(text: object) -> int:
    """The seconds in a time such as 30s, 2m, 1h30m or 45; raise ValueError for anything else."""
    found = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s?)?", text) if isinstance(text, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 1 <= total <= LONGEST_S:
        raise ValueError(f"{text!r} is not {TAKES_TIME}")
    return total


def load_profiles(path: Path = PROFILES_FILE) -> dict[str, Profile]:
    """Read a file of profiles; raise ProfileError with one sentence that names the file when it cannot be used."""
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: is not TOML: {error}.") from error
    try:
        return {name: read_profile(name, entry) for name, entry in content.items()}
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}.") from error


def read_profile(name: str, entry: object) -> Profile:
    """A profile from its table in TOML; raise ProfileError with the profile's name and what it takes."""
    if not isinstance(entry, Mapping):
        raise ProfileError(f"{name!r} is no table: write [{name}] and its keys below it")
    if unknown := sorted(set(entry) - KEYS):
        raise ProfileError(f"[{name}] has {unknown[0]!r}; a profile takes {', '.join(sorted(KEYS))}")
    if "stages" in entry:
        stages = _listed(name, entry)
    elif "climb" in entry:
        stages = _climbing(name, entry)
    else:
        stages = (_stage(f"[{name}]", {key: entry[key] for key in STAGE_KEYS & set(entry)}),)
    breaks = entry.get("until_target_breaks", False)
    if not isinstance(breaks, bool):
        raise ProfileError(f"[{name}] until_target_breaks is {breaks!r}; it takes true or false")
    rate = entry.get("arrivals_per_second")
    if rate is not None:
        rate = _number(f"[{name}] arrivals_per_second", rate, 0.001, 10_000)
        if len(stages) > 1:
            raise ProfileError(f"[{name}] has arrivals_per_second and several stages; an open model takes one stage")
    return Profile(name, stages, breaks, rate, _is_poisson(name, entry, rate))


def _is_poisson(name: str, entry: Mapping[str, Any], rate: float | None) -> bool:
    spacing = entry.get("arrivals", SPACINGS[0])
    if spacing not in SPACINGS:
        raise ProfileError(f"[{name}] arrivals is {spacing!r}; it takes {' or '.join(SPACINGS)}")
    if "arrivals" in entry and rate is None:
        raise ProfileError(f"[{name}] has arrivals and no arrivals_per_second; how they are spaced needs a rate")
    return bool(spacing == "poisson")


def _listed(name: str, entry: Mapping[str, Any]) -> tuple[Stage, ...]:
    listed = entry["stages"]
    if beside := sorted(({"climb"} | STAGE_KEYS) & set(entry)):
        raise ProfileError(f"[{name}] has stages and {beside[0]}; with stages, users and times stand in each of them")
    if not isinstance(listed, list) or not listed or not all(isinstance(stage, Mapping) for stage in listed):
        raise ProfileError(f"[{name}] stages takes a list of tables with {', '.join(sorted(STAGE_KEYS))}")
    return tuple(_stage(f"[{name}] stage {number}", stage) for number, stage in enumerate(listed, 1))


def _climbing(name: str, entry: Mapping[str, Any]) -> tuple[Stage, ...]:
    climb = entry["climb"]
    if not isinstance(climb, Mapping) or set(climb) != {"by", "every", "to"} or "spawn_rate" not in entry:
        raise ProfileError(f'[{name}] takes climb = {{ by = 10, every = "30s", to = 1000 }} and spawn_rate')
    if beside := sorted({"users", "run_time"} & set(entry)):
        raise ProfileError(f"[{name}] has climb and {beside[0]}; climb says how many users and for how long")
    by = int(_number(f"[{name}] climb.by", climb["by"], 1, MOST_USERS))
    to = int(_number(f"[{name}] climb.to", climb["to"], by, MOST_USERS))
    step = {"spawn_rate": entry["spawn_rate"], "run_time": climb["every"]}
    steps = math.ceil(to / by)
    return tuple(_stage(f"[{name}]", {**step, "users": min(by * number, to)}) for number in range(1, steps + 1))


def _stage(where: str, entry: Mapping[str, Any]) -> Stage:
    if set(entry) != STAGE_KEYS:
        raise ProfileError(f"{where} takes exactly {', '.join(sorted(STAGE_KEYS))}")
    users = _number(f"{where} users", entry["users"], 1, MOST_USERS)
    if users != int(users):
        raise ProfileError(f"{where} users is {users}; it takes a whole number")
    try:
        seconds = seconds_of(entry["run_time"])
    except ValueError as error:
        raise ProfileError(f"{where} run_time: {error}") from None
    return Stage(int(users), _number(f"{where} spawn_rate", entry["spawn_rate"], 0.01, HIGHEST_SPAWN_RATE), seconds)


def _number(where: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ProfileError(f"{where} is {value!r}; it takes a number from {least:g} to {most:g}")
    return float(value)
