"""Counts that something else keeps, as they have grown since a run began and in each second of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from metrics.lines import Field, Increase

Key = TypeVar("Key", bound=Hashable)


class Counters(Generic[Key]):
    """A set of counts by key. What the first look finds was there before the run; a count that falls began anew."""

    def __init__(self) -> None:
        self._origins: dict[Key, int] | None = None
        self._before: dict[Key, int] = {}
        self._kept: dict[Key, int] = {}
        self._increases: dict[Key, Increase] = {}

    def at(self, second: int, counts: Mapping[Key, int]) -> dict[Key, tuple[int, int]]:
        """By key: the growth in this second, and since the first look."""
        if self._origins is None:
            self._origins = dict(counts)
        grown = {}
        for key, count in counts.items():
            if count < self._before.get(key, 0):
                self._kept[key] = self._so_far(key, self._before[key])
                self._origins[key] = 0
            self._before[key] = count
            so_far = self._so_far(key, count)
            grown[key] = self._increases.setdefault(key, Increase()).at(second, so_far), so_far
        return grown

    def _so_far(self, key: Key, count: int) -> int:
        assert self._origins is not None
        return self._kept.get(key, 0) + count - self._origins.get(key, 0)


def with_totals(grown: Mapping[str, tuple[int, int]]) -> dict[str, Field | None]:
    """The growth of each count under its own name, and so far under its name and `_total`."""
    return {
        field: value
        for name, (count, total) in grown.items()
        for field, value in ((name, count), (f"{name}_total", total))
    }
