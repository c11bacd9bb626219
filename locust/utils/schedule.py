"""An open model's schedule: when tasks begin, and whose they are, whatever became of the ones before.

The whole schedule follows from the seed, the rate and the weights. Each process goes through all of it and takes the
starts that fall to its own users, so that processes need not talk while they run.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from utils.deck import Deck
from utils.identity import stream


@dataclass(frozen=True)
class Start:
    """One start: `offset_s` after the schedule's own beginning, the `serial`th (from 0) of its user class."""

    offset_s: float
    user_class: str
    serial: int


@dataclass(frozen=True)
class Share:
    """Which users of a class a process has: `count` of `total`, the first of them counted as `first` (from 0)."""

    first: int
    count: int
    total: int

    def takes(self, serial: int) -> bool:
        """Whether a start of the class is one of this process's."""
        return self.first <= serial % self.total < self.first + self.count


def starts(seed: int, per_second: float, weights: Mapping[str, int], *, poisson: bool = False) -> Iterator[Start]:
    """The schedule without an end, the classes dealt in proportion to their weights.

    Starts are equally spaced, or with `poisson` a Poisson process of that rate: the gaps are exponential, as between
    calls that people make independently of each other.
    """
    weighted = [name for name, weight in sorted(weights.items()) for _ in range(weight)]
    deck = Deck(weighted, stream(seed, "arrivals", 0))
    dealt: Counter[str] = Counter()
    gaps = stream(seed, "gaps", 0)
    offset_s = 0.0
    for number in itertools.count():
        offset_s = offset_s + gaps.expovariate(per_second) if poisson else number / per_second
        user_class = deck.deal()
        yield Start(offset_s, user_class, dealt[user_class])
        dealt[user_class] += 1


def shares(users: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, Share]]:
    """Each process's share of each class, from how many users of each class it has."""
    totals: Counter[str] = Counter()
    for classes in users.values():
        totals.update(classes)
    taken: Counter[str] = Counter()
    dealt: dict[str, dict[str, Share]] = {}
    for process in sorted(users):
        dealt[process] = {}
        for name, count in sorted(users[process].items()):
            if count:
                dealt[process][name] = Share(taken[name], count, totals[name])
                taken[name] += count
    return dealt


def fall_to(schedule: Iterable[Start], own: Mapping[str, Share], from_s: float, until_s: float) -> int:
    """How many starts between two seconds of the schedule fall to these shares."""
    between = itertools.takewhile(lambda start: start.offset_s < until_s, schedule)
    found = 0
    for start in between:
        share = own.get(start.user_class) if start.offset_s >= from_s else None
        found += share is not None and share.takes(start.serial)
    return found


def share_to_message(share: Share) -> dict[str, Any]:
    """A share as it travels to a worker."""
    return {"first": share.first, "count": share.count, "total": share.total}
