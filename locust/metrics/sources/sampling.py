"""Looks at every source once a second, each in a greenlet of its own: one that fails or hangs disturbs nothing else."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import gevent

from metrics.faults import Faults

logger = logging.getLogger(__name__)

AFTER_THE_SECOND_S = 0.2


class SourceError(Exception):
    """A source that cannot be looked at now; the text says which and why, `lines` what is known all the same."""

    def __init__(self, sentence: str, lines: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.lines = lines


class Source(Protocol):
    """Something that can be looked at for points of a run."""

    def look(self, run_id: str, second: int) -> list[str]:
        """Points of the second that has just begun; it may wait. Raises SourceError."""

    def close(self) -> None:
        """Let go of connections."""


class Sampling:
    """The greenlets that look at a run's sources until `stop`."""

    def __init__(
        self,
        run_id: str,
        sources: Sequence[Source],
        write: Callable[[Sequence[str]], None],
        clock: Callable[[], float],
        faults: Faults,
    ) -> None:
        """Take the run's id and clock, what is to be looked at, who writes what was seen, and where faults are said."""
        self._run_id = run_id
        self._faults = faults
        self._sources = sources
        self._write = write
        self._clock = clock
        self._greenlets: list[gevent.Greenlet] = []

    def start(self) -> None:
        """Look at each source now, as a beginning to count from, and then every second."""
        self._greenlets = [gevent.spawn(self._watch, source) for source in self._sources]

    def stop(self) -> None:
        """Look no more."""
        gevent.killall(self._greenlets)
        for source in self._sources:
            with self._named(source):
                source.close()

    def _named(self, source: Source) -> AbstractContextManager[None]:
        return self._faults.named(f"looking around the run ({type(source).__name__})")

    def _watch(self, source: Source) -> None:
        failing = ""
        while True:
            with self._named(source):
                failing = self._look(source, failing)
            gevent.sleep(1 - self._clock() % 1 + AFTER_THE_SECOND_S)

    def _look(self, source: Source, failing: str) -> str:
        """Write what a source shows now; gives why it cannot be looked at, or nothing, as the last look did."""
        try:
            lines: Sequence[str] = source.look(self._run_id, int(self._clock()))
        except SourceError as error:
            if not failing:
                logger.warning("%s; it is left out of the points, and the run goes on.", error)
            self._write(error.lines)
            return str(error)
        if failing:
            logger.warning("It can be looked at again: %s.", failing)
        self._write(lines)
        return ""
