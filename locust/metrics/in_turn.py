"""One run after the other: has Locust begin none before the last has been judged, and end each for good.

Locust says that a run has stopped, and begins another, as soon as its users are gone; what is counted and cleaned up
after that would be the next run's. And a master that is giving users out when a run is stopped (users still start, or
those of a lost worker begin again) goes on with that, and takes the run for a running one again.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import logging
from typing import Any

import gevent
import gevent.event

from locust import runners
from metrics.rebalancing import Dispatcher

logger = logging.getLogger(__name__)

END_WITHIN_S = 90.0
"""The longest that Locust, told to quit, waits for the end of a run."""
GOING_ON = frozenset({runners.STATE_SPAWNING, runners.STATE_RUNNING})


class InTurn:
    """Stands before a runner's `start` and `update_state`, from when a run is stopped until it has been judged."""

    def __init__(self, runner: Any, web_ui: Any) -> None:
        self._runner, self._web_ui = runner, web_ui
        self._start, self._update_state = runner.start, runner.update_state
        self._distributed = isinstance(runner, runners.MasterRunner)
        self._free = gevent.event.Event()
        self._free.set()
        self._giving: set[Any] = set()
        """The greenlets that give users out."""
        self._late: set[Any] = set()
        """Those of them whose run has been stopped meanwhile: they end once they have slept and waited for reports."""
        self._ender: Any = None
        """The greenlet that stops a run, or was the last to do so."""
        runner.start, runner.update_state = self.start, self.update_state

    def hold_quit_back(self) -> None:
        """Have Locust, told to quit in the midst of a run's end, let that come to its end first.

        Whoever stops a run that is being stopped goes on at once. On its page Locust does, and `--autoquit` counts from
        there: users, the last reports of workers, and the verdict with its exit code were cut off.
        """
        quit_at_once = self._runner.quit

        def quit_after_run() -> None:
            if gevent.getcurrent() is not self._ender:
                self.wait(END_WITHIN_S)
            quit_at_once()

        self._runner.quit = quit_after_run

    def stopping(self) -> None:
        """A run is being stopped: nobody is given users any more, and no other run begins."""
        self._ender = gevent.getcurrent()
        self._free.clear()
        self._late |= self._giving
        dispatcher = self._runner._users_dispatcher
        if isinstance(dispatcher, Dispatcher):
            dispatcher.end()

    def judged(self) -> None:
        """The run has been judged."""
        self._free.set()
        if self._distributed:
            self._runner.check_stopped()

    def wait(self, timeout: float) -> None:
        """Wait until a run that is being stopped has been judged."""
        self._free.wait(timeout)

    def start(self, *arguments: Any, **options: Any) -> None:
        """Begin a run, or give users out in one."""
        if not self._free.is_set():
            logger.info("The run before is still being judged: the next one begins after that.")
            self._wait_with_timer()
        greenlet = gevent.getcurrent()
        self._giving.add(greenlet)
        try:
            self._start(*arguments, **options)
        finally:
            self._giving.discard(greenlet)
            self._late.discard(greenlet)

    def _wait_with_timer(self) -> None:
        """Wait for the run's turn, and set the timer of a run time that was given on Locust's page from then on."""
        page = self._web_ui
        timed = page is not None and page._run_time_greenlet is not None
        self._free.wait()
        if timed:
            page._cancel_run_time_timer()
            page._run_time_greenlet = gevent.spawn_later(
                self._runner.environment.parsed_options.run_time, page._stop_runners
            )

    @property
    def late(self) -> bool:
        """Whether the caller has given users out in a run that was stopped meanwhile."""
        return gevent.getcurrent() in self._late

    def update_state(self, state: str) -> None:
        """Take a state, unless it is what the run before is not: going on again, or (on a master) over already."""
        if state in GOING_ON and (self.late or not self._free.is_set()):
            return
        if state == runners.STATE_STOPPED and self._distributed and not self._free.is_set():
            return
        self._update_state(state)
