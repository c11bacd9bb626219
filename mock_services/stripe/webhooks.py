"""Webhooks sent out: what is to be sent when, without a socket (`Outbox`), and the workers that send it (`Courier`)."""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from mock_services.core.durations import Milliseconds
from mock_services.core.faults.injector import AS_EVER, Post
from mock_services.core.latency import Delay
from mock_services.core.operations import RUN_HEADER
from mock_services.core.reckoning import Reckoning
from mock_services.stripe.models import Row
from mock_services.stripe.protocol import sign
from mock_services.stripe.settings import StripeSettings

USER_AGENT: Final = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
DELIVERIES_KEPT: Final = 1_000
RUNS_KEPT: Final = 100
ANSWER_LIMIT: Final = 1 << 16
LONGEST_PAUSE_S: Final = 86_400.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint. `attempts` counts what was sent, `outcome` says how the last one went.

    `fault` is what the lab did to it; a `copy` is one that Stripe would not have sent.
    """

    event: Row
    endpoint: Row
    attempts: int = 0
    outcome: str = ""
    epoch: int = 0
    fault: str = ""
    copy: bool = False

    @property
    def run_id(self) -> str:
        """Give the run whose request caused the event."""
        run_id: str = self.event["_cause"].run_id
        return run_id


class Outbox:
    """A bounded queue of deliveries by the time that they are due, and exact counts of what came of them.

    Times are seconds on any clock that never goes back. A failed delivery is due again `retry_s` later, then after
    twice that, and so on, up to `retries` times.
    """

    def __init__(self, capacity: int, retries: int, retry_s: float) -> None:
        self.counts: Counter[str] = Counter()
        self.by_run: dict[str, Counter[str]] = {}
        self.newest: deque[dict[str, Any]] = deque(maxlen=DELIVERIES_KEPT)
        self._capacity = capacity
        self._retries = retries
        self._retry_s = retry_s
        self._queue: list[tuple[float, int, Delivery]] = []
        self._sequence = 0
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def due(self) -> float:
        """When the next delivery is due; infinity for none."""
        return self._queue[0][0] if self._queue else float("inf")

    def add(self, delivery: Delivery, at: float) -> bool:
        """Queue a new delivery; False if the queue is full, and the delivery is dropped and counted as such."""
        delivery.epoch = self._epoch
        self._count(delivery, "queued")
        if len(self._queue) >= self._capacity:
            self._settle(delivery, "dropped")
            return False
        self._push(delivery, at)
        return True

    def take(self, now: float) -> Delivery | None:
        """Give the next delivery that is due by `now`; the caller sends it and then says `done`."""
        return heapq.heappop(self._queue)[2] if self.due <= now else None

    def done(self, delivery: Delivery, outcome: str, delivered: bool, now: float) -> None:
        """Note how an attempt ended; one that failed comes again while there are retries left."""
        if delivery.epoch != self._epoch:
            return  # it was under way when everything was forgotten
        delivery.attempts += 1
        delivery.outcome = outcome
        self._count(delivery, "attempts")
        if delivered:
            self._settle(delivery, "delivered")
        elif delivery.attempts > self._retries:
            self._settle(delivery, "failed")
        else:
            self._count(delivery, "retries")
            pause = min(self._retry_s * 2 ** min(delivery.attempts - 1, 30), LONGEST_PAUSE_S)
            self._push(delivery, now + pause)

    def withdraw(self, delivery: Delivery) -> None:
        """Note that a delivery's endpoint is gone, or switched off."""
        self._settle(delivery, "withdrawn")

    def pending(self, run_id: str) -> int:
        """Give how many deliveries of a run are still to be sent."""
        return sum(delivery.run_id == run_id for _, _, delivery in self._queue)

    def clear(self) -> None:
        """Forget everything, also what was still to be sent."""
        self._epoch += 1
        self._queue.clear()
        self.counts.clear()
        self.by_run.clear()
        self.newest.clear()

    def _push(self, delivery: Delivery, at: float) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (at, self._sequence, delivery))

    def _settle(self, delivery: Delivery, fate: str) -> None:
        self._count(delivery, fate)
        self.newest.append(
            {
                "event": delivery.event["id"],
                "type": delivery.event["type"],
                "endpoint": delivery.endpoint["id"],
                "url": delivery.endpoint["url"],
                "fate": fate,
                "attempts": delivery.attempts,
                "outcome": delivery.outcome,
                "fault": delivery.fault,
                "run_id": delivery.run_id,
            }
        )

    def _count(self, delivery: Delivery, what: str) -> None:
        self.counts[what] += 1
        if delivery.run_id:
            if delivery.run_id not in self.by_run and len(self.by_run) >= RUNS_KEPT:
                del self.by_run[next(iter(self.by_run))]
            self.by_run.setdefault(delivery.run_id, Counter())[what] += 1


