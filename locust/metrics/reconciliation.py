"""Holds, at the end of a run, what one side says it sent against what the other says it got: what is lost or doubled.

Three sides: the suite (what its users caused), the doubles, and the target. Each keeps a `Book`: tallies by kind, item
by item where an item has a name that both sides know. Pure: `utils.books` reads the books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

IDS_KEPT = 50_000
"""Names of one kind that a tally keeps; what comes after them is only counted."""
IDS_SHOWN = 5
SUITE, TARGET = "the suite", "the target"
DOUBLES = TWILIO, SENDGRID, STRIPE = "the Twilio double", "the SendGrid stub", "the Stripe stub"


@dataclass
class Tally:
    """How many items there were of one kind, and which. Items whose name is not known are `unnamed`."""

    ids: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    uncertain: int = 0
    """Items that may have reached the other side or not: a request that was cut off, or that failed on its way back."""

    @property
    def count(self) -> int:
        """The items that are certain."""
        return self.ids.total() + self.unnamed

    def add(self, identity: str, *, certain: bool = True) -> None:
        """Count one item."""
        if not certain:
            self.uncertain += 1
        elif identity and (identity in self.ids or len(self.ids) < IDS_KEPT):
            self.ids[identity] += 1
        else:
            self.unnamed += 1

    def merge(self, other: Tally) -> None:
        """Take in what another process counted."""
        for identity, times in other.ids.items():
            if identity in self.ids or len(self.ids) < IDS_KEPT:
                self.ids[identity] += times
            else:
                self.unnamed += times
        self.unnamed += other.unnamed
        self.uncertain += other.uncertain

    def since(self, before: Tally) -> Tally:
        """What came after `before` was read."""
        return Tally(
            self.ids - before.ids,
            max(0, self.unnamed - before.unnamed),
            max(0, self.uncertain - before.uncertain),
        )

    def of(self, ids: Mapping[str, int]) -> Tally:
        """Only the items with these names."""
        return Tally(Counter({identity: times for identity, times in self.ids.items() if identity in ids}))

    def facts(self) -> dict[str, Any]:
        """The tally as it travels from a worker; doubles write theirs in the same words."""
        return {"ids": dict(self.ids), "unnamed": self.unnamed, "uncertain": self.uncertain}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Tally:
        """The tally that `facts` wrote; KeyError, TypeError or ValueError for anything else."""
        return cls(
            Counter({str(name): int(times) for name, times in dict(facts["ids"]).items()}),
            int(facts["unnamed"]),
            int(facts["uncertain"]),
        )


Book = Mapping[str, Tally]


@dataclass(frozen=True)
class Difference:
    """What one side sent and the other did not get (lost), or got without its being sent, or twice (doubled)."""

    kind: str
    source: str
    sink: str
    sent: int
    lost: int = 0
    doubled: int = 0
    lost_ids: tuple[str, ...] = ()
    doubled_ids: tuple[str, ...] = ()
    """The names; more of them than were lost (or doubled) when items without a name may be some of these."""

    def sentences(self) -> Iterator[str]:
        """A sentence each for what was lost and what was doubled."""
        between = f"between {self.source} and {self.sink}"
        if self.lost:
            yield f"{self.kind} lost {between}: {self.lost} of {self.sent}{_named(self.lost_ids, self.lost)}"
        if self.doubled:
            named = _named(self.doubled_ids, self.doubled)
            yield f"{self.kind} doubled {between}: {self.doubled} more than the {self.sent} that were sent{named}"


def _named(ids: tuple[str, ...], count: int) -> str:
    if not ids:
        return ""
    shown = ", ".join(ids[:IDS_SHOWN]) + (", …" if len(ids) > IDS_SHOWN else "")
    return f" ({shown})" if len(ids) == count else f" (among {shown})"


def compare(kind: str, source: str, sent: Tally, sink: str, got: Tally) -> Difference:
    """Hold what `sink` got against what `source` sent.

    An item without a name may be any that the other side names. What is uncertain on one side excuses as many
    differences, in the direction in which it can have made them.
    """
    missing, surplus = sent.ids - got.ids, got.ids - sent.ids
    matched, found = min(missing.total(), got.unnamed), min(surplus.total(), sent.unnamed)
    nameless = (sent.unnamed - found) - (got.unnamed - matched)
    lost = missing.total() - matched + max(0, nameless) - got.uncertain
    doubled = surplus.total() - found + max(0, -nameless) - sent.uncertain
    return Difference(
        kind,
        source,
        sink,
        sent.count,
        max(0, lost),
        max(0, doubled),
        tuple(sorted(missing.elements())) if lost > 0 else (),
        tuple(sorted(surplus.elements())) if doubled > 0 else (),
    )


@dataclass(frozen=True)
class Row:
    """One kind: what each side counted (None for one that has no view of it), and how they differ."""

    kind: str
    suite: int | None
    double: int | None
    target: int | None
    differences: tuple[Difference, ...]
    suite_possible: int = 0
    """Further items that the suite may have caused: it was not told."""

    @property
    def lost(self) -> int:
        """How many items were lost, seen from where most are missing."""
        return max((each.lost for each in self.differences), default=0)

    @property
    def doubled(self) -> int:
        """How many items were doubled, likewise."""
        return max((each.doubled for each in self.differences), default=0)

    @property
    def ok(self) -> bool:
        """Whether the sides agree."""
        return not (self.lost or self.doubled)

    def facts(self) -> dict[str, Any]:
        """The row as verdict.json holds it; of the names, the first hundred."""
        lost = dict.fromkeys(name for each in self.differences for name in each.lost_ids)
        doubled = dict.fromkeys(name for each in self.differences for name in each.doubled_ids)
        return {
            "kind": self.kind,
            "suite": self.suite,
            "suite_possible": self.suite_possible,
            "double": self.double,
            "target": self.target,
            "ok": self.ok,
            "lost": list(lost)[:100],
            "lost_count": self.lost,
            "doubled": list(doubled)[:100],
            "doubled_count": self.doubled,
        }


@dataclass(frozen=True)
class Reconciliation:
    """What came of it: a row for each kind of which there was anything, and what was not compared, in sentences."""

    rows: tuple[Row, ...] = ()
    not_compared: tuple[str, ...] = ()

    @property
    def differences(self) -> list[str]:
        """A sentence for each difference: the reasons for which the run fails."""
        return [sentence for row in self.rows for each in row.differences for sentence in each.sentences()]


@dataclass
class Sides:
    """Every side's book, by its name. A side that cannot be read is not among them, and `absent` says why."""

    books: dict[str, Book] = field(default_factory=dict)
    strays: dict[str, Book] = field(default_factory=dict)
    """What doubles did meanwhile for no run that is known: a target that keeps the run's id to itself causes that."""
    absent: dict[str, str] = field(default_factory=dict)
    under_way: int = 0
    """What doubles and target are still doing for the run."""
    uncounted: dict[str, int] = field(default_factory=dict)
    """By side: how many items it did not count one by one, for want of room for their kinds."""


