"""What one Locust process has to complain of during a run: Locust's CPU warning, and exceptions that nobody caught."""

from __future__ import annotations

from typing import Any

import locust.log

from metrics.faults import Faults

UNNAMED = "an exception in a listener or a greenlet"


class Alarms:
    """The complaints since the last `clear`. Locust keeps that of an uncaught exception itself."""

    def __init__(self) -> None:
        self.cpu_warning = False
        self.faults = Faults()
        """What failed in this process, and can be named."""
        self._reported = False

    @property
    def fault(self) -> bool:
        """Whether anything raised, here or in a process that reported it."""
        return bool(self._reported or locust.log.unhandled_greenlet_exception or self.faults.sentences)

    @property
    def sentences(self) -> list[str]:
        """What raised, each as the end of a sentence: those that can be named, and one for all that cannot."""
        unnamed = self._reported or locust.log.unhandled_greenlet_exception
        return [*self.faults.sentences, UNNAMED] if unnamed else self.faults.sentences

    def on_cpu_warning(self, **_rest: Any) -> None:
        """Take note: a listener of Locust's event."""
        self.cpu_warning = True

    def encode(self) -> dict[str, bool]:
        """The complaints as a worker reports them."""
        return {"fault": self.fault, "cpu_warning": self.cpu_warning}

    def merge(self, reported: dict[str, Any]) -> None:
        """Add what `encode` gave in another process."""
        self._reported = self._reported or reported["fault"]
        self.cpu_warning = self.cpu_warning or reported["cpu_warning"]

    def clear(self) -> None:
        """Forget everything: a run begins, or has ended."""
        self.faults.clear()
        self.cpu_warning = self._reported = locust.log.unhandled_greenlet_exception = False