class Courier:
    """Sends what the outbox holds, with a few workers, over connections that it keeps."""

    def __init__(self, settings: StripeSettings, render: Callable[[Row, Row], Row]) -> None:
        self.outbox = Outbox(settings.webhook_queue, settings.webhook_retries, settings.webhook_retry_ms / 1000)
        self.reckoning = Reckoning(self.outbox.pending)
        self.answer_ms = Milliseconds()
        self.in_flight = 0
        self._settings = settings
        self._render = render
        self._delay: Delay = settings.webhook_delay_ms
        self._random = Random(f"{settings.seed}:stripe webhooks")
        self._wake = asyncio.Event()
        self.fault: Callable[[str, str, str, bytes], Post] = lambda *_: AS_EVER  # `core.faults.Injector.webhook`

    def post(self, event: Row, endpoints: list[Row]) -> None:
        """Queue an event for each of `endpoints`."""
        for endpoint in endpoints:
            name, path = f"POST {{{event['type']}}}", urlsplit(endpoint["url"]).path
            post = self.fault(name, path, event["_cause"].run_id, event["type"].encode())
            for copy in range(post.times):
                due = time.monotonic() + self._delay.draw_s(self._random) + post.delay_s
                if self.outbox.add(Delivery(event, endpoint, fault=post.note, copy=copy > 0), due):
                    event["pending_webhooks"] += 1
        self._wake.set()

    def clear(self) -> None:
        """Forget what was sent and what was to be sent."""
        self.outbox.clear()
        self.answer_ms = Milliseconds()
        self._random = Random(f"{self._settings.seed}:stripe webhooks")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send for as long as the block runs; what is queued at its end is never sent, and the log says how much."""
        timeout = self._settings.webhook_timeout_ms / 1000
        async with httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False) as client:
            workers = [asyncio.create_task(self._work(client)) for _ in range(self._settings.webhook_workers)]
            try:
                yield
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
                if len(self.outbox):
                    log.warning("stripe: %d webhooks were not sent, since the process ended", len(self.outbox))

    async def _work(self, client: httpx.AsyncClient) -> None:
        while True:
            now = time.monotonic()
            delivery = self.outbox.take(now)
            if delivery is None:
                self._wake.clear()
                pause = None if self.outbox.due == float("inf") else self.outbox.due - now
                with suppress(TimeoutError):  # then it is time for the next delivery
                    await asyncio.wait_for(self._wake.wait(), pause)
                continue
            if delivery.endpoint["status"] != "enabled":
                self.outbox.withdraw(delivery)
                continue
            self.in_flight += 1
            outcome, delivered = "a defect of the stub; its log says which", False
            try:
                with self.reckoning.under_way(delivery.run_id):
                    outcome, delivered = await self._send(client, delivery)
            except Exception:
                log.exception("stripe: a webhook to %s could not be sent", delivery.endpoint["url"])
            finally:
                self.in_flight -= 1
            self.outbox.done(delivery, outcome, delivered, time.monotonic())
            self._reckon(delivery, delivered)
            self._wake.set()  # a retry may be due before what the other workers wait for
            if delivered:
                delivery.event["pending_webhooks"] -= 1

    def _reckon(self, delivery: Delivery, delivered: bool) -> None:
        """Count a delivery as sent; an attempt that failed and comes again may have arrived or not."""
        if not delivery.copy:
            last = delivered or delivery.attempts > self._settings.webhook_retries
            self.reckoning.note(delivery.run_id, "payment webhook", delivery.event["id"], certain=last)

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> tuple[str, bool]:
        """Send one attempt, signed anew; a redirect counts as a failure, as with Stripe."""
        payload = orjson.dumps(self._render(delivery.event, delivery.endpoint), option=orjson.OPT_INDENT_2)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": USER_AGENT,
            "stripe-signature": sign(delivery.endpoint["_secret"], int(time.time()), payload),
        }
        if delivery.run_id:
            headers[RUN_HEADER] = delivery.run_id.encode("ascii", "replace").decode()
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(self._settings.webhook_timeout_ms / 1000),
                client.stream("POST", delivery.endpoint["url"], content=payload, headers=headers) as answer,
            ):
                received = 0
                async for chunk in answer.aiter_raw():  # to the end, so that the connection can be kept
                    received += len(chunk)
                    if received > ANSWER_LIMIT:
                        break
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
            return f"{type(failure).__name__}: {failure}"[:200], False
        finally:
            self.answer_ms.add((time.perf_counter() - started) * 1000)
        return f"HTTP {answer.status_code}", answer.is_success
