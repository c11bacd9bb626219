"""One service's conditions at work: the links of its chain that limit, fault and delay, and what they have counted."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from mock_services.core.faults.inflict import Doomed, Lost, Spoilt, refusal
from mock_services.core.faults.rules import (
    Conditions,
    DelayFault,
    DropFault,
    ResetFault,
    StatusFault,
    TimeoutFault,
    WebhookDelayFault,
    WebhookDuplicateFault,
)
from mock_services.core.faults.schedule import Hit, Schedule, Subject, named
from mock_services.core.faults.stations import Stations
from mock_services.core.latency import Delay
from mock_services.core.limits import SECOND_S, Bucket
from mock_services.core.operations import Exchange, Link, ServiceError, run_of
from mock_services.core.randomness import Randomness
from mock_services.core.speech import FRAME_MS

RUNS_KNOWN = 1_000
LOOKED_AT = 1 << 20  # bytes of a body in which a call is looked for
MESSAGES_LOOKED_AT = 5  # of a socket: a media stream names its call in `start`


class Post(NamedTuple):
    """How a webhook is to be sent: so much later, so many times in all, and what the journal says of it."""

    delay_s: float = 0.0
    times: int = 1
    note: str = ""


AS_EVER = Post()


class Loss(NamedTuple):
    """A WebSocket that the service has opened itself is to be lost so much later, and what is said of that."""

    after_s: float
    note: str


class Refused(ServiceError):
    """A handshake that a limit or a fault refuses, with the answer that the service has for it."""

    def __init__(self, response: Response, note: str) -> None:
        super().__init__(note)
        self.status = response.status_code
        self._response = response

    def response(self) -> Response:
        """Give the answer."""
        return self._response


class Injector:
    """Limits, faults and latency of one service. `links` holds those that are on, in the order of the chain.

    `words` gives the service's own answer for a status. `changed` is called when `links` is another.
    """

    def __init__(
        self,
        service: str,
        seed: str,
        words: Callable[[int], Response],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.links: Sequence[Link] = ()
        self.changed: Callable[[], None] = lambda: None
        self.injected: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()
        self.streams = 0
        self._seed = seed
        self._words = words
        self._clock = clock
        self._runs: dict[str, None] = {}
        self.put(Conditions())

    def put(self, conditions: Conditions) -> None:
        """Set what is in force from now on, in place of what was."""
        self.conditions = conditions.of(self.service)
        self.on = bool(self.conditions.faults or self.conditions.latency or self.conditions.limits)
        self.begin()

    def begin(self) -> None:
        """Begin the schedule anew: its time, its counts, its random values."""
        conditions = self.conditions
        seed = conditions.seed or self._seed
        self.schedule = Schedule(conditions.faults, seed, self._clock())
        self.stations = Stations(conditions.latency, Randomness(seed).stream("latency"))
        self._delays = self._delays_from_start()
        self._requests_per_second, self._most_streams = (
            next((n for rule in conditions.limits if (n := getattr(rule, name))), 0)
            for name in ("requests_per_second", "concurrent_streams")
        )
        self._bucket = Bucket(self._requests_per_second, SECOND_S)
        chosen: list[tuple[object, Link]] = [
            (self._requests_per_second, self._limit),
            (conditions.faults or conditions.starts == "run", self._fault),
            (conditions.latency, self._take_time),
        ]
        self.links = tuple(link for on, link in chosen if on)
        self.changed()

    def reset(self) -> None:
        """Forget what was counted, and begin anew."""
        self.injected.clear()
        self.limited.clear()
        self._runs.clear()
        self.begin()

    def shown(self) -> dict[str, Any]:
        """Give what is set, what is in force now, and what was hit since the schedule began."""
        now = self._clock()
        counts = self.schedule.counts(now)
        return {
            "seed": self.conditions.seed or self._seed,
            "elapsed_s": round(now - self.schedule.since, 3),
            "in_force": [count.name for count in counts if count.in_force],
            "counts": {count.name: {"seen": count.seen, "hits": count.hits} for count in counts},
            "conditions": self.conditions.model_dump(exclude_none=True),
        }

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`; those by kind go on when another schedule is set."""
        counts = self.schedule.counts(self._clock())
        return {
            "in_force": [count.name for count in counts if count.in_force],
            "hits": {count.name: count.hits for count in counts},
            "injected": dict(self.injected),
            "limited": dict(self.limited),
            "open_streams": self.streams,
            "in_latency": self.stations.busy,
        }

    # Links of the chain

    async def _limit(self, exchange: Exchange) -> Response | None:
        response = self._over_rate()
        if response is not None:
            exchange.note = "limit: requests a second"
        return response

    async def _fault(self, exchange: Exchange) -> Response | None:
        now = self._clock()
        scope = exchange.request.scope
        run_id = run_of(scope)
        self._meet(run_id, now)
        text = b""
        if self.schedule.asks_for_calls("request", now):
            exchange.request, exchange.raw_body = await _peek(exchange.request)
            text = named(scope) + exchange.raw_body
        hit = self.schedule.choose(Subject("request", exchange.name, scope["path"], run_id, text), now)
        if hit is None:
            return None
        self._count(hit)
        exchange.note = hit.note
        fault = hit.fault
        if isinstance(fault, DelayFault):
            await self._wait(fault.delay)
            return None
        if isinstance(fault, StatusFault | TimeoutFault | ResetFault) and not fault.carried_out:
            return refusal(fault, self._words)
        exchange.hit = hit
        return None

    async def _take_time(self, exchange: Exchange) -> None:
        await self.stations.serve(exchange.name, exchange.request.scope["path"])

    def spoil(self, exchange: Exchange, response: Response) -> Response:
        """Give the answer that a client gets for the one that was made."""
        hit = exchange.hit
        assert hit is not None
        exchange.note = hit.note if exchange.note in ("", hit.note) else f"{hit.note}; {exchange.note}"
        if isinstance(hit.fault, StatusFault | TimeoutFault | ResetFault):
            return Lost(response, refusal(hit.fault, self._words))
        return Spoilt(response, hit)

    # Sockets and webhooks

    async def admit(self, subject: Subject, doomed: Doomed, tell: Callable[[str], None]) -> None:
        """Let a socket's handshake pass limits, faults and latency; raise `Refused`. `tell` is for the journal."""
        response = self._over_rate()
        if response is not None:
            raise Refused(response, "limit: requests a second")
        if self._most_streams and self.streams > self._most_streams:
            self.limited["streams"] += 1
            raise Refused(self._words(429), "limit: concurrent streams")
        now = self._clock()
        self._meet(subject.run_id, now)
        hit = self.schedule.choose(subject, now)
        if hit is not None:
            self._count(hit)
            fault = hit.fault
            if isinstance(fault, StatusFault | TimeoutFault | ResetFault):
                raise Refused(refusal(fault, self._words), hit.note)
            tell(hit.note)
            if isinstance(fault, DropFault):
                doomed.doom(fault)
            elif isinstance(fault, DelayFault):
                await self._wait(fault.delay)
        elif self.schedule.asks_for_calls("socket", now):
            self._look_for_call(subject, doomed, tell)
        await self.stations.serve(subject.operation, subject.path)

    def _look_for_call(self, subject: Subject, doomed: Doomed, tell: Callable[[str], None]) -> None:
        """Have a socket lost that names a call in its first messages, if a fault says so."""
        left = MESSAGES_LOOKED_AT

        def look(message: bytes) -> None:
            nonlocal left
            left -= 1
            hit = self.schedule.choose(subject._replace(text=message), self._clock(), called=True)
            if hit is not None and isinstance(hit.fault, DropFault):
                self._count(hit)
                tell(hit.note)
                doomed.doom(hit.fault)
            if hit is not None or left == 0:
                doomed.look = None

        doomed.look = look

    def webhook(self, operation: str, path: str, run_id: str, text: bytes) -> Post:
        """Say how a webhook to `path` is to be sent; `operation` is its method and what it tells of."""
        if not self.conditions.faults:
            return AS_EVER
        now = self._clock()
        self._meet(run_id, now)
        hit = self.schedule.choose(Subject("webhook", operation, path, run_id, text), now)
        if hit is None:
            return AS_EVER
        self._count(hit)
        if isinstance(hit.fault, WebhookDelayFault):
            return Post(delay_s=self._draw_s(hit.fault.delay), note=hit.note)
        assert isinstance(hit.fault, WebhookDuplicateFault)
        return Post(times=1 + hit.fault.copies, note=hit.note)

    def opened(self, operation: str, path: str, run_id: str, text: bytes) -> Loss | None:
        """Say whether a socket that the service has opened to `path` is to be lost; messages count as its frames."""
        if not self.conditions.faults:
            return None
        now = self._clock()
        self._meet(run_id, now)
        hit = self.schedule.choose(Subject("opened", operation, path, run_id, text), now)
        if hit is None:
            return None
        self._count(hit)
        assert isinstance(hit.fault, DropFault)
        frames = hit.fault.after_messages
        ends = (hit.fault.after_s, None if frames is None else frames * FRAME_MS / 1000)
        return Loss(min(end for end in ends if end is not None), hit.note)

    def _over_rate(self) -> Response | None:
        """Use one request of this second; give the service's own 429 where none is left."""
        if not self._requests_per_second:
            return None
        now = self._clock()
        wait_s = self._bucket.wait_s(1, now)
        if wait_s == 0:
            self._bucket.use(1, now)
            return None
        self.limited["requests"] += 1
        response = self._words(429)
        response.headers.setdefault("retry-after", str(math.ceil(wait_s)))
        return response

    def _meet(self, run_id: str, now: float) -> None:
        """Begin anew with a run that was not seen before, where the schedule is to start with runs."""
        if self.conditions.starts != "run" or not run_id or run_id in self._runs:
            return
        if len(self._runs) >= RUNS_KNOWN:
            del self._runs[next(iter(self._runs))]
        self._runs[run_id] = None
        self._delays = self._delays_from_start()
        self.schedule.begin(now)

    def _delays_from_start(self) -> Random:
        return Randomness(self.conditions.seed or self._seed).stream("fault delays")

    def _count(self, hit: Hit) -> None:
        self.injected[hit.fault.kind] += 1

    async def _wait(self, delay: Delay) -> None:
        await asyncio.sleep(self._draw_s(delay))

    def _draw_s(self, delay: Delay) -> float:
        return delay.draw_s(self._delays)


async def _peek(request: Request) -> tuple[Request, bytes]:
    """Read a request's body, up to `LOOKED_AT` bytes; give the request as if it were unread, and what was read."""
    receive, read, size = request.receive, [], 0
    while size < LOOKED_AT:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    content = b"".join(message.get("body", b"") for message in read)
    return Request(request.scope, _replay(read, receive)), content


def _replay(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def replay() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return replay
