"""Keeps a user under the platform's limit: at most 120 requests in any 60 seconds, and none while it was told to wait.

Pure arithmetic on times that the caller passes in; no clock, no sleep.
"""

from __future__ import annotations

from collections import deque

LIMIT = 120
PERIOD_S = 60.0
MARGIN_S = 1.0
"""The target counts arrivals and the user departures: requests that arrive closer together than they left still fit."""
LONGEST_HOLD_S = 120.0


class Governor:
    """A sliding window over one user's requests.

    The platform's windows are fixed, 60 s from the first request in each; as no 60 s at all hold more than the limit
    here, none of those windows can either.
    """

    def __init__(self, limit: int = LIMIT, period_s: float = PERIOD_S + MARGIN_S) -> None:
        self._period_s = period_s
        self._sent: deque[float] = deque(maxlen=limit)
        self._held_until = float("-inf")

    def delay(self, now: float) -> float:
        """How many seconds a request must wait that is ready at `now`; 0 when it may go at once."""
        earliest = self._held_until
        if len(self._sent) == self._sent.maxlen:
            earliest = max(earliest, self._sent[0] + self._period_s)
        return max(0.0, earliest - now)

    def record(self, now: float) -> None:
        """Count a request that leaves at `now`."""
        self._sent.append(now)

    def hold(self, now: float, seconds: float) -> None:
        """Let nothing go for so many seconds: the target answered 429 with `Retry-After`."""
        self._held_until = max(self._held_until, now + min(max(0.0, seconds), LONGEST_HOLD_S))
