"""What the voice agent took of a run's turns, as its double counts them: the rest of a turn is the target's own."""

from __future__ import annotations


class AgentTurns:
    """Takes the agent's turns so far and their average; counts from the first look, also past a restart."""

    def __init__(self) -> None:
        self._before: tuple[int, float] | None = None
        self._turns = 0
        self._ms = 0.0

    def at(self, turns: int, average_ms: float) -> None:
        """Hear of one look."""
        now = turns, turns * average_ms
        before, self._before = self._before, now
        if before is None:
            return
        if turns < before[0]:  # it was started anew, or reset
            before = 0, 0.0
        self._turns += turns - before[0]
        self._ms += now[1] - before[1]

    def clear(self) -> None:
        """Count anew from the last look on."""
        self._turns, self._ms = 0, 0.0

    @property
    def average_ms(self) -> float | None:
        """What it took on average; None without a turn."""
        return self._ms / self._turns if self._turns else None

    def without(self, whole_ms: float | None) -> float | None:
        """What is left of turns that took so long on average; None where either is not known."""
        if whole_ms is None or self.average_ms is None:
            return None
        return max(0.0, whole_ms - self.average_ms)
