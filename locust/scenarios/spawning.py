"""Has a master start a profile's users as a process that is alone does: beside its load shape, and not within it.

Locust's master asks no shape while users start, so that a stage which they take too long for would delay the next ones,
swallow them, or hold up the end of the run.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

from typing import Any

import gevent
from locust.runners import MasterRunner, locust_exception_handler


def start_beside_shape(environment: Any, runner: Any) -> None:
    """Have each start that the shape asks for end the one before, should that still be under way."""
    if not isinstance(runner, MasterRunner):
        return
    start = runner.start

    def start_beside(user_count: int, spawn_rate: float, **rest: Any) -> None:
        if gevent.getcurrent() is not runner.shape_greenlet:
            start(user_count, spawn_rate, **rest)  # the master itself, which gives others a lost worker's users
            return
        end_start(runner)
        runner.spawning_greenlet = runner.greenlet.spawn(start, user_count, spawn_rate, **rest)
        runner.spawning_greenlet.link_exception(locust_exception_handler(environment))

    setattr(runner, "start", start_beside)  # noqa: B010 - the runner's class knows of no other
    # Before the runner tells its workers to stop: none is to be told to start users after that.
    environment.events.test_stopping.add_listener(lambda **_rest: end_start(runner))


def end_start(runner: Any) -> None:
    """End what is starting users; those that it has started stay."""
    if runner.spawning_greenlet is not None and runner.spawning_greenlet is not gevent.getcurrent():
        runner.spawning_greenlet.kill(block=True)


def forget_shape(runner: Any) -> None:
    """After a start that was refused, let the shape end as well, so that another start can be."""
    if runner.shape_greenlet is not None and runner.shape_greenlet is not gevent.getcurrent():
        runner.shape_greenlet.kill(block=False)
    runner.shape_greenlet = runner.shape_last_tick = None
