"""What the suite and the measurement layer of one Locust process tell each other.

The layer's own work is that of its role: `metrics.worker_role` on a worker, `metrics.master_role` on the master and in
a run without workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from metrics.alarms import Alarms
from metrics.clock import SteadyClock
from metrics.process import OwnProcess
from metrics.recorder import Recorder
from metrics.results import Result
from metrics.run import Run
from metrics.run_ids import RunIds
from metrics.surroundings import Surroundings
from metrics.targets import Targets
from metrics.verdict import Plan, Verdict

NOTHING_AROUND = Surroundings()


class Measurement:
    """What is to be measured, and of the run under way what the suite may know and add."""

    def __init__(
        self,
        results_dir: Path,
        run_id: str,
        seed: int,
        targets: Targets,
        influx: Mapping[str, str] | None,
        progress: str,
        surroundings: Surroundings = NOTHING_AROUND,
        secrets: Sequence[str] = (),
    ) -> None:
        self.results_dir = results_dir
        self.seed = seed
        self.targets = targets
        self.influx = influx
        self.surroundings = surroundings
        self.progress = progress
        """How a headless run is shown while it goes on: a mode of `metrics.display`."""
        self.run_id = run_id
        """The id of the run under way (on a worker as well, from its start on)."""
        self.verdict: Verdict | None = None
        self.plan = Plan()
        """What the suite says of the run; it may set another before a run starts, and adds to it until it ends."""
        self.before_verdict: Callable[[], None] = lambda: None
        """What is to be done once the users have ended and may still decide the verdict: the suite's clean-up."""
        self.on_worker_lost: Callable[[str], None] = lambda worker_id: None
        """Who is told the id of a worker that is lost while the run goes on."""
        self.workers_lost: list[str] = []
        """At a run's end, who was gone before it, and with them what they had not reported."""
        self.run: Run | None = None
        """The run under way, where it is judged."""
        self.clock = SteadyClock()
        """The time of the run under way; each process sets its own as the run begins."""
        self.recorder = Recorder(self.clock, secrets=secrets)
        self.alarms = Alarms()
        self.process = OwnProcess()
        self.ids = RunIds(results_dir, run_id)

    def record_start(self, dropped: bool) -> None:
        """Count a start of an open model's schedule, and whether nobody was free to take it."""
        self.recorder.record_start(dropped)

    def record_lost_starts(self, count: int) -> None:
        """Where the run is judged: count starts that fell to a worker that was gone, which are dropped."""
        if self.run is not None:
            self.run.merge.starts += count
            self.run.merge.starts_dropped += count

    def record_unanswered(self, waited_s: float) -> None:
        """Count what still had no answer, after so long, when its user's time was up, and is no failure for it."""
        self.recorder.record_unanswered(waited_s)

    def missed_lately(self, window_s: int, at_least: int) -> list[Result]:
        """The targets that the last seconds missed, of groups with `at_least` so many requests in them."""
        if self.run is None:
            return []
        return self.run.missed_since(int(self.clock()) - window_s, window_s, at_least)

    def interrupted(self) -> None:
        """Say that a signal is ending the run; one that nobody said the length of is only ended."""
        if self.run is not None and self.plan.planned_s is not None:
            self.plan.interrupted_after_s = self.clock() - self.run.started

    def upcoming_run_id(self) -> str:
        """The id that the next run will have."""
        return self.ids.upcoming()