@dataclass(frozen=True)
class _Leg:
    """Two tallies to compare. `certain` is a tally of the source's that holds the ones that must have arrived."""

    source: str
    sent: str
    sink: str
    got: str
    certain: str = ""


_LEGS: Mapping[str, tuple[_Leg, ...]] = {
    "calls": (_Leg(SUITE, "call", TWILIO, "call"), _Leg(TWILIO, "call", TARGET, "call", "call answered")),
    "sms": (_Leg(SUITE, "sms", TWILIO, "sms to"), _Leg(TARGET, "sms", TWILIO, "sms")),
    "mails": (_Leg(SUITE, "mail", SENDGRID, "mail to"), _Leg(TARGET, "mail", SENDGRID, "mail")),
    "payments": (_Leg(TARGET, "payment", STRIPE, "payment"),),
    "payment webhooks": (_Leg(STRIPE, "payment webhook", TARGET, "payment webhook"),),
}
WEBHOOK = "webhook "
"""What the kinds of the Twilio double's webhooks begin with; the rest is the last word of their URL."""


def reconcile(sides: Sides) -> Reconciliation:
    """Compare all sides, kind by kind."""
    sent: Iterable[str] = [*sides.books.get(TWILIO, {}), *sides.books.get(TARGET, {})]
    hooks = sorted({kind for kind in sent if kind.startswith(WEBHOOK)})
    legs = dict(_LEGS)
    for kind in hooks:
        legs[f"{kind.removeprefix(WEBHOOK)} webhooks"] = (_Leg(TWILIO, kind, TARGET, kind),)
    rows, untold = [], dict[str, None]()
    for kind, pairs in legs.items():
        counts = (_count(sides, pairs, SUITE), _count(sides, pairs, *DOUBLES), _count(sides, pairs, TARGET))
        if not any(counts):
            continue
        differences = []
        for leg in pairs:
            absent = [name for name in (leg.source, leg.sink) if name not in sides.books]
            untold.update(dict.fromkeys(absent))
            if not absent and not _without_room(sides, leg):
                differences.append(_compared(kind, leg, sides))
        rows.append(Row(kind, *counts, tuple(differences), _possible(sides, pairs)))
    reasons = [f"what concerns {name} was not compared: {sides.absent.get(name, 'it was not read')}" for name in untold]
    reasons += [
        f"{count} items of {name} were not compared: it had no room for their kinds"
        for name, count in sides.uncounted.items()
    ]
    reasons += [
        f"{kind} were compared by their number alone beyond the first {IDS_KEPT:,} of {name}: one that was lost beside"
        " one that was doubled is not seen there"
        for kind, name in _beyond_names(sides, legs)
    ]
    return Reconciliation(tuple(rows), tuple(reasons))


