"""How counts are said."""

import pytest

from metrics.wording import counted, verb


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (counted(1, "call"), "1 call"),
        (counted(0, "call"), "0 calls"),
        (counted(1234, "refused connection"), "1,234 refused connections"),
        (counted(1.5, "core"), "1.5 cores"),
        (counted(1.0, "core"), "1 core"),
        (counted(2, "process", "processes"), "2 processes"),
        (f"{counted(1, 'user')} {verb(1, 'was', 'were')}", "1 user was"),
        (f"{counted(2, 'user')} {verb(2, 'was', 'were')}", "2 users were"),
    ],
)
def test_a_noun_agrees_with_its_count(said: str, words: str) -> None:
    assert said == words
