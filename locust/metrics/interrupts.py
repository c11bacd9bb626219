"""Ctrl-C in a Locust process: it ends what the main greenlet waits for, and cuts nothing off that another is doing."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import signal
from types import FrameType

import gevent


class Interrupts:
    """Raises KeyboardInterrupt in the main greenlet, once whichever runs has come to wait for something.

    Python raises it in the midst of whatever runs, which is mostly a user: a request that some listeners have counted
    and others have not then differs between their counts for ever, and the user's greenlet dies with a traceback.
    """

    def __init__(self) -> None:
        """Remember the hub of this thread, which is the main one."""
        self._hub = gevent.get_hub()
        self._due = False

    def listen(self) -> None:
        """Take Python's place, unless somebody else has done so, or the process is to ignore Ctrl-C."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._due:  # what runs has not come to wait since the last time, and may never
            raise KeyboardInterrupt
        self._due = True
        self._hub.loop.run_callback_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        self._due = False
        self._hub.parent.throw(KeyboardInterrupt)