def _without_room(sides: Sides, leg: _Leg) -> bool:
    """Whether a side has none of this kind and may only have had no room for it: that is nothing that was lost."""
    ends = (leg.source, leg.sent), (leg.sink, leg.got)
    return any(sides.uncounted.get(name) and kind not in sides.books[name] for name, kind in ends)


def _beyond_names(sides: Sides, legs: Mapping[str, tuple[_Leg, ...]]) -> Iterator[tuple[str, str]]:
    """The kinds of which a side has items that it no longer kept the names of, each with the side."""
    for kind, pairs in legs.items():
        ends = {end: None for leg in pairs for end in ((leg.source, leg.sent), (leg.sink, leg.got))}
        for name, counted in ends:
            tally = sides.books.get(name, {}).get(counted, Tally())
            if tally.unnamed and len(tally.ids) >= IDS_KEPT:
                yield kind, name


def _compared(kind: str, leg: _Leg, sides: Sides) -> Difference:
    source, sink = sides.books[leg.source], sides.books[leg.sink]
    sent, got = source.get(leg.sent, Tally()), sink.get(leg.got, Tally())
    if leg.certain:
        must = source.get(leg.certain, Tally())
        sent = Tally(must.ids, must.unnamed, must.uncertain + max(0, sent.count - must.count))
    if leg.source == SUITE and TARGET not in sides.books:
        strays = sides.strays.get(leg.sink, {}).get(leg.got, Tally()).of(sent.ids)
        got = Tally(got.ids + strays.ids, got.unnamed, got.uncertain)
    return compare(kind, leg.source, sent, leg.sink, got)


def _possible(sides: Sides, legs: Iterable[_Leg]) -> int:
    book = sides.books.get(SUITE, {})
    return sum(book[leg.sent].uncertain for leg in legs if leg.source == SUITE and leg.sent in book)


def _seen(sides: Sides, name: str, kind: str) -> int:
    return sides.books.get(name, {}).get(kind, Tally()).count


def _count(sides: Sides, legs: Iterable[_Leg], *names: str) -> int | None:
    """What one side counted of a kind; None when it takes no part in it, or cannot be read."""
    counts = [
        _seen(sides, name, kind)
        for leg in legs
        for name, kind in ((leg.source, leg.sent), (leg.sink, leg.got))
        if name in names and name in sides.books
    ]
    return max(counts, default=None)
