"""What the stub counts while it works, for `/__lab/metrics`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import Any, Final

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


@dataclass(slots=True)
class Tally:
    """Counters of all sessions since the start or the last reset."""

    sessions: int = 0
    refused: int = 0
    greetings: int = 0
    user_turns: int = 0
    barge_ins: int = 0
    audio_messages_heard: int = 0
    audio_bytes_sent: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    turn_delay_ms: Milliseconds = field(default_factory=Milliseconds)
    """What the vendor is meant to take from the end of speech to the first audio of the reply, turn by turn."""
    lateness_ms: Milliseconds = field(default_factory=Milliseconds)
    """How much later than planned this process sent: large values mean that the stub itself is overloaded."""

    def clear(self) -> None:
        """Begin every count anew, in place: open sessions hold this object."""
        fresh = Tally()
        for counter in fields(self):
            setattr(self, counter.name, getattr(fresh, counter.name))

    def summary(self) -> dict[str, Any]:
        """Give everything counted, as JSON takes it."""
        return {
            "sessions": self.sessions,
            "refused": self.refused,
            "greetings": self.greetings,
            "user_turns": self.user_turns,
            "barge_ins": self.barge_ins,
            "audio_messages_heard": self.audio_messages_heard,
            "audio_bytes_sent": self.audio_bytes_sent,
            "errors": dict(self.errors),
            "warnings": dict(self.warnings),
            "turn_delay_ms": self.turn_delay_ms.summary(),
            "lateness_ms": self.lateness_ms.summary(),
        }
