"""Chooses a user's next task: in proportion to the weights, in an order that its own random numbers decide."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Deck(Generic[T]):
    """Deals things in proportion to their weights.

    A deck of 10 + 4 + 3 + 3 cards is shuffled, dealt to its end, and shuffled again. The shares are exact after each
    deck, where independent draws (Locust's own way, from the process-wide random numbers) need thousands of tasks to
    come within two percent: so a short run has its calls too.
    """

    def __init__(self, weighted: Sequence[T], chance: random.Random, first: T | None = None) -> None:
        """Take things repeated by weight (as Locust's `tasks` list is) and the random numbers to shuffle with.

        `first` names the thing to deal first of all, where it is in the deck: the shares stay as they are.
        """
        self._cards = reduced(weighted)
        self._chance = chance
        self._hand = self._shuffled()
        if first is not None and first in self._hand:
            self._hand.remove(first)
            self._hand.append(first)

    def __len__(self) -> int:
        return len(self._cards)

    def deal(self) -> T:
        """The next thing; IndexError when the deck is an empty one."""
        if not self._hand:
            self._hand = self._shuffled()
        return self._hand.pop()

    def _shuffled(self) -> list[T]:
        hand = self._cards.copy()
        self._chance.shuffle(hand)
        return hand


def reduced(weighted: Sequence[T]) -> list[T]:
    """The shortest list with the same proportions, in order of first appearance: 50 and 20 become 5 and 2."""
    counts: dict[T, int] = {}
    for thing in weighted:
        counts[thing] = counts.get(thing, 0) + 1
    divisor = math.gcd(*counts.values())
    return [thing for thing, count in counts.items() for _ in range(count // divisor)]
