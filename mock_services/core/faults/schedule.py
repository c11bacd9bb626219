"""Which fault comes over whom: a schedule that knows neither sockets nor a clock of its own.

The same faults, seed and order of requests give the same hits. Each fault draws from a stream of its own, once for each
request that it is for while it is in force, so that no fault shifts what another hits.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from starlette.types import Scope

from mock_services.core.faults.rules import Fault, Place


class Subject(NamedTuple):
    """What a fault may come over. `text` is where a call may be named: path, query and body."""

    place: Place
    operation: str
    path: str
    run_id: str = ""
    text: bytes = b""


def named(scope: Scope) -> bytes:
    """Give what of a request may name a call, beside its body: path and query."""
    return b"%b?%b\n" % (scope["path"].encode("utf-8", "replace"), scope["query_string"])


class Hit(NamedTuple):
    """A fault that happens, and the random values that it may need: its own, the same whenever the schedule is."""

    fault: Fault
    random: Random

    @property
    def note(self) -> str:
        """Give what the journal says of it."""
        return f"fault {self.fault.name}: {self.fault.kind}"


class Count(NamedTuple):
    """How a fault stands: how many it was for while in force, how many it hit, and whether it is in force now."""

    name: str
    seen: int
    hits: int
    in_force: bool


class _Watch:
    """One fault, and what it has seen."""

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self.call = fault.call.encode() if fault.call is not None else None
        self.seen = 0
        self.hits = 0
        self._seed = seed
        self._random = Random(f"{seed}:fault {fault.name}")

    def concerns(self, subject: Subject, passed_s: float) -> bool:
        fault = self.fault
        return (
            fault.from_s <= passed_s < fault.until_s
            and subject.place in fault.places
            and (fault.run is None or fault.run == subject.run_id)
            and fault.fits(subject.operation, subject.path)
            and (self.call is None or self.call in subject.text)
        )

    def picks(self) -> bool:
        """Count one that the fault is for, and say whether it is hit."""
        self.seen += 1
        fault = self.fault
        if fault.probability is not None:
            picked = self._random.random() < fault.probability
        elif fault.every is not None:
            picked = self.seen % fault.every == 0
        else:
            picked = fault.first is None or self.seen <= fault.first
        self.hits += picked
        return picked

    def hit(self) -> Hit:
        return Hit(self.fault, Random(f"{self._seed}:fault {self.fault.name} {self.hits}"))


class Schedule:
    """Faults in order. `now` is in seconds on any clock that never goes back; the schedule starts at the first one."""

    def __init__(self, faults: Iterable[Fault], seed: str, now: float) -> None:
        self.faults = tuple(faults)
        self._seed = seed
        self.begin(now)

    def begin(self, now: float) -> None:
        """Begin anew: time, counts and random values."""
        self.since = now
        self._watches = [_Watch(fault, self._seed) for fault in self.faults]

    def choose(self, subject: Subject, now: float, *, called: bool = False) -> Hit | None:
        """Give the first fault that hits; those below it are not asked. `called`: only faults of one call are."""
        passed_s = now - self.since
        for watch in self._watches:
            if watch.concerns(subject, passed_s) and (watch.call is not None or not called) and watch.picks():
                return watch.hit()
        return None

    def asks_for_calls(self, place: Place, now: float) -> bool:
        """Say whether a fault of one call is in force in a place, so that a subject's text matters."""
        passed_s = now - self.since
        return any(
            watch.call is not None and place in watch.fault.places and self._in_force(watch.fault, passed_s)
            for watch in self._watches
        )

    def counts(self, now: float) -> list[Count]:
        """Give how each fault stands."""
        passed_s = now - self.since
        return [
            Count(watch.fault.name, watch.seen, watch.hits, self._in_force(watch.fault, passed_s))
            for watch in self._watches
        ]

    @staticmethod
    def _in_force(fault: Fault, passed_s: float) -> bool:
        return fault.from_s <= passed_s < fault.until_s
