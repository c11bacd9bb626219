"""Has a master that refuses to run, or is told to end before its run, take its workers with it."""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import time
from typing import Any

import gevent
from locust.runners import MasterRunner

WORKERS_WITHIN_S = 10.0
"""How long a master that refuses to run waits for its workers, to send them home."""


def send_home(environment: Any, runner: MasterRunner, within_s: float) -> None:
    """Tell the workers to quit once all that are expected are there, until each has said that it leaves.

    Not before: a worker starts half of its greenlets after it has connected, and would forget an earlier word, and a
    headless master listens no more once its last worker has left. It is said again and again, as pyzmq under gevent can
    miss that a message has come.
    """
    alive: set[str] = set()
    environment.events.heartbeat_sent.add_listener(lambda client_id, **_rest: alive.add(client_id))
    deadline = time.monotonic() + within_s
    while len(alive) < environment.parsed_options.expect_workers and time.monotonic() < deadline:
        gevent.sleep(0.05)
    while len(runner.clients) and time.monotonic() < deadline:
        for worker in list(runner.clients):
            runner.send_message("quit", client_id=worker)
        gevent.sleep(0.1)
