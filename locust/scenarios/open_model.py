"""Starts the schedule of an open model in every process, once all users of the run are there.

The master (or the one process of a run without workers) deals the shares; each process then follows the schedule alone.
Where workers leave or come while it goes on, and the users are given to others, the master deals anew; what fell to a
worker that is gone until then counts as dropped.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gevent
from locust.runners import HEARTBEAT_LIVENESS, STATE_MISSING, MasterRunner, WorkerRunner

from scenarios.arrivals import Arrivals
from scenarios.lab import Lab
from utils.schedule import Share, Start, fall_to, share_to_message, shares, starts

logger = logging.getLogger(__name__)

BEGIN = "lab_begin"
OPEN = "lab_open"
"""The option by which the master's order to spawn tells a worker that the model is open, and its rate."""
POISSON = "lab_poisson"
"""The option that says whether the gaps between starts are by chance."""
ALONE = "alone"
NOTICE_S = 2.0
"""A new deal holds from this much later on, so that every process knows of it before."""
LOOK_EVERY_S = 1.0
REPORTED_WITHIN_S = 10.0
"""How long the workers may take to report the users that they have spawned."""


class OpenModel:
    """The open model's listeners in one Locust process; they do nothing in a closed model."""

    def __init__(
        self,
        lab: Lab,
        environment: Any,
        runner: Any,
        count: Callable[[bool], None],
        count_lost: Callable[[int], None],
    ) -> None:
        """Take the process's lab, what counts a start, and on the master those that fell to a worker that is gone."""
        self._lab = lab
        self._environment = environment
        self._runner = runner
        self._count = count
        self._count_lost = count_lost
        self._begun = False
        self._began = 0.0
        self._schedule: dict[str, Any] = {}
        """What the schedule follows from, as it travels."""
        self._dealt: dict[str, dict[str, Share]] = {}
        self._heard: dict[str, float] = {}
        """Until which second of the schedule each process was there."""
        self._watch: gevent.Greenlet | None = None
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
        if self._watch is not None:
            self._watch.kill()
            self._watch = None
            self._count_gone({process for process, _ in self._users().items()}, self._elapsed_s())
        if self._lab.arrivals is not None:
            self._lab.arrivals.stop()

    def _on_spawning_complete(self, user_count: int, **_rest: Any) -> None:
        if self._per_second and not self._begun:
            self._begun = True
            gevent.spawn(self._begin_all, user_count)

    def _begin_all(self, user_count: int) -> None:
        """Tell every process its share of the schedule."""
        deadline = time.monotonic() + REPORTED_WITHIN_S
        while sum(sum(classes.values()) for classes in self._users().values()) != user_count:
            if time.monotonic() > deadline:
                logger.warning(
                    "Not all users are reported after %d s: the schedule leaves some out.", REPORTED_WITHIN_S
                )
                break
            gevent.sleep(0.1)
        users = self._users()
        self._schedule = {
            "seed": self._lab.settings.seed,
            "per_second": self._per_second,
            "poisson": getattr(self._environment.parsed_options, POISSON, False),
            "weights": _weights(users),
        }
        self._began = time.monotonic()
        self._heard = {}
        self._deal(users, elapsed_s=0.0, from_s=0.0)
        if isinstance(self._runner, MasterRunner):
            self._watch = gevent.spawn(self._deal_anew_where_users_move, user_count)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _deal(self, users: Mapping[str, Mapping[str, int]], *, elapsed_s: float, from_s: float) -> None:
        self._dealt = shares(users)
        for process, own in self._dealt.items():
            message = self._schedule | {
                "own": {name: share_to_message(share) for name, share in own.items()},
                "elapsed_s": elapsed_s,
                "from_s": from_s,
            }
            if process == ALONE:
                self._begin(message)
            else:
                self._runner.send_message(BEGIN, message, client_id=process)

    def _deal_anew_where_users_move(self, user_count: int) -> None:
        """Look, as long as the schedule goes on, whether the users are where they were."""
        while True:
            gevent.sleep(LOOK_EVERY_S)
            elapsed_s = self._elapsed_s()
            for client in self._runner.clients.all:
                if client.heartbeat >= HEARTBEAT_LIVENESS - 1:  # it has been heard of in this second
                    self._heard[client.id] = elapsed_s
            users = self._users()
            all_there = sum(sum(classes.values()) for classes in users.values()) == user_count
            if all_there and shares(users) != self._dealt:
                from_s = elapsed_s + NOTICE_S
                self._count_gone(set(users), from_s)
                self._deal(users, elapsed_s=elapsed_s, from_s=from_s)
                logger.info("The users are with %d processes now, and so is the schedule.", len(users))

    def _count_gone(self, there: set[str], until_s: float) -> None:
        """Count what fell to processes that are gone, since they were last heard of, as dropped."""
        for process in self._dealt.keys() - there:
            lost = fall_to(_starts(self._schedule), self._dealt[process], self._heard.get(process, 0.0), until_s)
            self._count_lost(lost)

    def _users(self) -> dict[str, Mapping[str, int]]:
        if isinstance(self._runner, MasterRunner):
            present = [client for client in self._runner.clients.all if client.state != STATE_MISSING]
            return {client.id: dict(client.user_classes_count) for client in present}
        return {ALONE: dict(self._runner.user_classes_count)}

    def _on_begin(self, environment: Any, msg: Any, **_rest: Any) -> None:
        self._begin(msg.data)

    def _begin(self, message: Mapping[str, Any]) -> None:
        if self._lab.arrivals is not None:
            own = {name: Share(**share) for name, share in message["own"].items()}
            elapsed_s, from_s = message["elapsed_s"], message["from_s"]
            self._lab.arrivals.begin(_starts(message), own, elapsed_s=elapsed_s, from_s=from_s)


def _weights(users: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """How starts are shared among the classes: as Locust shared the users, by weight or by a fixed number."""
    totals: dict[str, int] = {}
    for classes in users.values():
        for name, count in classes.items():
            totals[name] = totals.get(name, 0) + count
    return {name: count for name, count in totals.items() if count}


def _starts(message: Mapping[str, Any]) -> Iterator[Start]:
    """The schedule of which a message tells."""
    return starts(message["seed"], message["per_second"], message["weights"], poisson=message["poisson"])
