"""Tells of a request whose user is killed while it waits for the answer: Locust itself would never mention it.

A run's end gives users some seconds to finish their task and then kills them. `clients.waits` says which of their
requests have failed.
"""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

from gevent import GreenletExit

from clients.failures import RequestFailure
from clients.session import CountedHttp, CountedResponse
from clients.waits import Waits

OVERDUE_S = 1.0
"""A request that was sent less than this before its user was killed says nothing of the target."""


class NeverAnswered(RequestFailure):
    """The request still had no answer when its user's time was up."""

    outcome = "timeout"


class InFlight:
    """Locust's HTTP client, which also tells of the request that its user was killed in."""

    def __init__(
        self,
        http: CountedHttp,
        fire: Callable[..., None],
        context: Callable[[], Mapping[str, Any]],
        waits: Waits,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take Locust's client, its request event, what the user's requests carry, and who knows how long they take.

        `limit_s` is how long the client itself waits for an answer.
        """
        self._http = http
        self._fire = fire
        self._context = context
        self._waits = waits
        self._limit_s = limit_s
        self._clock = clock

    def request(self, method: str, url: str, **kwargs: Any) -> AbstractContextManager[CountedResponse]:
        """Send a request as Locust's client does."""
        began = self._clock()
        endpoint = method, kwargs.get("name") or url
        try:
            response = self._http.request(method, url, **kwargs)
        except GreenletExit:
            waited_s = self._clock() - began
            if self._waits.cut_short(endpoint, waited_s, least_s=OVERDUE_S, limit_s=self._limit_s):
                self._fire(
                    request_type=method,
                    name=endpoint[1],
                    response_time=waited_s * 1000,
                    response_length=0,
                    response=None,
                    exception=NeverAnswered("no answer when the run ended"),
                    context={**self._context(), "exchange": _sent(url, kwargs)},
                    start_time=time.time() - waited_s,
                )
            raise
        if getattr(response, "status_code", 0):
            self._waits.answered(endpoint, self._clock() - began)
        return response


def _sent(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, for those who keep failing exchanges: there is no response to tell it."""
    query = options.get("params")
    return {"url": f"{url}?{urlencode(query)}" if query else url, "body": options.get("data")}
