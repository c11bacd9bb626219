"""What asks a process to end: Ctrl-C and SIGTERM, from the first look at the target to the last line of the report.

Locust listens to SIGTERM only once its run goes on, and a Ctrl-C that comes while it writes its report would cost the
verdict and the clean-up. So the first of either ends whatever is under way, a second Ctrl-C says what is waited for,
and a third leaves at once.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import gevent

LEFT_AT_ONCE = 130
"""The exit code of a process that a third Ctrl-C ended: what a shell gives for a command that Ctrl-C killed."""


class Interrupts:
    """Counts the wishes of this process's owner that it end. Made in the main greenlet."""

    def __init__(self, run_id: Callable[[], str], leave: Callable[[], None], waits: bool, says: bool) -> None:
        """Begin to listen.

        `leave` ends, in a greenlet of its own, a process whose run has not begun; one that does not wait for its run
        leaves that to Locust. One that says nothing is a worker: its master speaks.
        """
        self.begun = not waits
        """From now on Locust heeds the first wish."""
        self._run_id = run_id
        self._leave = leave
        self._says = says
        self._main = gevent.getcurrent()
        self._preparing = False
        self._asked = 0
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a shell's background
            signal.signal(signal.SIGINT, self._on_ctrl_c)

    @contextmanager
    def preparation(self) -> Iterator[None]:
        """While the main greenlet makes what a run needs, either wish is a KeyboardInterrupt in it."""
        self._preparing = True
        try:
            yield
        finally:
            self._preparing = False

    def on_end(self) -> None:
        """Take note that the process ends by itself: from now on a Ctrl-C could only cost the report."""
        self._asked = max(self._asked, 1)

    def on_sigterm(self) -> None:
        """Heed SIGTERM, in the hub; said again it asks for nothing more."""
        if self._asked:
            return
        self._asked = 1
        if self._preparing:
            self._main.throw(KeyboardInterrupt)
        elif not self.begun:
            gevent.spawn(self._leave)

    def _on_ctrl_c(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        if self._asked == 1:
            if self.begun or self._preparing:
                self._interrupt_main()
            else:
                gevent.spawn(self._leave)
        elif self._asked == 2:
            self._say("The run is ending: clean-up and verdict follow. Ctrl-C once more leaves at once, without them.")
        else:
            self._say(f"Left at once: ./scripts/cleanup {self._run_id()} removes what the run made.")
            os._exit(LEFT_AT_ONCE)

    def _interrupt_main(self) -> None:
        # Whichever greenlet runs just now has the signal: a user's task has nothing to do with it.
        if gevent.getcurrent() is self._main:
            raise KeyboardInterrupt
        gevent.get_hub().loop.run_callback_threadsafe(self._main.throw, KeyboardInterrupt)

    def _say(self, sentence: str) -> None:
        # Past the buffer of standard error, in the midst of which the interrupted code may be.
        if self._says:
            os.write(sys.stderr.fileno(), f"{sentence}\n".encode())
