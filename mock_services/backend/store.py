"""The platform's database as far as the lab needs one: in memory, bounded, gone with the process or a reset."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from mock_services.backend.errors import StorageFull
from mock_services.core.randomness import Randomness


class Rows:
    """How many rows all tables hold together, and how many they may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, rows: int = 1) -> None:
        """Count new rows; raise `StorageFull` where they do not fit any more."""
        if self.used + rows > self.limit:
            raise StorageFull(f"the store holds its {self.limit} rows; reset it or raise BACKEND_MAX_ROWS")
        self.used += rows

    def give_back(self, rows: int = 1) -> None:
        """Count rows that are gone."""
        self.used -= rows


class Ids:
    """Draws ids, each from the run's one source of randomness."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness

    def new(self, table: str) -> uuid.UUID:
        """Draw an id for a row of `table`."""
        return self._randomness.uuid(table)


def now() -> datetime:
    """Give the moment at which a row is written."""
    return datetime.now(UTC)
