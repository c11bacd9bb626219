"""The sources that look at what is around a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from metrics.sources.doubles import DoublesSource, Http
from metrics.sources.postgres import PostgresSource
from metrics.sources.processes import Place, ProcessesSource, place_of
from metrics.sources.sampling import Source
from metrics.sources.turns import Since, TurnsSource
from metrics.surroundings import Surroundings

DOUBLE = "double"


def sources_of(
    surroundings: Surroundings,
    target: str,
    since: Since,
    own: Callable[[], Mapping[str, Any]] | None,
    saw_double: Callable[[str, float], None],
) -> list[Source]:
    """The sources of one run against `target`.

    `since` gives the sums of an endpoint's requests from a second on, `own` the figures of this process (None: they
    are reported elsewhere). `saw_double` is told each second what a double's process used of a core, in percent.
    """

    def used(place: Place, cpu_percent: float) -> None:
        if place.role == DOUBLE:
            saw_double(place.name, cpu_percent)

    places: list[Place | None] = [place_of("target", "target", target)]
    places += [place_of(DOUBLE, name, url) for name, url in surroundings.doubles.items() if url != target]
    turns = TurnsSource(since)
    here = [place for place in places if place is not None]
    sources: list[Source] = [ProcessesSource(here, own, used), turns]
    sources += [DoublesSource(url, Http(), turns.on_turns) for url in surroundings.doubles.values()]
    if target and target not in surroundings.doubles.values():
        sources.append(DoublesSource(target, Http(), turns.on_turns, optional=True))
    if surroundings.postgres_dsn:
        sources.append(PostgresSource(surroundings.postgres_dsn))
    return sources
