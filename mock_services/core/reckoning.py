"""What a service says it did for each load run, item by item, so that two sides of one thing can be compared.

The journal remembers requests. This remembers what they were about: a text message by its SID, a webhook by its call.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

RUNS_KEPT = 20
FORGOTTEN_KEPT = 1_000
"""Of so many runs it is known that they were forgotten."""
KINDS_KEPT = 100
"""Kinds of one run: webhooks are told apart by a word of their URL, which a target chooses. Of more, items are only
counted, all together.
"""
IDS_KEPT = 50_000
"""Identities of one kind in one run; what comes after them is only counted."""


@dataclass(slots=True)
class Tally:
    """How many items there were of one kind, and which. Items without an identity are `unnamed`."""

    ids: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    uncertain: int = 0
    """Items that may have reached the other side or not: whoever sent them never learnt it."""

    def add(self, identity: str, *, certain: bool) -> None:
        """Count one item."""
        if not certain:
            self.uncertain += 1
        elif identity and (identity in self.ids or len(self.ids) < IDS_KEPT):
            self.ids[identity] += 1
        else:
            self.unnamed += 1

    def facts(self) -> dict[str, Any]:
        """Give the tally as the admin API shows it."""
        return {
            "count": self.ids.total() + self.unnamed,
            "ids": dict(self.ids),
            "unnamed": self.unnamed,
            "uncertain": self.uncertain,
        }


@dataclass(slots=True)
class _Run:
    tallies: dict[str, Tally] = field(default_factory=dict)
    uncounted: int = 0
    """Items of kinds for which there was no room."""


class Reckoning:
    """The tallies of the newest runs. A run's id is "" for what was done for no run that is known.

    `pending` gives how much of a run is still to be done, beside what `under_way` says.
    """

    def __init__(self, pending: Callable[[str], int] = lambda run_id: 0) -> None:
        self._pending = pending
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._forgotten: OrderedDict[str, int] = OrderedDict()
        self._under_way: Counter[str] = Counter()
        self._since = time.time()

    def note(self, run_id: str, kind: str, identity: str = "", *, certain: bool = True) -> None:
        """Count one item of a run; `certain=False` for one of which only the other side can know."""
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = _Run()
        self._runs.move_to_end(run_id)
        if len(self._runs) > RUNS_KEPT:
            self._forget(self._runs.popitem(last=False)[0])
        tally = run.tallies.get(kind)
        if tally is None:
            if len(run.tallies) >= KINDS_KEPT:
                run.uncounted += 1
                return
            tally = run.tallies[kind] = Tally()
        tally.add(identity, certain=certain)

    def _forget(self, run_id: str) -> None:
        self._forgotten[run_id] = self._forgotten.pop(run_id, 0) + 1
        if len(self._forgotten) > FORGOTTEN_KEPT:
            self._forgotten.popitem(last=False)

    @contextmanager
    def under_way(self, run_id: str) -> Iterator[None]:
        """Say that something of a run is still going on, for as long as the block runs."""
        self._under_way[run_id] += 1
        try:
            yield
        finally:
            self._under_way[run_id] -= 1
            if not self._under_way[run_id]:
                del self._under_way[run_id]

    def facts(self, run_id: str) -> dict[str, Any]:
        """Give one run's tallies, what of it is still going on, and since when anything is remembered (Unix time).

        `uncounted` are its items of kinds beyond the bound; `forgotten` is how often it made room for newer runs, and
        had its tallies begun anew after that.
        """
        run = self._runs.get(run_id) or _Run()
        return {
            "run_id": run_id,
            "since": self._since,
            "forgotten": self._forgotten.get(run_id, 0),
            "uncounted": run.uncounted,
            "under_way": self._under_way[run_id] + self._pending(run_id),
            "kinds": {kind: tally.facts() for kind, tally in sorted(run.tallies.items())},
        }

    def clear(self) -> None:
        """Forget every run; what is under way goes on."""
        self._runs.clear()
        self._forgotten.clear()
        self._since = time.time()


def webhook_kind(path: str) -> str:
    """Give the kind under which both sides reckon a voice or message webhook: by the last word of its URL's path."""
    return f"webhook {path.rstrip('/').rpartition('/')[2]}"


def webhook_identity(fields: Mapping[str, str]) -> str:
    """Give what tells such a webhook from others of its kind: whose it is, and the status that it tells of."""
    sid, status = (fields.get(f"Call{what}") or fields.get(f"Message{what}") or "" for what in ("Sid", "Status"))
    return f"{sid} {status}".strip()
