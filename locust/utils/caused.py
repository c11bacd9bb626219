"""What the users of one process caused, item by item: one side of the reconciliation at a run's end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from metrics.reconciliation import Tally

CALL, SMS, MAIL = "call", "sms", "mail"


@dataclass
class Attempt:
    """A request that should cause something; `succeeded` is set when the target has said that it did."""

    succeeded: bool = False


class Caused:
    """The tallies by kind. A worker's travel to the master with its reports."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}

    def note(self, kind: str, identity: str = "", *, certain: bool = True) -> None:
        """Count one item, by the name that the other side knows it by."""
        self.tallies.setdefault(kind, Tally()).add(identity, certain=certain)

    @contextmanager
    def causing(self, kind: str, identities: Iterable[str]) -> Iterator[Attempt]:
        """Count these items once the block is over: as certain if the attempt succeeded, else as possible.

        A user who is ended while the target answers does not know what it caused.
        """
        attempt = Attempt()
        try:
            yield attempt
        finally:
            for identity in identities:
                self.note(kind, identity, certain=attempt.succeeded)

    def take(self) -> dict[str, Any]:
        """Give what was counted since it was last taken, for the master's `merge`."""
        taken = {kind: tally.facts() for kind, tally in self.tallies.items()}
        self.tallies = {}
        return taken

    def merge(self, taken: Mapping[str, Any]) -> None:
        """Take in what another process gave."""
        for kind, facts in taken.items():
            self.tallies.setdefault(kind, Tally()).merge(Tally.from_facts(facts))

    def clear(self) -> None:
        """Begin anew."""
        self.tallies = {}
