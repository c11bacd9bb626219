"""A wait that its user's end cuts short has failed only where the run's own answers say so."""

import pytest

from clients.waits import ENOUGH, Waits

READ, WRITE, TURN = ("GET", "/a"), ("POST", "/a"), ("CALL", "turn")


def waits(**answers: tuple[tuple[str, str], int, float]) -> tuple[Waits, list[float]]:
    """What knows some answers, each an endpoint, how many there were, and what the slowest took."""
    unanswered: list[float] = []
    known = Waits(unanswered.append)
    for endpoint, count, slowest_s in answers.values():
        for number in range(count):
            known.answered(endpoint, slowest_s if number == count // 2 else slowest_s / 3)
    return known, unanswered


@pytest.mark.parametrize(
    ("endpoint", "waited_s", "failed"),
    [
        (READ, 0.9, False),  # it was only just sent
        (READ, 3.0, False),  # not twice as long as the slowest of its own
        (READ, 3.3, True),
        (WRITE, 7.9, False),  # too few answers of its own: not twice as long as any request's
        (WRITE, 8.1, True),
        (("GET", "/b"), 8.1, True),
        (READ, 30.0, True),
        (TURN, 29.0, False),  # requests tell nothing of calls
        (TURN, 30.0, True),
    ],
)
def test_a_wait_is_held_against_the_answers_of_its_kind(
    endpoint: tuple[str, str], waited_s: float, failed: bool
) -> None:
    known, unanswered = waits(
        read=(READ, ENOUGH, 1.6),
        write=(WRITE, ENOUGH - 1, 4.0),
        turn=(TURN, ENOUGH - 1, 9.0),
        reply=(("WS", "r"), 50, 15),
    )
    assert known.cut_short(endpoint, waited_s, least_s=1, limit_s=30) == failed
    assert unanswered == ([] if failed else [waited_s])


def test_where_nothing_was_answered_at_all_a_second_of_waiting_has_failed() -> None:
    known, _ = waits()
    assert not known.cut_short(READ, 0.99, least_s=1, limit_s=30)
    assert known.cut_short(READ, 1.01, least_s=1, limit_s=30)


def test_the_steps_of_many_calls_tell_what_a_slow_step_is() -> None:
    known, _ = waits(turn=(TURN, ENOUGH, 0.8))
    assert not known.cut_short(TURN, 1.5, least_s=1.2, limit_s=8)
    assert known.cut_short(TURN, 1.7, least_s=1.2, limit_s=8)
