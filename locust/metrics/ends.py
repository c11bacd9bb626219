"""How a run is ended before Locust would, and as if its time were up."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

from typing import Any

import gevent


def end_as_in_time(runner: Any, headless: bool) -> None:
    """Have Locust end the run; returns at once."""
    if headless and runner.shape_greenlet is not None:
        # Locust quits by itself once a headless run's shape has ended, also by what stops the run: beside a quit from
        # here it would come second, which waits for no user and hears workers for half a second more.
        runner.shape_greenlet.kill(block=False)
        return
    # In a greenlet of its own: what ends a run may wait for whoever calls this.
    gevent.spawn(runner.quit if headless else runner.stop)
