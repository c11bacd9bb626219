"""Attempts to verify a number: the codes that were sent, how long they are good, and how often they may be missed."""

from __future__ import annotations

import hmac
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from mock_services.backend.store import Ids
from mock_services.core.randomness import Randomness

CODE_DIGITS = 6
KEPT = 50  # pending attempts of one tenant (memory)


@dataclass(slots=True, eq=False)
class Attempt:
    """A code that was sent. It is worth nothing after `expires_at`, or once it was missed too often."""

    id: uuid.UUID
    code: str
    expires_at: datetime
    tries_left: int

    def fits(self, code: str) -> bool:
        """Say whether this is the code; if not, it is a try less."""
        if hmac.compare_digest(self.code.encode(), code.encode("utf-8", "replace")):
            return True
        self.tries_left -= 1
        return False


class Attempts:
    """All tenants' pending attempts."""

    def __init__(self, randomness: Randomness, *, life_s: float, tries: int) -> None:
        self._ids = Ids(randomness)
        self._codes = randomness.stream("verification codes")
        self._life = timedelta(seconds=life_s)
        self._tries = tries
        self.clear()

    def clear(self) -> None:
        """Forget every attempt."""
        self._pending: dict[uuid.UUID, deque[Attempt]] = {}

    @property
    def life_minutes(self) -> float:
        """Say for how many minutes a code is good."""
        return self._life / timedelta(minutes=1)

    def new_code(self) -> str:
        """Draw a code."""
        return f"{self._codes.randrange(10**CODE_DIGITS):0{CODE_DIGITS}d}"

    def begin(self, tenant_id: uuid.UUID, code: str, at: datetime) -> Attempt:
        """Note that a code was sent at a moment."""
        attempt = Attempt(self._ids.new("verifications"), code, at + self._life, self._tries)
        self._pending.setdefault(tenant_id, deque(maxlen=KEPT)).append(attempt)
        return attempt

    def pending(self, tenant_id: uuid.UUID, at: datetime) -> list[Attempt]:
        """Give a tenant's attempts that can still succeed."""
        return [
            attempt for attempt in self._pending.get(tenant_id, ()) if attempt.tries_left and attempt.expires_at > at
        ]

    def end(self, tenant_id: uuid.UUID) -> None:
        """Forget a tenant's attempts."""
        self._pending.pop(tenant_id, None)
