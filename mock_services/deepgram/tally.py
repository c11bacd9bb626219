"""What the stub counts while it works, for `/__lab/metrics`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from mock_services.core.durations import Milliseconds


@dataclass(slots=True)
class Tally:
    """Counters of all sessions since the start or the last reset."""

    sessions: int = 0
    refused: int = 0
    greetings: int = 0
    user_turns: int = 0
    barge_ins: int = 0
    function_calls: int = 0
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
            "function_calls": self.function_calls,
            "audio_messages_heard": self.audio_messages_heard,
            "audio_bytes_sent": self.audio_bytes_sent,
            "errors": dict(self.errors),
            "warnings": dict(self.warnings),
            "turn_delay_ms": self.turn_delay_ms.summary(),
            "lateness_ms": self.lateness_ms.summary(),
        }
