"""Writes points to InfluxDB from a greenlet of its own, so that a slow or absent database never slows the load.

Batches wait in a bounded queue. A batch that cannot be delivered now stays at its head and is tried again; what falls
off a full queue, is refused for good, or is still there when the run ends is counted in `points_lost`, and makes the
run invalid.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gevent
import gevent.event
import urllib3.exceptions
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

logger = logging.getLogger(__name__)

QUEUE_POINTS = 200_000
"""About half an hour of 60 endpoints; some 80 MB at most."""
TIMEOUT_MS = 5_000
ATTEMPTS = 3
"""Tries of one batch in a row; after them the queue is left alone for `PAUSE_S`."""
PAUSE_S = 2.0
CLOSE_S = 10.0
"""How long a run's end waits for the queue to empty."""


@dataclass(frozen=True)
class Influx:
    """Where points go: the server's URL, a token that may write, the organisation and the bucket."""

    url: str
    token: str
    org: str
    bucket: str


def passing(error: BaseException) -> bool:
    """Whether an error may pass by itself: no answer, too many requests, or the server's own fault."""
    if isinstance(error, ApiException):
        status = error.status or 0
        return status in (0, 429) or status >= 500
    return isinstance(error, (OSError, urllib3.exceptions.HTTPError))


def sentence(error: BaseException) -> str:
    """What a failed write says, in a few words: the status and InfluxDB's own message, or why there was no answer."""
    if isinstance(error, InfluxDBError) and error.response is not None:
        return f"InfluxDB answers {error.response.status}: {error.message or error.response.reason}"
    if isinstance(error, ApiException) and error.status:
        return f"InfluxDB answers {error.status}: {error.message or error.reason}"
    return f"InfluxDB does not answer ({type(error).__name__})"


class Writer:
    """A queue of batches and the greenlet that empties it. `submit` never waits and never fails."""

    def __init__(self, influx: Influx, write: Callable[[str], None] | None = None) -> None:
        self.points_written = 0
        self.points_lost = 0
        self.lost_because = ""
        self._influx = influx
        self._client: InfluxDBClient | None = None
        self._write = write or self._write_to_influx
        self._queue: deque[Sequence[str]] = deque()
        self._queued = 0
        self._wake = gevent.event.Event()
        self._silent = False
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Start the greenlet."""
        self._greenlet = gevent.spawn(self._run)

    def submit(self, lines: Sequence[str]) -> None:
        """Queue the lines of one batch; the oldest batches make room when there is none."""
        if not lines:
            return
        self._queue.append(lines)
        self._queued += len(lines)
        while self._queued > QUEUE_POINTS and len(self._queue) > 1:
            self._lose(f"the queue of {QUEUE_POINTS} points was full")
        self._wake.set()

    def close(self, timeout: float = CLOSE_S) -> None:
        """Deliver what is queued within `timeout` seconds and stop; the rest is lost, and counted."""
        if self._greenlet is not None:
            self._greenlet.kill()
        with gevent.Timeout(timeout, False):
            while self._queue and self._deliver():
                pass
        while self._queue:
            self._lose(self.lost_because or f"they were not delivered within {timeout:g} s of the run's end")
        if self._client is not None:
            self._client.close()
            self._client = None

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                if not self._deliver():
                    gevent.sleep(PAUSE_S)

    def _deliver(self) -> bool:
        """Write the oldest batch; whether the next may follow at once."""
        batch = self._queue[0]
        tries = Retrying(
            retry=retry_if_exception(passing),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            sleep=gevent.sleep,
        )
        try:
            tries(self._write, "\n".join(batch))
        except RetryError as error:
            reason = sentence(error.last_attempt.exception() or error)
            if not self._silent:
                logger.warning("%s at %s: points wait in memory until it does.", reason, self._influx.url)
            self._silent = True
            self.lost_because = reason
            return False
        except (ApiException, InfluxDBError) as error:
            reason = sentence(error)
            logger.warning("%s at %s: %d points are lost.", reason, self._influx.url, len(batch))
            if self._queue and self._queue[0] is batch:
                self._lose(reason)
            return True
        if self._silent:
            logger.warning("InfluxDB at %s answers again.", self._influx.url)
        self._silent = False
        self.lost_because = "" if not self.points_lost else self.lost_because
        # While the write was under way, a full queue may have dropped the batch and counted it as lost.
        if self._queue and self._queue[0] is batch:
            self._queue.popleft()
            self._queued -= len(batch)
        else:
            self.points_lost -= len(batch)
        self.points_written += len(batch)
        return True

    def _lose(self, reason: str) -> None:
        batch = self._queue.popleft()
        self._queued -= len(batch)
        self.points_lost += len(batch)
        self.lost_because = reason

    def _write_to_influx(self, lines: str) -> None:
        """One synchronous write; under gevent it waits as a greenlet. (The client's batching threads hang there.)"""
        influx = self._influx
        if self._client is None:
            self._client = InfluxDBClient(influx.url, influx.token, org=influx.org, timeout=TIMEOUT_MS)
        api = self._client.write_api(write_options=SYNCHRONOUS)
        api.write(bucket=influx.bucket, org=influx.org, record=lines, write_precision="ms")  # type: ignore[arg-type]  # its constants are text
