"""The sources that look at what is around a run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from metrics.sources.double_process import Bore
from metrics.sources.doubles import DoublesSource, Http
from metrics.sources.postgres import PostgresSource
from metrics.sources.processes import Place, ProcessesSource, place_of
from metrics.sources.sampling import Source
from metrics.sources.turns import Since, TurnsSource
from metrics.surroundings import Surroundings


class Witness(Protocol):
    """Who hears of doubles, as `metrics.run.Run` does; what a double that is the target does is the target's."""

    def saw_double(self, name: str, bore: Bore) -> None:
        """Take note of how a double's process bore the time since the last look."""

    def saw_frames(self, due: int, skipped: int) -> None:
        """Take note of how many frames of audio were due so far, and how many a double was too late for."""

    def saw_agent(self, turns: int, average_ms: float) -> None:
        """Take note of the voice agent's turns so far, and of what they took on average."""

    def lost_double(self, name: str, second: int) -> None:
        """Take note that a double was found to answer no more, in a second since the epoch."""


def sources_of(
    surroundings: Surroundings,
    target: str,
    since: Since,
    own: Callable[[], Mapping[str, Any]] | None,
    witness: Witness,
    known: set[str],
) -> list[Source]:
    """The sources of one run against `target`.

    `since` gives the sums of an endpoint's requests from a second on, `own` the figures of this process (None: they
    are reported elsewhere). `witness` is told of the doubles that are not the target themselves. `known` is the
    caller's to keep from one run to the next: the doubles that have answered, so that one that died between two runs is
    missed in the second.
    """
    places: list[Place | None] = [place_of("target", "target", target)]
    places += [place_of("double", name, url) for name, url in surroundings.doubles.items() if url != target]
    turns = TurnsSource(since)

    def on_turns(second: int, count: int, average_ms: float) -> None:
        turns.on_turns(second, count, average_ms)
        witness.saw_agent(count, average_ms)

    here = [place for place in places if place is not None]
    sources: list[Source] = [ProcessesSource(here, own), turns]
    for name, url in surroundings.doubles.items():
        if url == target:
            sources.append(DoublesSource(url, Http(), turns.on_turns, known=known))
            continue
        sources.append(
            DoublesSource(
                url,
                Http(),
                on_turns,
                on_lost=functools.partial(witness.lost_double, name),
                on_bearing=functools.partial(witness.saw_double, name),
                on_frames=witness.saw_frames,
                known=known,
            )
        )
    if target and target not in surroundings.doubles.values():
        sources.append(DoublesSource(target, Http(), turns.on_turns, optional=True))
    if surroundings.postgres_dsn:
        sources.append(PostgresSource(surroundings.postgres_dsn))
    return sources
