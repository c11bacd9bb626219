"""One write to InfluxDB, and what its failure means for the points: they can wait, or they can never be written."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import urllib3.exceptions
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from metrics.outbox import LIVE, RUNS

TIMEOUT_MS = 5_000
ATTEMPTS = 3
"""Tries of one write in a row."""
BAD_LINES = frozenset({400, 413, 422})
"""What InfluxDB answers when the lines themselves are the reason: cannot be read, too many at once, of another type."""
WRITTEN = 204
"""What InfluxDB, and nothing else that might stand at its address, answers when it has taken points."""
DROPPED = re.compile(r"dropped=(\d+)")

Write = Callable[[str, str], None]
"""Writes lines to a bucket (`live` or `runs`), or raises what influxdb-client raises."""


@dataclass(frozen=True)
class Influx:
    """Where points go: the server's URL, a token that may write, the organisation, and the bucket of live points."""

    url: str
    token: str
    org: str
    bucket: str

    def bucket_named(self, kind: str) -> str:
        """The bucket for `live` points, or for `runs`, which InfluxQL reads as the policy `runs` of the first."""
        return {LIVE: self.bucket, RUNS: f"{self.bucket}/runs"}[kind]


class Unavailable(Exception):
    """InfluxDB takes nothing now, or not from this token; the text says why in a few words. The points can wait."""


class Client:
    """A client of one InfluxDB that connects when it is first used."""

    def __init__(self, influx: Influx) -> None:
        self._influx = influx
        self._client: InfluxDBClient | None = None

    def write(self, bucket: str, lines: str) -> None:
        """One synchronous write; under gevent it waits as a greenlet. (The library's batching threads hang there.)

        Raises what influxdb-client raises, also for an answer that says yes but is not InfluxDB's: a page to log in
        at, or a proxy's own.
        """
        influx = self._influx
        if self._client is None:
            self._client = InfluxDBClient(
                influx.url, influx.token, org=influx.org, timeout=TIMEOUT_MS, enable_gzip=True
            )
        api: Any = self._client.write_api(write_options=SYNCHRONOUS)
        api.write(bucket=influx.bucket_named(bucket), org=influx.org, record=lines, write_precision="ms")
        status = self._client.api_client.last_response.status
        if status != WRITTEN:
            raise ApiException(status=status, reason=f"{WRITTEN} was expected, so this is no InfluxDB")

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None


def deliver(write: Write, bucket: str, lines: Sequence[str], attempts: int = ATTEMPTS) -> list[tuple[str, str]]:
    """Write lines, and give those that InfluxDB refuses for good, each with its words.

    A refused batch is cut in half until the lines that are the reason stand alone: the rest is written, and writing a
    point again changes nothing. Raises Unavailable, and then some of the lines may have been written.
    """
    tries = Retrying(
        retry=retry_if_exception(passing),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        sleep=gevent.sleep,
    )
    try:
        tries(write, bucket, "\n".join(lines))
    except RetryError as error:
        raise Unavailable(sentence(error.last_attempt.exception() or error)) from error
    except (ApiException, InfluxDBError) as error:
        if status_of(error) not in BAD_LINES:
            raise Unavailable(sentence(error)) from error
        reason = sentence(error)
        if len(lines) == 1 or _all_dropped(reason, len(lines)):
            return [(line, reason) for line in lines]
        half = len(lines) // 2
        first = deliver(write, bucket, lines[:half], attempts)
        return first + deliver(write, bucket, lines[half:], attempts)
    return []


def _all_dropped(reason: str, lines: int) -> bool:
    found = DROPPED.search(reason)
    return found is not None and int(found[1]) >= lines


def status_of(error: BaseException) -> int:
    """The HTTP status of what influxdb-client raises, 0 when there was no answer."""
    if isinstance(error, InfluxDBError) and error.response is not None:
        return int(error.response.status)
    return int(getattr(error, "status", 0) or 0)


def passing(error: BaseException) -> bool:
    """Whether an error may pass by itself: no answer, too many requests, or the server's own fault."""
    if isinstance(error, (ApiException, InfluxDBError)):
        status = status_of(error)
        return status in (0, 429) or status >= 500
    return isinstance(error, (OSError, urllib3.exceptions.HTTPError))


def sentence(error: BaseException) -> str:
    """What a failed write says, in a few words: the status and InfluxDB's own message, or why there was no answer."""
    if isinstance(error, InfluxDBError) and error.response is not None:
        return f"InfluxDB answers {error.response.status}: {error.message or error.response.reason}"
    if isinstance(error, ApiException) and error.status:
        return f"InfluxDB answers {error.status}: {error.reason}"
    return f"InfluxDB does not answer ({type(error).__name__})"
