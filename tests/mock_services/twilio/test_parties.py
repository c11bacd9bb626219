"""Who answers when the account calls out."""

import pytest

from mock_services.core.latency import Fixed
from mock_services.twilio.parties import Directory, Outcome, TooManyPartiesError
from mock_services.twilio.protocol.turns import Script


def directory(max_entered: int = 10) -> Directory:
    return Directory(lambda number: Script(name=f"of {number}"), Fixed(100), max_entered)


def test_everybody_answers_and_has_a_script_by_their_number() -> None:
    party = directory().party("+13105550142")
    assert (party.outcome, party.ring, party.script.name) == (Outcome.ANSWERS, Fixed(100), "of +13105550142")


def test_three_numbers_never_answer() -> None:
    numbers = ("+15005550486", "+15005550487", "+15005550404")
    assert [directory().party(number).outcome for number in numbers] == ["busy", "no-answer", "failed"]


def test_who_was_entered_is_there_until_the_directory_is_cleared() -> None:
    entered = directory()
    entered.enter("+15005550486", Script(name="hers"), None, Outcome.MACHINE)
    entered.enter("+13105550142", Script(name="his"), Fixed(7), Outcome.BUSY)
    hers, his = entered.party("+15005550486"), entered.party("+13105550142")
    assert (hers.script.name, hers.ring, hers.outcome) == ("hers", Fixed(100), Outcome.MACHINE)
    assert (his.script.name, his.ring, his.outcome) == ("his", Fixed(7), Outcome.BUSY)
    assert entered.gauges() == {"entered": 2, "refused": 0}
    entered.clear()
    assert entered.party("+13105550142").outcome is Outcome.ANSWERS


def test_only_so_many_can_be_entered_and_those_refused_are_counted() -> None:
    full = directory(max_entered=1)
    full.enter("+13105550142", Script(name="his"), None, Outcome.BUSY)
    with pytest.raises(TooManyPartiesError, match="1 parties are entered, and TWILIO_MAX_PARTIES allows no more"):
        full.enter("+13105550143", Script(name="hers"), None, Outcome.BUSY)
    full.enter("+13105550142", Script(name="his again"), None, Outcome.ANSWERS)  # who is entered may be changed
    assert full.party("+13105550142").script.name == "his again"
    assert full.gauges() == {"entered": 1, "refused": 1}
    full.clear()
    assert full.gauges() == {"entered": 0, "refused": 0}


@pytest.mark.parametrize(
    ("address", "outcome"),
    [("client:joey", "unregistered"), ("sip:kate@lab.example", "failed"), ("sips:kate@lab.example", "failed")],
)
def test_where_nobody_has_registered_nobody_answers(address: str, outcome: str) -> None:
    registered = directory()
    assert registered.party(address).outcome == outcome
    registered.enter(address, Script(name="hers"), None, Outcome.ANSWERS)
    assert registered.party(address).outcome is Outcome.ANSWERS
