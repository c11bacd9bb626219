"""Access tokens (JWT, never revoked before they expire) and refresh tokens (stored, good for one use)."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable

import jwt

from mock_services.backend.accounts.state import User
from mock_services.backend.errors import AuthenticationRequired

ALGORITHM = "HS256"
CLAIMS = ["sub", "exp"]


class AccessTokens:
    """Issues and verifies JWTs with the claims `sub, tenant_id, email, role, exp`.

    There is no `iat` or `jti`, so that two logins within a second give the same token. Tokens found valid are
    remembered until they expire, at most `max_known` of them: checking a signature costs more than all else in a read.
    """

    def __init__(self, secret: str, lifetime_s: int, max_known: int, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._max_known = max_known
        self._clock = clock
        self._known: dict[str, tuple[uuid.UUID, float]] = {}

    def issue(self, user: User) -> str:
        """Sign a token for a user."""
        claims = {
            "sub": str(user.id),
            "tenant_id": str(user.tenant.id),
            "email": user.email,
            "role": user.role,
            "exp": int(self._clock()) + self._lifetime_s,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def verify(self, token: str) -> uuid.UUID:
        """Give the id of the user that a token was issued for; raise `AuthenticationRequired`."""
        known = self._known.get(token)
        if known is None:
            known = self._learn(token)
        if known[1] <= self._clock():
            self._known.pop(token, None)
            raise AuthenticationRequired("the access token has expired")
        return known[0]

    def clear(self) -> None:
        """Forget which tokens were found valid."""
        self._known.clear()

    def _learn(self, token: str) -> tuple[uuid.UUID, float]:
        try:
            # Expiry is judged by `verify`, by this object's clock, for known and unknown tokens alike.
            options: jwt.types.Options = {"require": CLAIMS, "verify_exp": False}
            claims = jwt.decode(token, self._secret, [ALGORITHM], options)
            known = uuid.UUID(claims["sub"]), float(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError) as unacceptable:
            raise AuthenticationRequired(f"the access token is not good: {unacceptable}") from None
        if len(self._known) >= self._max_known:
            del self._known[next(iter(self._known))]
        self._known[token] = known
        return known


class StoredTokens:
    """Opaque tokens of 43 url-safe characters, each good for one user and one use until it expires.

    Of more than `limit` tokens the oldest is dropped, as if it had expired.
    """

    def __init__(self, lifetime_s: int, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._lifetime_s = lifetime_s
        self._limit = limit
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Drop all tokens."""
        self._tokens: dict[str, tuple[uuid.UUID, float]] = {}
        self._by_user: dict[uuid.UUID, set[str]] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def issue(self, user_id: uuid.UUID) -> str:
        """Store a new token for a user."""
        if len(self._tokens) >= self._limit:
            self.take(next(iter(self._tokens)))
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (user_id, self._clock() + self._lifetime_s)
        self._by_user.setdefault(user_id, set()).add(token)
        return token

    def take(self, token: str) -> uuid.UUID | None:
        """Use a token up and give its user's id; None if it is unknown, used or expired."""
        found = self._tokens.pop(token, None)
        if found is None:
            return None
        user_id, expires = found
        tokens = self._by_user[user_id]
        tokens.discard(token)
        if not tokens:
            del self._by_user[user_id]
        return user_id if expires > self._clock() else None

    def drop(self, token: str, of: uuid.UUID) -> None:
        """Drop a token if it is one of this user's."""
        if token in self._by_user.get(of, ()):
            self.take(token)

    def drop_all(self, user_id: uuid.UUID) -> None:
        """Drop every token of a user."""
        for token in self._by_user.pop(user_id, ()):
            del self._tokens[token]
