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
KINDS_KEPT = 100
"""Kinds of one run: webhooks are told apart by a word of their URL, which a target chooses."""
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


class Reckoning:
    """The tallies of the newest runs. A run's id is "" for what was done for no run that is known.

    `pending` gives how much of a run is still to be done, beside what `under_way` says.
    """

    def __init__(self, pending: Callable[[str], int] = lambda run_id: 0) -> None:
        self._pending = pending
        self._runs: OrderedDict[str, dict[str, Tally]] = OrderedDict()
        self._under_way: Counter[str] = Counter()
        self._since = time.time()

    def note(self, run_id: str, kind: str, identity: str = "", *, certain: bool = True) -> None:
        """Count one item of a run; `certain=False` for one of which only the other side can know."""
        tallies = self._runs.setdefault(run_id, {})
        self._runs.move_to_end(run_id)
        if len(self._runs) > RUNS_KEPT:
            self._runs.popitem(last=False)
        tally = tallies.get(kind)
        if tally is None:
            if len(tallies) >= KINDS_KEPT:
                return
            tally = tallies[kind] = Tally()
        tally.add(identity, certain=certain)

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
        """Give one run's tallies, what of it is still going on, and since when anything is remembered (Unix time)."""
        tallies = self._runs.get(run_id, {})
        return {
            "run_id": run_id,
            "since": self._since,
            "under_way": self._under_way[run_id] + self._pending(run_id),
            "kinds": {kind: tally.facts() for kind, tally in sorted(tallies.items())},
        }

    def clear(self) -> None:
        """Forget every run; what is under way goes on."""
        self._runs.clear()
        self._since = time.time()


def webhook_kind(path: str) -> str:
    """Give the kind under which both sides reckon a voice or message webhook: by the last word of its URL's path."""
    return f"webhook {path.rstrip('/').rpartition('/')[2]}"


def webhook_identity(fields: Mapping[str, str]) -> str:
    """Give what tells such a webhook from others of its kind: whose it is, and the status that it tells of."""
    sid, status = (fields.get(f"Call{what}") or fields.get(f"Message{what}") or "" for what in ("Sid", "Status"))
    return f"{sid} {status}".strip()
