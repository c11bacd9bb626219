"""The deck: tasks in proportion, in an order that the seed decides."""

import random
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.deck import Deck, reduced
from utils.identity import stream

weights = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(min_value=1, max_value=60), min_size=1)


def spread(by_weight: dict[str, int]) -> list[str]:
    return [thing for thing, weight in by_weight.items() for _ in range(weight)]


def dealt(deck: Deck[str], count: int) -> list[str]:
    return list(islice(iter(deck.deal, object()), count))


@given(weights, st.integers())
def test_each_whole_deck_has_exactly_the_weights(by_weight: dict[str, int], seed: int) -> None:
    deck = Deck(spread(by_weight), random.Random(seed))
    things = dealt(deck, 3 * len(deck))
    counts = Counter(things)
    total = sum(by_weight.values())
    assert {thing: counts[thing] / len(things) for thing in by_weight} == {
        thing: pytest.approx(weight / total) for thing, weight in by_weight.items()
    }


def test_the_brief_weights_need_a_short_deck() -> None:
    assert Counter(reduced(spread({"look": 50, "verify": 20, "call": 15, "review": 15}))) == {
        "look": 10,
        "verify": 4,
        "call": 3,
        "review": 3,
    }


@given(weights, st.integers(), st.sampled_from("abcdefgh"))
def test_the_first_card_is_first_and_changes_no_share(by_weight: dict[str, int], seed: int, first: str) -> None:
    deck = Deck(spread(by_weight), random.Random(seed), first)
    hand = dealt(deck, len(deck))
    assert Counter(hand) == Counter(reduced(spread(by_weight)))
    if first in by_weight:
        assert hand[0] == first


def test_the_same_user_does_the_same_again_and_another_does_not() -> None:
    cards = spread({"read": 50, "create": 30, "update": 15, "delete": 5})
    one = dealt(Deck(cards, stream(7, "CrmUser", 1, "tasks")), 60)
    assert one == dealt(Deck(cards, stream(7, "CrmUser", 1, "tasks")), 60)
    assert one != dealt(Deck(cards, stream(7, "CrmUser", 2, "tasks")), 60)
    assert one != dealt(Deck(cards, stream(8, "CrmUser", 1, "tasks")), 60)


def test_an_empty_deck_deals_nothing() -> None:
    deck: Deck[str] = Deck([], random.Random(1))
    assert len(deck) == 0
    with pytest.raises(IndexError):
        deck.deal()
