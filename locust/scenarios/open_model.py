"""Starts the schedule of an open model in every process, once all users of the run are there.

The master (or the one process of a run without workers) deals the shares; each process then follows the schedule alone.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from locust.runners import MasterRunner, WorkerRunner

from scenarios.arrivals import Arrivals
from scenarios.lab import Lab
from utils.schedule import Share, share_to_message, shares, starts

logger = logging.getLogger(__name__)

BEGIN = "lab_begin"
OPEN = "lab_open"
"""The option by which the master's order to spawn tells a worker that the model is open, and its rate."""
POISSON = "lab_poisson"
"""The option that says whether the gaps between starts are by chance."""
ALONE = "alone"
REPORTED_WITHIN_S = 10.0
"""How long the workers may take to report the users that they have spawned."""


class OpenModel:
    """The open model's listeners in one Locust process; they do nothing in a closed model."""

    def __init__(self, lab: Lab, environment: Any, runner: Any, count: Callable[[bool], None]) -> None:
        """Take the process's lab and what counts a start."""
        self._lab = lab
        self._environment = environment
        self._runner = runner
        self._count = count
        self._begun = False
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stopping.add_listener(self._on_test_stopping)
        if isinstance(runner, WorkerRunner):
            runner.register_message(BEGIN, self._on_begin)
        else:
            environment.events.spawning_complete.add_listener(self._on_spawning_complete)

    @property
    def _per_second(self) -> float | None:
        rate: float | None = getattr(self._environment.parsed_options, OPEN, None)
        return rate

    def _on_test_start(self, **_rest: Any) -> None:
        self._begun = False
        self._lab.arrivals = Arrivals(self._count) if self._per_second else None

    def _on_test_stopping(self, **_rest: Any) -> None:
        self._begun = True
        if self._lab.arrivals is not None:
            self._lab.arrivals.stop()

    def _on_spawning_complete(self, user_count: int, **_rest: Any) -> None:
        if self._per_second and not self._begun:
            self._begun = True
            gevent.spawn(self._deal, user_count)

    def _deal(self, user_count: int) -> None:
        """Tell every process its share of the schedule."""
        deadline = time.monotonic() + REPORTED_WITHIN_S
        while sum(sum(classes.values()) for classes in self._users().values()) != user_count:
            if time.monotonic() > deadline:
                logger.warning(
                    "Not all users are reported after %d s: the schedule leaves some out.", REPORTED_WITHIN_S
                )
                break
            gevent.sleep(0.1)
        for process, own in shares(self._users()).items():
            message = {
                "seed": self._lab.settings.seed,
                "per_second": self._per_second,
                "poisson": getattr(self._environment.parsed_options, POISSON, False),
                "weights": self._weights(),
                "own": {name: share_to_message(share) for name, share in own.items()},
            }
            if process == ALONE:
                self._begin(message)
            else:
                self._runner.send_message(BEGIN, message, client_id=process)

    def _users(self) -> dict[str, Mapping[str, int]]:
        if isinstance(self._runner, MasterRunner):
            return {client.id: dict(client.user_classes_count) for client in self._runner.clients.all}
        return {ALONE: dict(self._runner.user_classes_count)}

    def _weights(self) -> dict[str, int]:
        """How starts are shared among the classes: as Locust shared the users, by weight or by a fixed number."""
        totals: dict[str, int] = {}
        for classes in self._users().values():
            for name, count in classes.items():
                totals[name] = totals.get(name, 0) + count
        return {name: count for name, count in totals.items() if count}

    def _on_begin(self, environment: Any, msg: Any, **_rest: Any) -> None:
        self._begin(msg.data)

    def _begin(self, message: Mapping[str, Any]) -> None:
        if self._lab.arrivals is not None:
            own = {name: Share(**share) for name, share in message["own"].items()}
            schedule = starts(message["seed"], message["per_second"], message["weights"], poisson=message["poisson"])
            self._lab.arrivals.begin(schedule, own)
