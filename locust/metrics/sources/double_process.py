"""How a double's own process bore the run, as it says itself: in a container nobody else sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bore:
    """How a double's process bore the time since the look before."""

    seconds: float
    cpu: float
    """Its use of a core in percent."""
    held_up: float
    """In how many percent of the time its loop ran late."""
    throttled: float
    """In how many percent of its CPU limit's periods the limit was reached; 0 without one."""


class DoubleProcess:
    """Takes the difference of the sums that `process` of `/__lab/metrics` gives."""

    def __init__(self) -> None:
        self._before: Mapping[str, float] | None = None

    def since_last(self, sums: Mapping[str, float]) -> Bore | None:
        """What is new; None for the first look, and for the first at one that was started anew."""
        before, self._before = self._before, dict(sums)
        if before is None or sums["cpu_s"] < before["cpu_s"] or sums["at_s"] <= before["at_s"]:
            return None
        grown = {name: sums[name] - before[name] for name in sums}
        seconds = grown["at_s"]
        return Bore(
            seconds=seconds,
            cpu=100 * grown["cpu_s"] / seconds,
            held_up=min(100.0, 100 * grown["held_up_s"] / seconds),
            throttled=100 * grown["periods_throttled"] / grown["periods"] if grown["periods"] else 0.0,
        )
