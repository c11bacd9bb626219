"""Who answers when the account calls out."""

from mock_services.core.latency import Fixed
from mock_services.twilio.parties import Directory, Outcome
from mock_services.twilio.protocol.turns import Script


def directory() -> Directory:
    return Directory(lambda number: Script(name=f"of {number}"), Fixed(100))


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
    assert len(entered) == 2
    entered.clear()
    assert entered.party("+13105550142").outcome is Outcome.ANSWERS
