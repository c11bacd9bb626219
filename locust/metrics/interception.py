"""What a lab's sentinel saw during a run: names that were looked up, connections that it refused, and what they mean.

Inside a lab whose only name server is the sentinel (docs/interception.md), whatever is to be reached outside is looked
up there first, and led back to it. So its counts at a run's end, less those at its start, say what tried to leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.wording import counted, verb

MOST_NAMED = 5
"""So many hosts are named in a reason; the report names them all."""

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Sightings:
    """The sentinel's counts at one time, or what was added to them between two; by name, connections by `host:port`."""

    doubles: Counts = field(default_factory=dict)
    """Lookups of the vendors' names, which doubles answer to."""
    outside: Counts = field(default_factory=dict)
    """Lookups of names that are nobody's in the lab."""
    nowhere: Counts = field(default_factory=dict)
    """Lookups of names that do not exist: no attempt to leave, but often a mistake."""
    refused: Counts = field(default_factory=dict)
    """Connections to names outside, all of them refused."""

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Sightings:
        """Read the sentinel's `/__lab/metrics`; raise KeyError, TypeError or AttributeError for another's."""
        found = metrics["sentinel"]
        lookups = found["lookups"]
        return cls(
            dict(lookups["double"]["names"]),
            dict(lookups["outside"]["names"]),
            dict(lookups["nowhere"]["names"]),
            dict(found["refused"]["hosts"]),
        )

    def since(self, before: Sightings) -> Sightings | None:
        """What came after `before`; None where a count is smaller than then: the sentinel has begun anew meanwhile."""
        pairs = (
            *((self.doubles, before.doubles), (self.outside, before.outside)),
            *((self.nowhere, before.nowhere), (self.refused, before.refused)),
        )
        if any(now.get(name, 0) < count for now, then in pairs for name, count in then.items()):
            return None
        return Sightings(
            *({name: n - then.get(name, 0) for name, n in now.items() if n > then.get(name, 0)} for now, then in pairs)
        )


@dataclass(frozen=True)
class Interception:
    """What a run's report says of the sentinel. `unknown` says why there are no counts, when there are none."""

    seen: Sightings = field(default_factory=Sightings)
    tolerated: Sequence[str] = ()
    """Names outside that may be tried: they are refused and counted, and are no reason against the run."""
    unknown: str = ""

    @property
    def connections(self) -> int:
        """How many connections to the outside were refused."""
        return sum(self.seen.refused.values())

    @property
    def lookups(self) -> int:
        """How many lookups led to doubles."""
        return sum(self.seen.doubles.values())

    @property
    def hosts(self) -> list[tuple[str, int, int, bool]]:
        """Every name outside: how often it was looked up and refused, and whether that was tolerated."""
        refused: dict[str, int] = {}
        for destination, count in self.seen.refused.items():
            name = destination.rpartition(":")[0]
            refused[name] = refused.get(name, 0) + count
        names = sorted({*self.seen.outside, *refused})
        return [(name, self.seen.outside.get(name, 0), refused.get(name, 0), name in self.tolerated) for name in names]

    @property
    def reasons(self) -> Iterator[str]:
        """Why the run is not what it was to be."""
        if self.unknown:
            yield f"whether a request left the lab is not known: {self.unknown}"
        strays = [host for host in self.hosts if not host[3]]
        if strays:
            named = ", ".join(host[0] for host in strays[:MOST_NAMED])
            more = f" and {len(strays) - MOST_NAMED} more" if len(strays) > MOST_NAMED else ""
            yield (
                f"something tried to leave the lab: {counted(sum(host[1] for host in strays), 'lookup')} and"
                f" {counted(sum(host[2] for host in strays), 'refused connection')}, to {named}{more}"
            )

    @property
    def sentence(self) -> str:
        """The whole of it in one line."""
        if self.unknown:
            return f"Interception: not known, since {self.unknown}."
        connections = f"{counted(self.connections, 'connection')} to {counted(len(self.hosts), 'host')} outside"
        return (
            f"Interception: 0 requests left the lab, {connections} {verb(self.connections, 'was', 'were')} refused; "
            f"{counted(self.lookups, 'lookup')} of vendors' names led to doubles."
        )

    def facts(self) -> dict[str, Any]:
        """What verdict.json says. `left` is null where nobody knows; a sentinel lets nothing through."""
        return {
            "left": None if self.unknown else 0,
            "refused": dict(self.seen.refused),
            "lookups": {
                "double": dict(self.seen.doubles),
                "outside": dict(self.seen.outside),
                "nowhere": dict(self.seen.nowhere),
            },
            "tolerated": list(self.tolerated),
            "unknown": self.unknown,
        }
