"""What the sentinel has seen: every name that was looked up, and every connection that it refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mock_services.sentinel.protocol import Kind

OTHERS = "(others)"
"""Where names are counted once there are `most_names` different ones: whoever invents names fills no memory."""


class Sightings:
    """Exact counts, by name while there is room for more names."""

    def __init__(self, most_names: int) -> None:
        self._most_names = most_names
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.lookups: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}
        self.refused: Counter[str] = Counter()
        self.unreadable = 0
        self._wanted_by: dict[str, str] = {}

    def look_up(self, kind: Kind, name: str, client: str) -> None:
        """Count a name that a client looked up."""
        self._count(self.lookups[kind], name)
        if kind is Kind.OUTSIDE and (client in self._wanted_by or len(self._wanted_by) < self._most_names):
            self._wanted_by[client] = name

    def refuse(self, host: str, port: int, client: str) -> str:
        """Count a refused connection; give the destination it is counted under.

        A client that named no host (it waited for the server to speak, as mail does) is taken to mean the name that it
        last looked up.
        """
        named = f"{host or self._wanted_by.get(client, '(unnamed)')}:{port}"
        self._count(self.refused, named)
        return named

    def facts(self) -> dict[str, Any]:
        """Give the counts for `/__lab/metrics`."""
        return {
            "lookups": {kind.value: {"total": names.total(), "names": dict(names)} for kind, names in self._by_kind()},
            "refused": {"total": self.refused.total(), "hosts": dict(self.refused)},
            "unreadable": self.unreadable,
        }

    def _by_kind(self) -> list[tuple[Kind, Counter[str]]]:
        return list(self.lookups.items())

    def _count(self, counts: Counter[str], name: str) -> None:
        counts[name if name in counts or len(counts) < self._most_names else OTHERS] += 1
