"""Access tokens expire on time and are believed only when they are signed; stored tokens are bounded."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.accounts.state import Accounts, User
from mock_services.backend.accounts.tokens import AccessTokens, StoredTokens
from mock_services.backend.errors import AuthenticationRequired
from mock_services.backend.store import Rows
from mock_services.core.randomness import Randomness
from tests.mock_services.backend.support import SECRET, Clock


@pytest.fixture
def user() -> User:
    accounts = Accounts(Rows(10), Randomness("tokens"), dialable=False)
    tenant = accounts.add_tenant("Elm", "elm")
    return accounts.add_user(
        tenant, email="a@example.com", username="a", password_hash=b"", first_name=None, last_name=None
    )


def test_a_token_is_good_until_it_expires(user: User) -> None:
    clock = Clock(1_000_000.0)
    tokens = AccessTokens(SECRET, 900, 10, clock)
    token = tokens.issue(user)
    assert token == tokens.issue(user)  # no iat and no jti: the same second gives the same token
    for clock.now in (1_000_000.0, 1_000_899.9):
        assert tokens.verify(token) == user.id
    for clock.now in (1_000_900.0, 1_000_900.1):
        with pytest.raises(AuthenticationRequired):
            tokens.verify(token)
    with pytest.raises(AuthenticationRequired):
        AccessTokens(SECRET, 900, 10, clock).verify(token)  # nor does one that never knew it believe it


FORGERIES: dict[str, Callable[[User], str]] = {
    "not a token": lambda user: "x",
    "another secret": lambda user: jwt.encode({"sub": str(user.id), "exp": 2**40}, SECRET[::-1]),
    "no signature": lambda user: jwt.encode({"sub": str(user.id), "exp": 2**40}, "", "none"),
    "another algorithm": lambda user: jwt.encode({"sub": str(user.id), "exp": 2**40}, SECRET * 2, "HS512"),
    "no expiry": lambda user: jwt.encode({"sub": str(user.id)}, SECRET),
    "no user": lambda user: jwt.encode({"exp": 2**40}, SECRET),
    "a user without an id": lambda user: jwt.encode({"sub": "me", "exp": 2**40}, SECRET),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused(user: User, forgery: str) -> None:
    with pytest.raises(AuthenticationRequired):
        AccessTokens(SECRET, 900, 10).verify(FORGERIES[forgery](user))


def test_remembering_valid_tokens_is_bounded(user: User) -> None:
    clock = Clock(0.0)
    tokens = AccessTokens(SECRET, 900, 3, clock)
    issued = []
    for clock.now in range(10):
        issued.append(tokens.issue(user))
        tokens.verify(issued[-1])
    assert len(tokens._known) == 3
    assert all(tokens.verify(token) == user.id for token in issued)


@given(st.lists(st.tuples(st.sampled_from(["issue", "take", "drop", "drop_all", "wait"]), st.integers(0, 5))))
def test_stored_tokens_are_those_issued_and_not_used_dropped_or_expired(steps: list[tuple[str, int]]) -> None:
    limit, lifetime, clock = 4, 10, Clock(0.0)
    tokens = StoredTokens(lifetime, limit, clock)
    users = [uuid.UUID(int=number) for number in range(3)]
    expected: dict[str, tuple[uuid.UUID, float]] = {}
    ever: list[str] = []
    for step, number in steps:
        user = users[number % 3]
        token = ever[number % len(ever)] if ever else "unknown"
        if step == "issue":
            if len(expected) == limit:
                del expected[next(iter(expected))]
            issued = tokens.issue(user)
            assert len(issued) == 43
            ever.append(issued)
            expected[issued] = (user, clock.now + lifetime)
        elif step == "take":
            owner, expires = expected.pop(token, (None, 0.0))
            assert tokens.take(token) == (owner if expires > clock.now else None)
        elif step == "drop":
            tokens.drop(token, of=user)
            if expected.get(token, (None,))[0] == user:
                del expected[token]
        elif step == "drop_all":
            tokens.drop_all(user)
            expected = {each: owned for each, owned in expected.items() if owned[0] != user}
        else:
            clock.now += number
        assert len(tokens) == len(expected)
