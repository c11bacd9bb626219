"""The seconds of a run as its report draws them: a few numbers each, and no more of them however long it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metrics.histogram import Histogram
from metrics.merge import Second
from metrics.outcome import FAILURES
from metrics.targets import LATENCY, Targets

MOST_KEPT = 7200
"""Two hours of seconds; in a longer run a moment stands for 2, 4, 8 of them. A chart has far fewer points."""
LATE_S = 64
"""For so many seconds it is known who was there: a second that is re-opened by a late report is no older."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of the run; latencies in ms, None in a second without any."""

    second: int
    """Counted from the start of the run."""
    requests: int
    failures: int
    p50: float | None
    p95: float | None
    intended_p95: float | None
    """From the intended start."""
    users: int
    failed: Mapping[str, int]
    """Failures by class."""
    targets: Mapping[str, float | None]
    """What this second makes of each target of a latency, by its name."""


def moment_of(second: Second, at: int, users: int, targets: Targets) -> Moment:
    """The second `at` of a run, in which so many users ran."""
    overall = second.overall
    p50, p95 = _in_ms(overall.latency, [0.5, 0.95])
    (intended_p95,) = _in_ms(overall.from_due, [0.95])
    latencies = [target for target in targets.targets if target.kind == LATENCY]
    cells = {group: targets.cell_of(group, second.endpoints) for group in {target.group for target in latencies}}
    return Moment(
        second=at,
        requests=overall.requests,
        failures=overall.failures,
        p50=p50,
        p95=p95,
        intended_p95=intended_p95,
        users=users,
        failed={outcome: count for outcome, count in overall.outcomes.items() if outcome in FAILURES},
        targets={target.name: target.value(cells[target.group], 1) for target in latencies},
    )


class Moments:
    """The moments of a run. Where there are too many, two become one that has the highest of each number.

    A chart thins them out in the same way: the worst seconds of a long run must stay in the picture.
    """

    def __init__(self) -> None:
        self.step = 1
        """How many seconds a moment stands for."""
        self.seconds = 0
        """How many the run has had."""
        self._kept: dict[int, Moment] = {}

    def put(self, moment: Moment) -> None:
        """Add a second, or put it in the place of what it was before a late report."""
        self.seconds = max(self.seconds, moment.second + 1)
        place = moment.second // self.step
        kept = self._kept.get(place) if self.step > 1 else None
        self._kept[place] = moment if kept is None else _highest(kept, moment)
        if len(self._kept) > MOST_KEPT:
            self._halve()

    def _halve(self) -> None:
        self.step *= 2
        before, self._kept = self._kept, {}
        for moment in before.values():
            place = moment.second // self.step
            kept = self._kept.get(place)
            self._kept[place] = moment if kept is None else _highest(kept, moment)

    def listed(self) -> list[Moment]:
        """All of them, in order."""
        return [self._kept[place] for place in sorted(self._kept)]


def _highest(one: Moment, other: Moment) -> Moment:
    """The highest of each number, as of the earlier second."""
    return Moment(
        second=min(one.second, other.second),
        requests=max(one.requests, other.requests),
        failures=max(one.failures, other.failures),
        p50=_most((one.p50, other.p50)),
        p95=_most((one.p95, other.p95)),
        intended_p95=_most((one.intended_p95, other.intended_p95)),
        users=max(one.users, other.users),
        failed={
            name: max(one.failed.get(name, 0), other.failed.get(name, 0)) for name in {**one.failed, **other.failed}
        },
        targets={name: _most((value, other.targets.get(name))) for name, value in one.targets.items()},
    )


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


class Presence:
    """How many users a run had in its seconds, and for how long they ran in sum."""

    def __init__(self) -> None:
        self.user_s = 0
        self._recent: dict[int, tuple[int, int]] = {}

    def clear(self) -> None:
        """Count anew; who was there is still known."""
        self.user_s = 0
        self._recent = {second: (users, 0) for second, (users, _) in self._recent.items()}

    def users_at(self, second: int) -> int:
        """Those of a second that was noted, of the one before it, or the newest ones; 0 before any."""
        newest = next(reversed(self._recent.values()), (0, 0))
        return self._recent.get(second, self._recent.get(second - 1, newest))[0]

    def note(self, second: int, users: int, present: int) -> None:
        """Note a second, or note it anew: its users, and how many of them were there for any part of it."""
        self.user_s += present - self._recent.get(second, (0, 0))[1]
        self._recent[second] = users, present
        if len(self._recent) > LATE_S:
            del self._recent[next(iter(self._recent))]


def _in_ms(histogram: Histogram, quantiles: list[float]) -> list[float | None]:
    return [None if micros is None else micros / 1000 for micros in histogram.percentiles(quantiles)]
