"""Takes points from the run and brings them to the outbox, and from there to InfluxDB, without ever slowing the load.

`submit` puts lines into memory and returns. One greenlet stores them in the outbox, whose file I/O is done by a thread
of its own; another delivers what the outbox holds, in order. While InfluxDB is away points wait on disk, and while the
disk is full in memory. What falls off either bound, what the disk does not give back, and lines that InfluxDB refuses
for good are counted as lost.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import gevent
import gevent.event
import gevent.threadpool

from metrics.faults import Faults
from metrics.influx import ATTEMPTS, Unavailable, deliver
from metrics.outbox import LIVE, Outbox
from metrics.wording import counted, verb

logger = logging.getLogger(__name__)

MEMORY_POINTS = 200_000
"""What may wait in memory while the disk takes nothing: some 100 MB."""
PAUSE_S = 2.0
"""How long InfluxDB, or a disk, that took nothing is left alone."""
CLOSE_S = 10.0
"""How long a run's end waits for InfluxDB to take what is left."""
NAMED_LINES = 3
"""How many refused lines of a batch are logged; more of them stand in the outbox's refused.txt."""

T = TypeVar("T")


class Database(Protocol):
    """What a writer needs of `metrics.influx.Client`."""

    def write(self, bucket: str, lines: str) -> None:
        """Write lines, or raise what influxdb-client raises."""

    def close(self) -> None:
        """Let go of the connection."""


