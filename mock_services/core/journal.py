"""What a double remembers of the requests it served: the newest entries in full, and exact counts of all."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mock_services.core.redaction import redact, redact_body, redact_path

BODY_KEPT = 2048  # bytes of a request's body that an entry keeps
RUNS_KEPT = 100  # runs that are counted by themselves; of more, the one that was first seen earliest is forgotten


class Entry(NamedTuple):
    """One request (or one socket's life) as it was answered. `at` is Unix time in seconds, `ms` the time it took."""

    at: float
    kind: str
    name: str
    path: str
    status: int
    ms: float
    run_id: str
    note: str
    body: bytes


_new = tuple.__new__  # `Entry(…)` takes three times as long, and every request makes one


class Journal:
    """A bounded list of entries, oldest dropped first, beside counters that miss none."""

    def __init__(self, capacity: int = 10_000) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        self.run_counts: dict[str, Counter[tuple[str, int]]] = {}
        self.dropped = 0
        """Entries that made room for newer ones."""
        self.runs_dropped = 0
        """Runs whose own counts made room for those of newer ones."""
        self._entries: deque[Entry] = deque(maxlen=capacity)

    def add(self, kind: str, name: str, path: str, status: int, ms: float, run_id: str, note: str, body: bytes) -> None:
        """Record one answered request."""
        self.counts[name, status] += 1
        if run_id:
            self._count_for(run_id)[name, status] += 1
        if len(self._entries) == self._entries.maxlen:
            self.dropped += 1
        entry = (time.time(), kind, name, path, status, ms, run_id, note, body[:BODY_KEPT])
        self._entries.append(_new(Entry, entry))

    def find(self, *, run_id: str = "", path: str = "", contains: str = "", limit: int = 100) -> list[dict[str, Any]]:
        """Give the newest `limit` entries of a run, below a path prefix, whose body or note contains a text.

        Passwords, tokens and the like are shown as `[hidden]`, and not found by their text. `body_cut` says of an entry
        that its body was as long as is kept, or longer.
        """
        found = []
        for entry in self._newest_first():
            if run_id and entry.run_id != run_id:
                continue
            if path and not redact_path(entry.name, entry.path).startswith(path):
                continue
            if contains and not _mentions(contains, entry.note, entry.body.decode("utf-8", "replace")):
                continue
            shown = _shown(entry)
            if contains and not _mentions(contains, shown["note"], shown["body"]):
                continue
            found.append(shown)
            if len(found) >= limit:
                break
        return found

    def totals(self) -> dict[str, dict[str, int]]:
        """Give the exact number of answers by operation and status since the start or the last reset."""
        return _by_name(self.counts)

    def totals_of(self, run_id: str) -> dict[str, dict[str, int]]:
        """Give the exact number of a run's answers by operation and status, if it is one of the newest `RUNS_KEPT`."""
        return _by_name(self.run_counts.get(run_id, {}))

    def clear(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.run_counts.clear()
        self._entries.clear()
        self.dropped = self.runs_dropped = 0

    def _count_for(self, run_id: str) -> Counter[tuple[str, int]]:
        counts = self.run_counts.get(run_id)
        if counts is None:
            if len(self.run_counts) >= RUNS_KEPT:
                del self.run_counts[next(iter(self.run_counts))]
                self.runs_dropped += 1
            counts = self.run_counts[run_id] = Counter()
        return counts

    def _newest_first(self) -> Iterator[Entry]:
        return reversed(self._entries)


def _mentions(text: str, note: str, body: str) -> bool:
    return text in body or text in note


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        **entry._asdict(),
        "path": redact_path(entry.name, entry.path),
        "note": redact(entry.note),
        "body": redact_body(entry.body.decode("utf-8", "replace")),
        "body_cut": len(entry.body) >= BODY_KEPT,
    }


def _by_name(counts: Mapping[tuple[str, int], int]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for (name, status), count in sorted(counts.items()):
        totals.setdefault(name, {})[str(status)] = count
    return totals
