"""What the stub counts while it works, for `/__lab/metrics`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from mock_services.core.durations import Milliseconds


@dataclass(slots=True)
class Tally:
    """Counters since the start or the last reset: subclasses name them, as fields that have defaults."""

    def clear(self) -> None:
        """Begin every count anew, in place: open sessions hold this object."""
        fresh = type(self)()
        for counter in fields(self):
            setattr(self, counter.name, getattr(fresh, counter.name))

    def summary(self) -> dict[str, Any]:
        """Give everything counted, as JSON takes it."""
        return {counter.name: _plain(getattr(self, counter.name)) for counter in fields(self)}


def _plain(counted: Any) -> Any:
    return counted.summary() if isinstance(counted, Milliseconds) else counted


@dataclass(slots=True)
class AgentTally(Tally):
    """Counters of all of the voice agent's sessions."""

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


@dataclass(slots=True)
class ListenTally(Tally):
    """Counters of all streams and files of transcription. `audio_ms` is of those that ended."""

    streams: int = 0
    files: int = 0
    refused: int = 0
    audio_messages: int = 0
    audio_ms: int = 0
    finals: int = 0
    interims: int = 0
    interims_left_out: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    lateness_ms: Milliseconds = field(default_factory=Milliseconds)
    """As in `AgentTally`."""
