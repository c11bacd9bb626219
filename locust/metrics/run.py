"""One run, seen from the process that judges it (the master, or the only one): merge, write, remember, decide.

It knows nothing of Locust: `metrics.install` feeds it reports and ticks and gives it what Locust knows at the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from metrics.agent_turns import AgentTurns
from metrics.failing import FailureLog
from metrics.generator import Generator
from metrics.lines import event_line, second_lines
from metrics.live_lines import OutboxFigures, ScenarioLines, outbox_line, user_lines, verdict_lines
from metrics.merge import Merge, Second
from metrics.moments import Moments, Presence, moment_of
from metrics.outbox import LIVE, RUNS
from metrics.recorder import Cell
from metrics.results import Measured, Result, Users, results_of
from metrics.sources.double_process import Bore
from metrics.sources.turns import TURN
from metrics.summary_lines import RunSummary, summary_lines
from metrics.sustained import Bearing
from metrics.targets import Targets
from metrics.verdict import Plan, RunFacts, Verdict, judge
from metrics.windows import Windows

logger = logging.getLogger(__name__)

SILENT_S = 5.0
"""A worker that has not reported for this long is not counted among those that run."""


class PointWriter(OutboxFigures, Protocol):
    """What a run needs of `metrics.writer.Writer`."""

    @property
    def lost_because(self) -> str:
        """Why points were lost."""

    def start(self) -> None:
        """Begin to deliver."""

    def submit(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        """Queue lines for a bucket, without waiting."""

    def close(self) -> None:
        """Deliver what can be delivered, and keep or count the rest."""


@dataclass(frozen=True)
class Ending:
    """What Locust knows when a run ends, or would know if it ended now."""

    planned: Sequence[str]
    """The user classes that were to run."""
    workers_lost: Mapping[str, str]
    """By id, what became of its users."""
    cpu_warning: bool
    task_errors: Mapping[str, int]
    plan: Plan = field(default_factory=Plan)
    faults: Callable[[], Sequence[str]] = list
    """Gives what raised in the lab itself, to the last: points are written after everything else."""


class Run:
    """A run from its start to its verdict. Times are seconds since the epoch, from the caller's clock."""

    def __init__(
        self,
        run_id: str,
        seed: int,
        host: str,
        targets: Targets,
        writer: PointWriter | None,
        now: float,
        failures_file: Path | None = None,
    ) -> None:
        """Begin a run against `host`; without a writer no points are kept, without a file no failing exchanges."""
        self.run_id = run_id
        self.seed = seed
        self.host = host
        self.targets = targets
        self.started = now
        self.ended = now
        self.counted_from = now
        """Since when the sums are counted: the start, or when they were last begun anew."""
        self.merge = Merge(now, groups_of=targets.groups_of)
        self.failures = FailureLog(now, failures_file)
        self.moments = Moments()
        self.most_users = 0
        self.latest: Second | None = None
        """The last second that was handed over."""
        self.windows = Windows(targets, int(now))
        self._users: dict[int, int] = {}
        self._doubles: dict[str, Bearing] = {}
        self._frames = self._frames_skipped = 0
        self._agent = AgentTurns()
        self._doubles_lost: dict[str, int] = {}
        self._presence = Presence()
        self._scenarios = ScenarioLines(run_id)
        self._writer = writer
        if writer is not None:
            writer.start()
        self.write([event_line(run_id, "start", f"run {run_id} started against {host}, seed {seed}", now)])

    def write(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        """Have points written, of whatever was measured in this run."""
        if self._writer is not None:
            self._writer.submit(lines, bucket)

    def report(self, worker_id: str, delta: Mapping[str, Any], now: float) -> None:
        """Take in what a worker recorded since its last report."""
        self.merge.add(worker_id, delta, now)
        worker = self.merge.workers[worker_id]
        self.failures.add(worker.number, worker.clock_offset, delta["failing"])

    def tick(
        self,
        users: int,
        now: float,
        everything: bool = False,
        by_scenario: Mapping[str, int] | None = None,
        so_far: Ending | None = None,
    ) -> None:
        """Hand over the seconds that have become whole; called about once a second with the users then running.

        `by_scenario` says how many users each user class has. With `so_far` the verdict so far is written as well.
        """
        self.most_users = max(self.most_users, users)
        self._users[int(now)] = users
        lines: list[str] = []
        for second in self.merge.closed(now, everything):
            self._remember(second)
            lines += second_lines(self.run_id, second, self.merge)
        workers = [worker for worker in self.merge.workers.values() if now - worker.seen < SILENT_S]
        lines += user_lines(self.run_id, int(now), users, workers)
        lines += self._scenarios.at(int(now), self.merge.scenarios, by_scenario or {})
        if so_far is not None:
            lines += verdict_lines(self.run_id, int(now), self._judge(so_far, now))
        if self._writer is not None:
            lines.append(outbox_line(self.run_id, int(now), self._writer))
        self.write(lines)

    def _remember(self, second: Second) -> None:
        if self.latest is None or second.time >= self.latest.time:
            self.latest = second
        at = second.time - int(self.started)
        users = self._users.pop(second.time, self._presence.users_at(at))
        self.moments.put(moment_of(second, at, users, self.targets))
        if second.time < int(self.counted_from):  # its requests are no longer counted
            return
        # Who came while the second went on has been there for a part of it.
        present = max(users, self._users.get(second.time + 1, 0))
        self._presence.note(at, users, present)
        self.windows.add(second, present)

    def finish(self, ending: Ending, users: int, now: float) -> Verdict:
        """End the run: write everything that was reported, decide the verdict, and write that too."""
        self.ended = now
        self.tick(users, now, everything=True)
        self.write([event_line(self.run_id, "stop", f"run {self.run_id} stopped", now)])
        verdict = self._judge(ending, now)
        text = f"{verdict.verdict}: {verdict.reasons[0]}" if verdict.reasons else verdict.verdict
        self.write([event_line(self.run_id, "verdict", text, now), *verdict_lines(self.run_id, int(now), verdict)])
        summary = RunSummary(
            self.run_id, self.seed, self.host, self.most_users, now - self.started, now - self.counted_from, now
        )
        self.write(list(summary_lines(summary, self.merge, verdict)), RUNS)
        if self._writer is None:
            return verdict
        self._writer.close()
        # What could not be written is known only now, and decides with the rest.
        return self._judge(ending, now)

    @property
    def counted_s(self) -> float:
        """How long an ended run's sums were counted."""
        return self.ended - self.counted_from

    def saw_double(self, name: str, bore: Bore) -> None:
        """Take note of how a double's process bore the time since the last look."""
        bearing = self._doubles.setdefault(name, Bearing())
        bearing.cpu.add(bore.cpu, bore.seconds)
        bearing.held_up.add(bore.held_up, bore.seconds)
        bearing.throttled.add(bore.throttled, bore.seconds)

    def saw_frames(self, due: int, skipped: int) -> None:
        """Take note of how many frames of audio were due so far, and how many a double was too late for."""
        self._frames, self._frames_skipped = due, skipped

    def saw_agent(self, turns: int, average_ms: float) -> None:
        """Take note of the voice agent's turns so far, and of what they took on average."""
        self._agent.at(turns, average_ms)

    def lost_double(self, name: str, second: int) -> None:
        """Take note that a double was found to answer no more, in a second since the epoch."""
        if name in self._doubles_lost:
            return
        at = self._doubles_lost[name] = max(0, second - int(self.started))
        logger.error("Double lost: %s no longer answers in second %d of the run, which is invalid.", name, at)
        self.write([event_line(self.run_id, "double", f"{name} no longer answers", second)])

    def reset(self, now: float) -> None:
        """Start the sums of the run anew, as `locust --reset-stats` asks once all users are there, or Locust's page."""
        self.merge.reset()
        self.windows.clear()
        self._agent.clear()
        self._presence.clear()
        self.counted_from = now
        at = int(now - self.started)
        self.write([event_line(self.run_id, "reset", f"statistics begun anew in second {at} of the run", now)])

    def broken(self) -> Result | None:
        """The first target that is to stop the run and was missed; None while there is none."""
        for target, window in self.windows.broken():
            return Result(target, window.value, ok=False, requests=window.requests, begins=window.begins)
        return None

    def results_so_far(self, plan: Plan) -> list[Result]:
        """The targets as they stand, but for those of the generator."""
        before = int(self.counted_from) - int(self.started)
        seconds = max(1, self.moments.seconds - before)
        users = self._users_of(plan)
        merge = self.merge
        measured = Measured(
            merge.endpoints, seconds, users, windows=self.windows, groups=merge.groups, own_turn_ms=self._own_turn_ms
        )
        return results_of(measured, self.targets)

    @property
    def _own_turn_ms(self) -> float | None:
        mean = self.merge.endpoints.get(TURN, Cell()).latency.mean
        return self._agent.without(None if mean is None else mean / 1000)

    def _users_of(self, plan: Plan) -> Users:
        return Users(self.most_users, self._presence.user_s, plan.users)

    def missed_since(self, second: int, duration_s: float, at_least: int) -> list[Result]:
        """The targets that the requests from `second` on miss, of groups with `at_least` so many requests."""
        results = results_of(Measured(self.merge.since(second), duration_s), self.targets)
        return [result for result in results if result.ok is False and result.requests >= at_least]

    def _judge(self, ending: Ending, now: float) -> Verdict:
        merge = self.merge
        writer = self._writer
        alone = len(merge.workers) == 1 and "local" in merge.workers
        names = {
            worker_id: "the load generator" if alone else f"worker {w.number}" for worker_id, w in merge.workers.items()
        }
        generator = Generator(
            workers=len(merge.workers),
            workers_lost={names.get(worker_id, worker_id): fate for worker_id, fate in ending.workers_lost.items()},
            processes={names[worker_id]: worker.bearing.worst for worker_id, worker in merge.workers.items()},
            cpu_warning=ending.cpu_warning,
            points_written=writer.points_written if writer else 0,
            points_waiting=writer.points_waiting if writer else 0,
            points_lost=writer.points_lost if writer else 0,
            points_lost_because=writer.lost_because if writer else "",
            overflow=merge.overflow,
            scenario_overflow=merge.scenario_overflow,
            late=merge.late,
            clock_offsets={names[i]: w.clock_offset for i, w in merge.workers.items() if w.clock_offset},
            task_errors=dict(ending.task_errors),
            faults=list(ending.faults()),
            doubles={name: bearing.worst for name, bearing in self._doubles.items()},
            frames=self._frames,
            frames_skipped=self._frames_skipped,
            doubles_lost=dict(self._doubles_lost),
            starts=merge.starts,
            starts_dropped=merge.starts_dropped,
            unanswered=merge.unanswered,
            longest_unanswered_s=merge.longest_unanswered_s,
        )
        start = int(self.started)
        facts = RunFacts(
            run_id=self.run_id,
            duration_s=now - self.counted_from,
            endpoints=merge.endpoints,
            groups=merge.groups,
            own_turn_ms=self._own_turn_ms,
            scenarios=merge.scenarios,
            planned=ending.planned,
            generator=generator,
            plan=ending.plan,
            users=self._users_of(ending.plan),
            windows=self.windows,
            outcome_span={name: (first - start, last - start) for name, (first, last) in merge.outcome_span.items()},
        )
        return judge(facts, self.targets)
