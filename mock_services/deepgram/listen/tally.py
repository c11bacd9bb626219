"""What transcription counts while it works, for `/__lab/metrics`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from mock_services.core.durations import Milliseconds


@dataclass(slots=True)
class ListenTally:
    """Counters of all streams and files since the start or the last reset. `audio_ms` is of those that ended."""

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
    """How much later than planned this process sent: large values mean that the stub itself is overloaded."""

    def clear(self) -> None:
        """Begin every count anew, in place: open streams hold this object."""
        fresh = ListenTally()
        for counter in fields(self):
            setattr(self, counter.name, getattr(fresh, counter.name))

    def summary(self) -> dict[str, Any]:
        """Give everything counted, as JSON takes it."""
        counts = {counter.name: getattr(self, counter.name) for counter in fields(self)}
        return {**counts, "errors": dict(self.errors), "lateness_ms": self.lateness_ms.summary()}
