"""Has Locust's master give the users of a worker that is gone to those that are left, while the run goes on.

Locust can do it (`--enable-rebalancing`), but for two things that are put right here: after one such dispatch it takes
the next worker's leave for one in the middle of a dispatch, and does nothing; and a minute after a worker went missing
it begins the whole run's users anew, from none.
"""

# mypy: allow-untyped-calls
# Locust's dispatcher has few annotations.

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

from locust.dispatch import UsersDispatcher

from locust import runners

NEVER = -sys.maxsize


class Dispatcher(UsersDispatcher):
    """Locust's own, which says of itself that a dispatch is over however it ended, and can be told to end one."""

    _over = False

    def end(self) -> None:
        """Give nobody users any more: the run is being stopped."""
        self._over = True

    def _dispatcher(self) -> Generator[dict[str, dict[str, int]]]:
        for users_on_workers in super()._dispatcher():
            if self._over:
                break
            yield users_on_workers
        self._dispatch_in_progress = False


def rebalance(environment: Any) -> None:
    """Switch it on, for a master's environment before its first run."""
    environment.parsed_options.enable_rebalancing = True
    environment.dispatcher_class = Dispatcher
    # After so many missed heartbeats the master forgets a worker, and begins anew. A worker that it does not forget can
    # come back, and then has its part of the users again.
    runners.HEARTBEAT_DEAD_INTERNAL = NEVER


def forget_missing(runner: Any) -> None:
    """After a run, forget the workers that it lost: with one of them the master would not see that all have stopped."""
    for client in list(runner.clients.all):
        if client.state == runners.STATE_MISSING:
            del runner.clients[client.id]
