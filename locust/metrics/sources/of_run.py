"""The sources that look at what is around a run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from metrics.sources.doubles import DoublesSource, Http
from metrics.sources.postgres import PostgresSource
from metrics.sources.processes import Place, ProcessesSource, place_of
from metrics.sources.sampling import Source
from metrics.sources.turns import Since, TurnsSource
from metrics.surroundings import Surroundings

DOUBLE = "double"


def tell_nobody(second: int) -> None:
    """Let a double that is the target answer no more: that is the target's failure, and counted as such."""


def sources_of(
    surroundings: Surroundings,
    target: str,
    since: Since,
    own: Callable[[], Mapping[str, Any]] | None,
    saw_double: Callable[[str, float], None],
    lost_double: Callable[[str, int], None],
    known: set[str],
) -> list[Source]:
    """The sources of one run against `target`.

    `since` gives the sums of an endpoint's requests from a second on, `own` the figures of this process (None: they
    are reported elsewhere). `saw_double` is told each second what a double's process used of a core, in percent;
    `lost_double` in which second since the epoch one answers no more. `known` is the caller's to keep from one run to
    the next: the doubles that have answered, so that one that died between two runs is missed in the second.
    """

    def used(place: Place, cpu_percent: float) -> None:
        if place.role == DOUBLE:
            saw_double(place.name, cpu_percent)

    places: list[Place | None] = [place_of("target", "target", target)]
    places += [place_of(DOUBLE, name, url) for name, url in surroundings.doubles.items() if url != target]
    turns = TurnsSource(since)
    here = [place for place in places if place is not None]
    sources: list[Source] = [ProcessesSource(here, own, used), turns]
    for name, url in surroundings.doubles.items():
        on_lost = functools.partial(lost_double, name) if url != target else tell_nobody
        sources.append(DoublesSource(url, Http(), turns.on_turns, on_lost=on_lost, known=known))
    if target and target not in surroundings.doubles.values():
        sources.append(DoublesSource(target, Http(), turns.on_turns, optional=True))
    if surroundings.postgres_dsn:
        sources.append(PostgresSource(surroundings.postgres_dsn))
    return sources
