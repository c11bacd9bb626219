"""Which users a run has and what they need: a class gets its share of them, and each of them an account of its kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from configs.settings import SettingsError
from scenarios.base import PlatformUser
from utils.accounts import Kind


def check_kinds(classes: Iterable[type]) -> None:
    """Raise SettingsError, with one sentence, for a class whose `account_kind` is none that accounts are made of."""
    for user_class in classes:
        if issubclass(user_class, PlatformUser) and user_class.account_kind not in get_args(Kind):
            kinds = ", ".join(map(repr, get_args(Kind)))
            raise SettingsError(
                f"{user_class.__name__}.account_kind is {user_class.account_kind!r}, but takes one of {kinds}."
            )


def seat_everyone(classes: list[type[PlatformUser]], users: int) -> None:
    """Have one user made of each class that its weight would leave without any, where there are users enough.

    A class without a user would make the run invalid, and a short run with few users is a good one.
    """
    for user_class in classes:
        if user_class.seated:
            user_class.seated, user_class.fixed_count = False, 0
    room = users - sum(c.fixed_count for c in classes)
    weighted = [c for c in classes if not c.fixed_count]
    weights = sum(c.weight for c in weighted)
    for user_class in weighted if room >= len(weighted) else ():
        if user_class.weight * room < weights:
            user_class.seated, user_class.fixed_count = True, 1


def too_few_users(classes: Sequence[type[PlatformUser]], users: int) -> str:
    """What to say where some class is bound to have no user, which will make the run invalid; nothing otherwise."""
    if users >= len(classes):
        return ""
    return (
        f"{users} users are too few for {len(classes)} user classes, and the run will be invalid, as one that makes no"
        f" request shows nothing: start {len(classes)} users at least, or fewer classes."
    )


def accounts_wanted(classes: list[type[PlatformUser]], users: int) -> Mapping[Kind, int]:
    """How many accounts of each kind so many users need, spread over the classes by weight as Locust does."""
    fixed = sum(c.fixed_count for c in classes)
    weights = sum(c.weight for c in classes if not c.fixed_count) or 1
    wanted: Counter[Kind] = Counter()
    for user_class in classes:
        share = user_class.fixed_count or math.ceil(max(0, users - fixed) * user_class.weight / weights)
        wanted[user_class.account_kind] += share
    return wanted
