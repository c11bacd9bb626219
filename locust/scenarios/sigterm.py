"""On SIGTERM a run ends within seconds, for whoever sends it kills soon after: Docker, after `stop_grace_period`.

Users get two seconds for their task instead of Locust's stop timeout. A master tells its workers, who are asked to quit
by it and not by a signal.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import gevent
from locust.runners import MasterRunner, WorkerRunner

MESSAGE = "lab_sigterm"
TASKS_WITHIN_S = 2.0
"""How long users may take to finish their task."""
CLEAN_UP_WITHIN_S = 1.5
"""How long what both sides counted may be compared, and what the run made be removed."""


class Sigterm:
    """Whether this process has been told to end by SIGTERM."""

    def __init__(self, environment: Any, runner: Any, heed: Callable[[], None]) -> None:
        """Begin to listen, before Locust does, which ends the run in its handler; `heed` is called in the hub."""
        self.asked = False
        self._heed = heed
        self._environment = environment
        self._runner = runner
        if isinstance(runner, WorkerRunner):
            runner.register_message(MESSAGE, self._on_message)
        self._watcher = gevent.get_hub().loop.signal(signal.SIGTERM)
        self._watcher.start(self._on_sigterm)

    def tell_workers(self) -> None:
        """Have the workers end as quickly, if this is a master that was asked to."""
        if self.asked and isinstance(self._runner, MasterRunner):
            self._runner.send_message(MESSAGE)

    def _on_sigterm(self) -> None:
        self.asked = True
        self._shorten()
        self._heed()

    def _on_message(self, environment: Any, msg: Any, **_rest: Any) -> None:
        self._shorten()

    def _shorten(self) -> None:
        self._environment.stop_timeout = min(self._environment.stop_timeout or 0.0, TASKS_WITHIN_S)
