"""Reads what the doubles and the target reckoned for a run, from their `/__lab/reckoning`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from metrics.reconciliation import (
    SENDGRID,
    STRIPE,
    SUITE,
    TARGET,
    TWILIO,
    Book,
    Reconciliation,
    Sides,
    Tally,
    reconcile,
)
from utils.plain_http import MALFORMED, NoAnswer, PlainHttp, SetupError

PATH = "/__lab/reckoning"
ANSWER_S = 5.0
LOOK_EVERY_S = 0.25
SETTLED_S = 2.0
"""A difference counts once nothing is under way any more and nothing has changed for so long."""
LIMIT_S = 15.0
"""How long the end of a run waits at most for what is still under way."""


@dataclass(frozen=True)
class Page:
    """One side's answer: its book of the run, what belongs to no run, what is under way, and since when it counts."""

    book: Book
    strays: Book
    under_way: int
    since: float
    forgotten: int = 0
    """How often the run made room there for newer ones."""
    uncounted: int = 0
    """Items for whose kinds there was no room."""


@dataclass
class Source:
    """One side that can be read: where, and what it said before the run began."""

    http: PlainHttp
    path: str
    before: Page | None = None
    absent: str = ""
    """Why it cannot be read, once that is known."""


@dataclass
class Books:
    """The books of one run. `begin` before it, `settle` after it."""

    run_id: str
    """Whose books these are."""
    sources: dict[str, Source] = field(default_factory=dict)

    @classmethod
    def of_lab(cls, run_id: str, target: str, twilio: str, vendors: str) -> Books:
        """The books of the target and of the doubles at these origins."""
        return cls(
            run_id,
            {
                TWILIO: Source(PlainHttp(twilio, run_id), PATH),
                SENDGRID: Source(PlainHttp(vendors, run_id), f"/sendgrid{PATH}"),
                STRIPE: Source(PlainHttp(vendors, run_id), f"/stripe{PATH}"),
                TARGET: Source(PlainHttp(target, run_id), PATH),
            },
        )

    def begin(self) -> None:
        """Read what there is before the run: an id that is used again, and what is done for nobody, do not count."""
        for source in reversed(self.sources.values()):  # the target first: where it shows nothing, strays matter
            source.before = self._page(source)

    def read(self, suite: Book | None, suite_absent: str = "") -> Sides:
        """Read every side that can be read; `suite` is the suite's own, None (and why) where it is not complete."""
        sides = Sides()
        if suite is None:
            sides.absent[SUITE] = suite_absent
        else:
            sides.books[SUITE] = suite
        for name, source in self.sources.items():
            page = self._page(source)
            if page is not None and source.before is not None:
                sides.books[name] = _since(page.book, source.before.book)
                sides.strays[name] = _since(page.strays, source.before.strays)
                sides.under_way += page.under_way
                if uncounted := max(0, page.uncounted - source.before.uncounted):
                    sides.uncounted[name] = uncounted
            else:
                sides.absent[name] = source.absent
        return sides

    def settle(
        self,
        suite: Book | None,
        suite_absent: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Reconciliation:
        """Compare, again and again, until the sides agree or nothing moves any more; 15 s at most."""
        began = changed = clock()
        seen: Sides | None = None
        while True:
            sides = self.read(suite, suite_absent)
            outcome = reconcile(sides)
            now = clock()
            if sides != seen:
                seen, changed = sides, now
            quiet = not sides.under_way and (not outcome.differences or now - changed >= SETTLED_S)
            if quiet:
                return outcome
            if now - began >= LIMIT_S:
                return _with_rest(outcome, sides.under_way)
            sleep(LOOK_EVERY_S)

    def _page(self, source: Source) -> Page | None:
        """What a side says; None when it says nothing, and from then on it is not asked any more."""
        if source.absent:
            return None
        try:
            mine = source.http.call("GET", source.path, params={"run_id": self.run_id}, within_s=ANSWER_S)
            strays: Book = {}
            if self.sources[TARGET].absent:
                strays = _book(source.http.call("GET", source.path, params={"run_id": ""}, within_s=ANSWER_S))
            page = Page(
                _book(mine),
                strays,
                under_way=int(mine["under_way"]),
                since=float(mine["since"]),
                forgotten=int(mine.get("forgotten", 0)),  # a target's own may have no such bound
                uncounted=int(mine.get("uncounted", 0)),
            )
        except NoAnswer as error:
            source.absent = str(error)
        except (SetupError, ValueError, *MALFORMED):
            source.absent = f"{source.http.base_url} shows none (it has no {source.path})"
        else:
            before = source.before or page
            if before.since != page.since:
                forgot = "was started anew or reset during the run and forgot its part of it"
            elif before.forgotten != page.forgotten:
                forgot = "forgot a part of the run, to have room for newer ones"
            else:
                return page
            source.absent = f"{source.http.base_url} {forgot}"
        return None


def _with_rest(outcome: Reconciliation, under_way: int) -> Reconciliation:
    """What came of it when the time was up, with what was not waited for."""
    if not under_way:
        return outcome
    rest = f"{under_way} items were still under way {LIMIT_S:.0f} s after the users' end, and compared as they stood"
    return replace(outcome, not_compared=(*outcome.not_compared, rest))


def _book(answer: Any) -> dict[str, Tally]:
    kinds: Mapping[str, Any] = answer["kinds"]
    return {kind: Tally.from_facts(facts) for kind, facts in kinds.items()}


def _since(book: Book, before: Book) -> dict[str, Tally]:
    return {kind: tally.since(before[kind]) if kind in before else tally for kind, tally in book.items()}
