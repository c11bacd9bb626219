"""What to say of a wait that its user's end cut short: a failure, or nothing more than that there was no answer yet.

A target that hangs near a run's end must not take its worst requests with it, and one that is only slow must not fail
for having been asked last. So a wait is held against the answers of its own kind that this process got in the run.
"""

from __future__ import annotations

from collections.abc import Callable

Endpoint = tuple[str, str]
"""Request type and name."""

FACTOR = 2.0
"""A wait of more than so many times the slowest answer is no slow answer."""
ENOUGH = 20
"""From so many answers on a kind is known by its own."""
STREAM_TYPES = frozenset({"CALL", "WS"})


class Waits:
    """How long the answers of one process took, at most, and what became of waits that were cut short."""

    def __init__(self, unanswered: Callable[[float], None] = lambda waited_s: None) -> None:
        """Take who counts a wait of which nothing is known, by its seconds."""
        self._unanswered = unanswered
        self._answers: dict[Endpoint, list[float]] = {}

    def answered(self, endpoint: Endpoint, seconds: float) -> None:
        """Take note of an answer."""
        known = self._answers.get(endpoint)
        if known is None:
            known = self._answers[endpoint] = [0, 0.0]
        known[0] += 1
        known[1] = max(known[1], seconds)

    def cut_short(self, endpoint: Endpoint, waited_s: float, *, least_s: float, limit_s: float) -> bool:
        """Tell whether a wait has failed, and count it as unanswered where it has not.

        It has after `limit_s`, at which the user itself would have given up; or from `least_s` on, when it took more
        than twice the slowest answer of its kind.
        """
        failed = waited_s >= limit_s or waited_s > max(least_s, FACTOR * self._slowest(endpoint))
        if not failed:
            self._unanswered(waited_s)
        return failed

    def _slowest(self, endpoint: Endpoint) -> float:
        count, slowest = self._answers.get(endpoint, (0, 0.0))
        if count >= ENOUGH:
            return slowest
        if endpoint[0] in STREAM_TYPES:
            return float("inf")  # a few steps of calls tell nothing of the next
        return max((each[1] for (kind, _), each in self._answers.items() if kind not in STREAM_TYPES), default=0.0)
