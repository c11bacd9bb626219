"""How a run is ended before Locust would, and as if its time were up."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import logging
from typing import Any

import gevent

logger = logging.getLogger(__name__)


def end_as_in_time(environment: Any, runner: Any, *, alone: bool) -> None:
    """Have Locust end the run; returns at once. `alone` says that nobody started the run by hand on Locust's page."""
    headless = environment.web_ui is None
    if alone and runner.shape_greenlet is not None:
        # Locust goes on by itself once the shape of such a run has ended, also by what stops the run: beside a quit
        # from here it would come second, which waits for no user and hears workers for half a second more.
        runner.shape_greenlet.kill(block=False)
        return
    # In a greenlet of its own: what ends a run may wait for whoever calls this.
    if headless:
        gevent.spawn(runner.quit)
    else:
        gevent.spawn(_stop_and_leave, environment, runner, environment.parsed_options.autoquit if alone else -1)


def _stop_and_leave(environment: Any, runner: Any, autoquit_s: int) -> None:
    """End a run of Locust's page, and then Locust, if it is to quit by itself: its timer waits for the run's time."""
    runner.stop()
    if autoquit_s == -1:
        return
    gevent.sleep(autoquit_s)
    logger.info("--autoquit time reached, shutting down")
    runner.quit()
    environment.web_ui.stop()
