"""A call's turns over the last ten seconds, split into what the agent's vendor took and what the platform took."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Protocol

from metrics.lines import MILLISECONDS, Field, line
from metrics.recorder import Cell, Endpoint

WINDOW_S = 10
TURN: Endpoint = ("CALL", "turn")


class Since(Protocol):
    """What a source needs of `metrics.merge.Merge.since`."""

    def __call__(self, second: int, endpoint: Endpoint, /) -> Mapping[Endpoint, Cell]:
        """The sums of one endpoint's requests from a second on."""


class TurnsSource:
    """Callers' turns from the merged requests, the agent's own from its double's figures."""

    def __init__(self, since: Since) -> None:
        self._since = since
        self._agent: deque[tuple[int, int, float]] = deque()
        """Second, turns since the agent's start, and their sum in ms."""

    def on_turns(self, second: int, count: int, average_ms: float) -> None:
        """Hear of the agent's turns so far."""
        if self._agent and count < self._agent[-1][1]:
            self._agent.clear()  # it was started anew
        self._agent.append((second, count, count * average_ms))
        while self._agent[0][0] < second - WINDOW_S:
            self._agent.popleft()

    def look(self, run_id: str, second: int) -> list[str]:
        """`turns`, where there were any."""
        cell = self._since(second - WINDOW_S, TURN).get(TURN)
        if cell is None or not cell.latency.count:
            return []
        average = (cell.latency.mean or 0.0) / 1000
        vendor = self._vendor_average()
        fields: dict[str, Field | None] = {
            "count": cell.latency.count,
            "avg": average,
            "vendor_avg": vendor,
            "own_avg": None if vendor is None else max(0.0, average - vendor),
        }
        return [line("turns", {"run_id": run_id}, fields, second * MILLISECONDS)]

    def _vendor_average(self) -> float | None:
        if not self._agent:
            return None
        (_, first, first_ms), (_, last, last_ms) = self._agent[0], self._agent[-1]
        return (last_ms - first_ms) / (last - first) if last > first else None

    def close(self) -> None:
        """Nothing is held."""
