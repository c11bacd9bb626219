"""Idempotency keys as Stripe keeps them: the first answer to a key is the answer to every repetition.

Source: https://docs.stripe.com/api/idempotent_requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from mock_services.stripe.errors import IdempotencyError, IdempotencyKeyInUse, InvalidRequestError

LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is given again: status, body, and the id of the request that it was first given to."""

    status: int
    body: bytes
    request_id: str


@dataclass(slots=True)
class _Entry:
    path: str
    parameters: bytes
    answer: Answer | None = None


class IdempotencyKeys:
    """At most `capacity` keys; the oldest that is answered is forgotten first, as Stripe forgets them after a day."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.replayed = 0
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def claim(self, key: str, path: str, parameters: bytes) -> Answer | None:
        """Begin a request with `key`: None if it is to be carried out, else the answer to give again.

        Raises a `StripeError` where the key belongs to another request, or its first request is not done yet.
        """
        if len(key) > LONGEST_KEY:
            raise InvalidRequestError(f"Idempotency keys can be at most {LONGEST_KEY} characters long.")
        entry = self._entries.get(key)
        if entry is None:
            self._make_room()
            self._entries[key] = _Entry(path, parameters)
            return None
        other = f"Try using a key other than '{key}' if you meant to execute a different request."
        if entry.path != path:
            raise IdempotencyError(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{path}' vs '{entry.path}'). {other}"
            )
        if entry.parameters != parameters:
            raise IdempotencyError(
                f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"{other}"
            )
        if entry.answer is None:
            raise IdempotencyKeyInUse(key)
        self.replayed += 1
        return entry.answer

    def keep(self, key: str, answer: Answer) -> None:
        """Keep the answer of a request that was carried out, well or not."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.answer = answer

    def release(self, key: str) -> None:
        """Let a key go whose request was refused before anything was carried out."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget every key."""
        self._entries.clear()
        self.replayed = 0

    def _make_room(self) -> None:
        if len(self._entries) >= self.capacity:
            oldest = next((key for key, entry in self._entries.items() if entry.answer is not None), None)
            if oldest is not None:
                del self._entries[oldest]
