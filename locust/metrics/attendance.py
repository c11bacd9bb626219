"""Which workers take part in a run, which of them have been lost, and the wait for the last word of the others.

What becomes of the users of a lost worker is seen here too; it is `metrics.rebalancing` that has them given to others.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent

from locust import runners
from metrics.merge import Merge
from metrics.wording import counted, verb

logger = logging.getLogger(__name__)

LOST_AFTER_S = 2.0
"""A worker that Locust has not had for this long is lost: one that leaves with the run says so first."""
FINAL_REPORTS_S = 5.0
"""How long, beyond Locust's stop timeout, the end of a run waits for the workers' last reports."""


class Attendance:
    """The workers of one run of a master; without workers there is nobody to lose."""

    def __init__(self, runner: Any, merge: Merge, on_lost: Callable[[str], None] = lambda worker_id: None) -> None:
        """Take the master's runner, the run's merge, and whom to tell the id of a worker that is lost."""
        self.lost: set[str] = set()
        self._on_lost = on_lost
        self._users: dict[str, int] = {}
        """How many users each worker had when it was last seen."""
        self._gone_at: dict[str, float] = {}
        """Lost workers whose users are not back, and since when they have been gone."""
        self._taken_over: dict[str, tuple[int, float]] = {}
        """By lost worker: how many others have its users, and after how many seconds they had them."""
        self._runner = runner
        self._merge = merge
        self._distributed = isinstance(runner, runners.MasterRunner)
        self._expected: set[str] = set(filter(self._present, runner.clients)) if self._distributed else set()
        self._absent_since: dict[str, float] = {}

    def _present(self, worker_id: str) -> bool:
        client = self._runner.clients.get(worker_id)
        return client is not None and client.state != runners.STATE_MISSING

    def _has_ended(self, worker_id: str) -> bool:
        worker = self._merge.workers.get(worker_id)
        return worker is not None and worker.final

    def look(self, now: float) -> None:
        """Note who is missing; called about once a second while the run goes on."""
        if not self._distributed:
            return
        for worker_id in self._expected | set(self._merge.workers):
            if self._present(worker_id) or self._has_ended(worker_id):
                self._absent_since.pop(worker_id, None)
                self._note_users(worker_id)
            elif now - self._absent_since.setdefault(worker_id, now) > LOST_AFTER_S and worker_id not in self.lost:
                self.lost.add(worker_id)
                self._gone_at[worker_id] = self._absent_since[worker_id]
                users = self._users.get(worker_id, 0)
                lost = counted(users, "user")
                logger.error("Worker %s is lost with %s: the run goes on, and is invalid.", worker_id, lost)
                self._on_lost(worker_id)
        self._look_for_their_users(now)

    def _note_users(self, worker_id: str) -> None:
        client = self._runner.clients.get(worker_id)
        if client is not None:
            self._users[worker_id] = sum(client.user_classes_count.values())

    def _look_for_their_users(self, now: float) -> None:
        runner = self._runner
        if not self._gone_at or runner.user_count != runner.target_user_count or not runner.spawning_completed:
            return
        for worker_id, since in self._gone_at.items():
            others = runner.worker_count
            self._taken_over[worker_id] = others, now - since
            logger.warning("The users of worker %s are back, on %s.", worker_id, counted(others, "other"))
        self._gone_at.clear()

    def fate_of_users(self, worker_id: str) -> str:
        """What became of a lost worker's users, as the end of a sentence that has named it; nothing if it had none."""
        users = self._users.get(worker_id, 0)
        if not users:
            return ""
        begun = f"its {counted(users, 'user')} {verb(users, 'was', 'were')}"
        if worker_id not in self._taken_over:
            return f"{begun} not begun again"
        others, after_s = self._taken_over[worker_id]
        return f"{begun} begun again on {counted(others, 'other')} after {after_s:.0f} s"

    def _pending(self) -> list[str]:
        known = self._expected | set(self._merge.workers)
        return [worker_id for worker_id in known - self.lost if not self._has_ended(worker_id)]

    def wait_for_last_reports(self, stop_timeout_s: float, *, leaving: bool) -> None:
        """Have every worker end its users and send what it has left.

        From Locust's page that has happened by now. A headless master (`leaving`) tells its workers to quit only after
        this, and then waits half a second, however long their users take to stop: so they are told here.
        """
        if not self._distributed:
            return
        deadline = time.monotonic() + stop_timeout_s + FINAL_REPORTS_S
        while self._pending() and time.monotonic() < deadline:
            clients = self._runner.clients
            self.lost |= {i for i in self._pending() if i in clients and clients[i].state == runners.STATE_MISSING}
            if leaving:
                # Said again and again, since pyzmq under gevent can miss that a message has come (its own source says
                # so, and looks again after 11.6 s); sending makes it look at once.
                for worker_id in filter(self._present, self._pending()):
                    self._runner.send_message("quit", client_id=worker_id)
            gevent.sleep(0.1)
        self.lost |= set(self._pending())
