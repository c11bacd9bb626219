"""What the generator of a run's load, and the doubles beside it, say of themselves, and when that makes times wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.results import figure
from metrics.sustained import Worst

SATURATED_PERCENT = 90.0
"""The bound of Locust's own CPU warning: above it, for ten seconds on average, latencies measure the generator."""
HELD_UP_PERCENT = 25.0
"""A process whose loop ran late for more of ten seconds: as late as 17 ms all the time, or stopped for a quarter of it.

Measured on two cores (docs/results.md): 1 to 4 % in a smoke test beside four busy loops, up to 23 % where 500 users and
the target fought for the cores with seven others, and 38 to 75 % where a process was stopped and continued or pinned.
"""
MOST_SKIPPED_PERCENT = 2.0
"""Of the frames that were due: a caller whose audio lacks more did not speak in time, nor hear.

Measured on two cores: up to 0.8 % with fifteen processes that wanted them, 9 % where a CPU limit stopped the double,
and 39 % where it was stopped and continued.
"""
THROTTLED_PERCENT = 10.0
"""Below it a CPU limit was not what held a process up."""


@dataclass
class Generator:
    """What the generator says about itself."""

    workers: int = 0
    workers_lost: Mapping[str, str] = field(default_factory=dict)
    """By name, what became of its users; nothing when it had none."""
    processes: Mapping[str, Worst] = field(default_factory=dict)
    """Its own, by name."""
    cpu_warning: bool = False
    """Locust's own warning was given."""
    points_written: int = 0
    points_waiting: int = 0
    """Points that are in the run's outbox, for `scripts/replay`."""
    points_lost: int = 0
    points_lost_because: str = ""
    overflow: int = 0
    """Requests counted under `other`, for want of room for their names."""
    scenario_overflow: int = 0
    """Requests counted under no scenario, for want of room for its name."""
    late: int = 0
    """Requests that were reported so late that they count in a later second than their own."""
    clock_offsets: dict[str, float] = field(default_factory=dict)
    """Workers whose clock is off, by how many seconds."""
    task_errors: dict[str, int] = field(default_factory=dict)
    """Exceptions that tasks raised, by their text: the suite's own faults, or answers it did not expect."""
    faults: Sequence[str] = ()
    """What raised in the lab itself, in a listener or a greenlet: whatever it did is missing from somewhere."""
    doubles: Mapping[str, Worst] = field(default_factory=dict)
    """The doubles' processes, as each says of itself."""
    doubles_lost: Mapping[str, int] = field(default_factory=dict)
    """By double: the second of the run in which it was found to answer no more."""
    frames: int = 0
    frames_skipped: int = 0
    """Frames of audio that were due, and those that the Twilio double was too late to send."""
    starts: int = 0
    starts_dropped: int = 0
    """What an open model's schedule planned to begin, and what nobody was free to begin."""
    unanswered: int = 0
    longest_unanswered_s: float = 0.0
    """What had no answer yet when its user's time was up, and is no failure for it; how long the longest had waited."""

    @property
    def saturated(self) -> list[str]:
        """The processes that used a core up: on average over ten seconds, or over the whole of a shorter run."""
        return [name for name, worst in self.processes.items() if worst.cpu > SATURATED_PERCENT]

    @property
    def frames_skipped_percent(self) -> float | None:
        """The part of the frames that the Twilio double was too late for; None where none was due."""
        return 100 * self.frames_skipped / self.frames if self.frames else None

    @property
    def cut_off(self) -> str:
        """What the end of the users' time cut off, as a sentence."""
        return (
            f"{self.unanswered} had no answer yet when their users' time was up, after"
            f" {figure(self.longest_unanswered_s)} s at most: neither answered nor failed"
        )

    @property
    def measures(self) -> dict[str, float]:
        """What a target of the group `generator` can be set for."""
        measures = {}
        if self.processes:
            measures["cpu_percent"] = max(worst.cpu for worst in self.processes.values())
        if self.starts:
            measures["starts_dropped_percent"] = 100 * self.starts_dropped / self.starts
        if self.frames_skipped_percent is not None:
            measures["frames_skipped_percent"] = self.frames_skipped_percent
        return measures

    def facts(self) -> dict[str, Any]:
        """What verdict.json says of the generator."""
        return {
            "workers": self.workers,
            "workers_lost": list(self.workers_lost),
            "cpu_percent": _rounded(self.processes, "cpu"),
            "cpu_saturated": self.saturated,
            "held_up_percent": _rounded(self.processes, "held_up"),
            "throttled_percent": _rounded(self.processes, "throttled"),
            "doubles_cpu_percent": _rounded(self.doubles, "cpu"),
            "doubles_held_up_percent": _rounded(self.doubles, "held_up"),
            "doubles_throttled_percent": _rounded(self.doubles, "throttled"),
            "frames_due": self.frames,
            "frames_skipped": self.frames_skipped,
            "doubles_lost": dict(self.doubles_lost),
            "cpu_warning": self.cpu_warning,
            "points_written": self.points_written,
            "points_waiting": self.points_waiting,
            "points_lost": self.points_lost,
            "points_lost_because": self.points_lost_because,
            "requests_with_too_many_names": self.overflow,
            "requests_with_too_many_scenarios": self.scenario_overflow,
            "requests_reported_late": self.late,
            "clock_offset_s": {name: round(offset, 1) for name, offset in self.clock_offsets.items()},
            "task_errors": self.task_errors,
            "faults": list(self.faults),
            "starts_planned": self.starts,
            "starts_dropped": self.starts_dropped,
            "unanswered": self.unanswered,
            "longest_unanswered_s": round(self.longest_unanswered_s, 3),
        }

    def distorting(self) -> Iterator[str]:
        """Reasons of invalidity that make measured times wrong, so that no latency target can be judged."""
        for name, worst in self.processes.items():
            if worst.cpu > SATURATED_PERCENT:
                yield (
                    f"generator saturated: {name} used {figure(worst.cpu)} % of a core, over "
                    f"{figure(SATURATED_PERCENT)} %; add workers"
                )
            elif worst.held_up > HELD_UP_PERCENT:
                yield (f"generator held up: {name} {_held_up(worst)}; {_remedy(worst)}, or give the run fewer users")
        if self.cpu_warning and not self.saturated:
            over = f"{figure(SATURATED_PERCENT)} % of a core"
            yield f"generator saturated: Locust saw a process above {over}; add workers"
        for name, worst in self.doubles.items():
            if worst.cpu > SATURATED_PERCENT:
                yield (
                    f"stub saturated: {name} used {figure(worst.cpu)} % of a core, over "
                    f"{figure(SATURATED_PERCENT)} %; what waited for it is not the target's time: "
                    "fewer calls at once, or give each vendor a process of its own"
                )
            elif worst.held_up > HELD_UP_PERCENT:
                yield (
                    f"stub held up: {name} {_held_up(worst)}; what waited for it is not the target's time: "
                    f"{_remedy(worst)}"
                )
        if (skipped := self.frames_skipped_percent) is not None and skipped > MOST_SKIPPED_PERCENT:
            yield (
                f"stub held up: the Twilio double was too late for {self.frames_skipped:,} of {self.frames:,} frames "
                f"of audio ({figure(skipped)} %), over {figure(MOST_SKIPPED_PERCENT)} %; what it measured of calls is "
                "not the target's time: fewer calls at once, or give it a processor of its own"
            )
        for name, second in self.doubles_lost.items():
            yield (
                f"double lost: {name} no longer answered in second {second} of the run; what failed or waited without "
                "it is not the target's: see its log, and start it again"
            )
        for name, fate in self.workers_lost.items():
            lost = f"worker lost: {name} was gone before the run ended, and with it what it had measured and not sent"
            yield f"{lost}; {fate}" if fate else lost


def _held_up(worst: Worst) -> str:
    """By how much, and by what as far as that is known."""
    limit = f", while its container's CPU limit stopped it in {figure(worst.throttled)} % of the periods"
    return (
        f"ran late for {figure(worst.held_up)} % of the time in its worst ten seconds, over {figure(HELD_UP_PERCENT)} %"
        f"{limit if worst.throttled >= THROTTLED_PERCENT else ''}"
    )


def _remedy(worst: Worst) -> str:
    return "raise that limit" if worst.throttled >= THROTTLED_PERCENT else "give it a processor of its own"


def _rounded(processes: Mapping[str, Worst], of: str) -> dict[str, float]:
    return {name: round(getattr(worst, of), 1) for name, worst in processes.items()}