class Writer:
    """The points of one run on their way. Without a database they stay in the outbox."""

    def __init__(
        self, outbox: Outbox, database: Database | None, where: str = "InfluxDB", faults: Faults | None = None
    ) -> None:
        self._outbox = outbox
        self._database = database
        self._where = where
        self._faults = Faults() if faults is None else faults
        self._memory: deque[tuple[str, Sequence[str]]] = deque()
        self._in_memory = 0
        self._lost = 0
        self._lost_because = ""
        self._files = gevent.threadpool.ThreadPool(1)
        self._stored = gevent.event.Event()
        self._submitted = gevent.event.Event()
        self._empty_at = time.monotonic()
        self._away = False
        self._disk_full = False
        self._unreadable = False
        self._closing = gevent.event.Event()
        self._closed = False
        self._storing: gevent.Greenlet | None = None
        self._delivering: gevent.Greenlet | None = None

    @property
    def points_written(self) -> int:
        """Points that InfluxDB has."""
        return self._outbox.state.written

    @property
    def points_lost(self) -> int:
        """Points that will never be written."""
        return self._outbox.state.lost + self._lost

    @property
    def points_waiting(self) -> int:
        """Points that wait, on disk or in memory."""
        return self._outbox.waiting + self._in_memory

    @property
    def lost_because(self) -> str:
        """Why points were lost, the last reason of several."""
        return self._lost_because or self._outbox.state.because

    @property
    def bytes_waiting(self) -> int:
        """What the outbox takes on disk."""
        return self._outbox.bytes

    @property
    def delay_s(self) -> float:
        """For how long points have waited without a break; 0 when none wait."""
        return time.monotonic() - self._empty_at if self.points_waiting else 0.0

    def start(self) -> None:
        """Start the greenlets."""
        self._storing = gevent.spawn(self._store_forever)
        if self._database is not None:
            self._delivering = gevent.spawn(self._deliver_forever)

    def submit(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        """Take the lines of one batch, without waiting; the oldest make room when memory is full."""
        if not lines or self._closed:
            return
        if not self.points_waiting:
            self._empty_at = time.monotonic()
        self._memory.append((bucket, lines))
        self._in_memory += len(lines)
        while self._in_memory > MEMORY_POINTS and len(self._memory) > 1:
            self._lose_oldest(f"the disk took nothing, and {MEMORY_POINTS} points waited in memory")
        self._submitted.set()

    def close(self, timeout: float = CLOSE_S) -> None:
        """Deliver what is left within `timeout` seconds, and take no more; the rest waits on disk for a replay."""
        self._closing.set()
        self._submitted.set()
        if self._storing is not None:
            self._storing.join()  # not killed: what it stores just now must not be stored again
        if self._delivering is not None:
            self._delivering.kill()  # it may wait for an answer, and what it delivers may be delivered again
        with self._storing_named():
            self._store()
        if self._database is not None:
            with gevent.Timeout(timeout, False), self._delivering_named():
                while self._deliver_next() or self._unreadable:
                    self._store()
                    if self._unreadable:
                        gevent.sleep(PAUSE_S)
        with self._storing_named():
            self._store()
        self._closed = True
        while self._memory:
            self._lose_oldest("the disk took nothing until the run had ended")
        if self._outbox.waiting and self._database is not None:
            logger.warning(
                "%s %s in %s: scripts/replay brings them to %s.",
                counted(self._outbox.waiting, "point"),
                verb(self._outbox.waiting, "waits", "wait"),
                self._outbox.directory,
                self._where,
            )
        try:
            self._in_thread(self._outbox.close)
        except OSError as error:
            logger.error("The outbox %s cannot be closed: %s", self._outbox.directory, error)  # noqa: TRY400
        self._files.kill()
        if self._database is not None:
            self._database.close()

    def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do file I/O in the one thread for it: in the order in which it is asked for, whoever is killed meanwhile."""
        result: T | OSError = self._files.apply(_attempt, (work, arguments))
        if isinstance(result, OSError):
            raise result
        return result

    def _lose_oldest(self, because: str) -> None:
        _, lines = self._memory.popleft()
        self._in_memory -= len(lines)
        self._lost += len(lines)
        self._lost_because = because

    def _storing_named(self) -> AbstractContextManager[None]:
        return self._faults.named("storing points")

    def _delivering_named(self) -> AbstractContextManager[None]:
        return self._faults.named("delivering points")

    # From memory to disk.

    def _store_forever(self) -> None:
        while not self._closing.is_set():
            self._submitted.wait()
            self._submitted.clear()
            stored = False
            while not stored:
                with self._storing_named():
                    stored = self._store()
                if not stored and self._closing.wait(PAUSE_S):
                    return

    def _store(self) -> bool:
        """Move what is in memory to the outbox; whether all of it is there."""
        while self._memory:
            oldest = self._memory[0]
            try:
                self._in_thread(self._outbox.append, *oldest)
            except OSError as error:
                if not self._disk_full:
                    directory = self._outbox.directory
                    logger.warning("%s cannot be written: %s; points wait in memory.", directory, error.strerror)
                self._disk_full = True
                self._stored.set()
                return False
            if self._disk_full:
                logger.warning("%s can be written again.", self._outbox.directory)
            self._disk_full = False
            self._forget(oldest)
            self._stored.set()
        return True

    def _forget(self, batch: tuple[str, Sequence[str]]) -> None:
        """Take a batch that is safe out of memory; one that the bound dropped meanwhile is not lost after all."""
        if self._memory and self._memory[0] is batch:
            self._memory.popleft()
            self._in_memory -= len(batch[1])
        else:
            self._lost -= len(batch[1])

    # From disk to InfluxDB.

    def _deliver_forever(self) -> None:
        while True:
            self._stored.wait()
            self._stored.clear()
            failed = True
            with self._delivering_named():
                while self._deliver_next():
                    pass
                failed = False
            if failed or self._away or self._unreadable:
                gevent.sleep(PAUSE_S)
                self._stored.set()

    def _deliver_next(self) -> bool:
        """Bring the oldest batch to InfluxDB; False when there is none, the disk gives none, or InfluxDB takes none."""
        lost = self._outbox.state.lost
        try:
            batch = self._in_thread(self._outbox.next)
        except OSError as error:
            if not self._unreadable:
                directory = self._outbox.directory
                logger.warning("%s cannot be read: %s; its points wait.", directory, error.strerror or error)
            self._unreadable = True
            return False
        if self._unreadable:
            logger.warning("%s can be read again.", self._outbox.directory)
        self._unreadable = False
        if (gone := self._outbox.state.lost - lost) > 0:
            lost_now = f"{counted(gone, 'point')} in {self._outbox.directory} {verb(gone, 'is', 'are')} lost"
            logger.error("%s: %s.", lost_now, self._outbox.state.because)
        if batch is None:
            return self._deliver_from_memory()
        refused = self._try(batch.bucket, batch.lines)
        if refused is None:
            return False
        self._note(self._outbox.delivered, batch, refused)
        return True

    def _deliver_from_memory(self) -> bool:
        """With a full disk, and nothing left on it: from memory."""
        if not (self._disk_full and self._memory):
            return False
        oldest = self._memory[0]
        refused = self._try(*oldest)
        if refused is None:
            return False
        self._forget(oldest)
        self._outbox.state.written += len(oldest[1]) - len(refused)
        if refused:
            self._outbox.lose(len(refused), refused[0][1])
        return True

    def _try(self, bucket: str, lines: Sequence[str]) -> list[tuple[str, str]] | None:
        """The lines that InfluxDB refused, or None when it took nothing."""
        assert self._database is not None
        try:
            refused = deliver(self._database.write, bucket, lines, 1 if self._away else ATTEMPTS)
        except Unavailable as error:
            if not self._away:
                logger.warning("%s at %s: points wait in %s.", error, self._where, self._outbox.directory)
            self._away = True
            return None
        if self._away:
            logger.warning("InfluxDB at %s answers again.", self._where)
        self._away = False
        if refused:
            points = counted(len(refused), "point")
            logger.error("InfluxDB at %s refuses %s for good:", self._where, points)
        for line, reason in refused[:NAMED_LINES]:
            logger.error("%s, to: %s", reason, line)
        return refused

    def _note(self, work: Callable[..., None], *arguments: Any) -> None:
        """Note a delivery; on a full disk that is known until the process ends, and then delivered again."""
        try:
            self._in_thread(work, *arguments)
        except OSError as error:
            if not self._disk_full:
                logger.warning("%s cannot be written: %s.", self._outbox.directory, error.strerror)
            self._disk_full = True


def _attempt(work: Callable[..., T], arguments: tuple[Any, ...]) -> T | OSError:
    """What the disk refuses is no surprise: raised in gevent's thread it would be in the log with a traceback."""
    try:
        return work(*arguments)
    except OSError as error:
        return error
