"""What users caused: certain once the target said so, possible where they never learnt it."""

from collections import Counter

import pytest

from metrics.reconciliation import Tally
from utils.caused import MAIL, SMS, Caused


def test_what_the_target_confirmed_is_certain_by_name() -> None:
    caused = Caused()
    with caused.causing(MAIL, ["a@example.com", "b@example.com"]) as attempt:
        attempt.succeeded = True
    assert caused.tallies == {MAIL: Tally(Counter(["a@example.com", "b@example.com"]))}


def test_what_failed_is_only_possible() -> None:
    caused = Caused()
    with caused.causing(SMS, ["+1555"]):
        pass
    assert caused.tallies == {SMS: Tally(uncertain=1)}


def test_a_user_who_is_ended_amid_a_request_may_have_caused_it() -> None:
    caused = Caused()
    with pytest.raises(KeyboardInterrupt), caused.causing(SMS, ["+1555"]):
        raise KeyboardInterrupt
    assert caused.tallies == {SMS: Tally(uncertain=1)}


def test_what_was_taken_is_not_taken_again_and_adds_up_on_the_master() -> None:
    worker, master = Caused(), Caused()
    for _ in range(2):
        worker.note(SMS, "+1555")
        master.merge(worker.take())
    assert worker.take() == {}
    assert master.tallies == {SMS: Tally(Counter({"+1555": 2}))}
