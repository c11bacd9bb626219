"""Distributions of durations that a double keeps for `/__lab/metrics`: a fixed size however much is counted."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

LONGEST_MS: Final = 10_000


class Milliseconds:
    """A distribution of durations in bins of 1 ms, up to 10 s (longer ones count as 10 s)."""

    def __init__(self) -> None:
        self._bins = [0] * (LONGEST_MS + 1)
        self._sum = 0.0
        self._max = 0.0

    def add(self, ms: float) -> None:
        """Count one duration of zero or more."""
        self._bins[min(int(ms), LONGEST_MS)] += 1
        self._sum += ms
        self._max = max(self._max, ms)

    def summary(self) -> dict[str, float]:
        """Give count, mean, p50, p95, p99 and max. A percentile is the lower edge of its bin: exact to 1 ms."""
        count = sum(self._bins)
        if count == 0:
            return {"count": 0}
        totals = list(accumulate(self._bins))
        return {
            "count": count,
            "mean": round(self._sum / count, 3),
            **{name: _rank(totals, share * count) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))},
            "max": round(self._max, 3),
        }


def _rank(totals: list[int], rank: float) -> int:
    return next(index for index, total in enumerate(totals) if total >= rank)
