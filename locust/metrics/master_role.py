"""The part of the master, or of the one process of a run without workers: it merges, writes, and at the end judges."""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gevent
import gevent.event

from locust import runners
from metrics.attendance import FINAL_REPORTS_S, Attendance
from metrics.display import Display
from metrics.ends import end_as_in_time
from metrics.failing import FILE_NAME as FAILURES
from metrics.in_turn import InTurn
from metrics.locust_csv import write_locust_csv
from metrics.measurement import Measurement
from metrics.outbox import Outbox, OutboxError
from metrics.rebalancing import forget_missing, rebalance
from metrics.report import amend, console_block, point_latest_at, write_report
from metrics.run import Ending, PointWriter, Run
from metrics.sources.sampling import Sampling
from metrics.verdict import EXIT_CODES, INVALID, Plan, Verdict
from metrics.wording import counted
from metrics.worker_role import KEY

logger = logging.getLogger(__name__)

LOCAL = "local"
WRONG_USAGE = 3


class MasterRole:
    """The listeners of a Locust master, or of a process that is alone."""

    def __init__(self, measurement: Measurement, environment: Any, runner: Any, web_ui: Any) -> None:
        self._measurement, self._environment, self._runner, self._web_ui = measurement, environment, runner, web_ui
        self._distributed = isinstance(runner, runners.MasterRunner)
        self._open_writer: Callable[[str], PointWriter | None] = lambda run_id: None
        self._attendance: Attendance | None = None
        self._sampling_of: Callable[[Run], Sampling] | None = None
        self._sampling: Sampling | None = None
        self._ticker: gevent.Greenlet | None = None
        self._display: Display | None = None
        self._ended = gevent.event.Event()
        self._finishing: gevent.Greenlet | None = None
        self._leaving = False
        self._stopping = False
        self._plan: Plan | None = None
        """That of the newest run."""
        self._in_turn = InTurn(runner, web_ui)
        if web_ui is not None:
            self._in_turn.hold_quit_back()
        self._runs = 0

    def listen(self) -> None:
        """Check that results can be written, add the listeners, and begin to watch this process."""
        self._measurement.process.start()
        self._check_results_dir()
        self._load_writer()
        self._measurement.ids.on_page = self._web_ui is not None
        self._check_run_id()
        if self._web_ui is None:
            measurement = self._measurement
            self._display = Display(measurement.progress, measurement.clock, measurement.alarms.faults)
            self._display.take_over(self._environment.parsed_options)
        events = self._environment.events
        if self._distributed:
            rebalance(self._environment)
            events.worker_report.add_listener(self._on_worker_report)
        else:
            events.request.add_listener(self._measurement.recorder.record)
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._on_stopping)
        events.test_stop.add_listener(self._on_stop)
        events.spawning_complete.add_listener(self._on_spawning_complete)
        events.reset_stats.add_listener(self._on_reset_stats)
        # Added after the runner's own, and `quitting` is fired in reverse: heard before the runner stops the run.
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)
        # Locust is about to set the timer of --run-time by the loop's clock, which stood still while everything was
        # imported: a short run would end early by as much.
        gevent.get_hub().loop.update_now()

    def _check_results_dir(self) -> None:
        directory = self._measurement.results_dir
        try:
            directory.mkdir(parents=True, exist_ok=True)
            probe = directory / f".probe-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            sys.stderr.write(
                f"results cannot be written to {directory}: {error.strerror}; "
                "set LAB_RESULTS_DIR to another directory\n"
            )
            sys.exit(WRONG_USAGE)

    def _check_run_id(self) -> None:
        """Refuse the name of a run that is there: whoever asked for it would read that run's verdict as this one's."""
        taken = self._measurement.ids.refused
        if self._web_ui is None and taken is not None:
            sys.stderr.write(
                f"there is a run {taken} in {self._measurement.results_dir} already: set LAB_RUN_ID to another name, "
                "or remove that run's directory\n"
            )
            sys.exit(WRONG_USAGE)

    def _load_writer(self) -> None:
        """Import what writes and looks around: before a run, since it takes a third of a second, and not on workers."""
        from metrics.influx import Client, Influx  # noqa: PLC0415
        from metrics.sources.of_run import sources_of  # noqa: PLC0415
        from metrics.writer import Writer  # noqa: PLC0415

        influx = None if self._measurement.influx is None else Influx(**self._measurement.influx)
        faults = self._measurement.alarms.faults

        def open_writer(run_id: str) -> PointWriter | None:
            directory = self._measurement.results_dir / run_id / "outbox"
            try:
                outbox = Outbox(directory)
            except (OSError, OutboxError) as error:
                logger.error("No points are kept of this run, which makes it invalid: %s", error)  # noqa: TRY400
                faults.add("no points are kept of this run", str(error))
                return None
            if influx is None:
                return Writer(outbox, None, faults=faults)
            return Writer(outbox, Client(influx), influx.url, faults)

        known: set[str] = set()

        def sampling_of(run: Run) -> Sampling:
            # A process that is alone reports itself as a worker does.
            own = self._measurement.process.take if self._distributed else None
            around, since = self._measurement.surroundings, run.merge.since
            sources = sources_of(around, run.host, since, own, run, known)
            return Sampling(run.run_id, sources, run.write, self._measurement.clock, faults)

        self._open_writer, self._sampling_of = open_writer, sampling_of

    # While a run goes on.

    def _on_start(self, environment: Any, **_rest: Any) -> None:
        measurement = self._measurement
        measurement.run_id = run_id = environment.parsed_options.lab_run_id = measurement.ids.take()
        measurement.clock.set()
        measurement.recorder.clear()
        measurement.alarms.clear()
        self._stopping = False
        self._runs += 1
        self._finishing = None
        self._ended.clear()
        if measurement.plan is self._plan:  # nobody set another: what became of that run is none of this one's
            measurement.plan = Plan()
        self._plan = measurement.plan
        # The page leaves the time of the run before in the options; a timer it sets only for a time that was given.
        timed = self._web_ui is None or self._web_ui._run_time_greenlet is not None
        if timed and measurement.plan.planned_s is None:
            measurement.plan.planned_s = environment.parsed_options.run_time
        host = environment.host or ""
        writer, failures = self._open_writer(run_id), measurement.results_dir / run_id / FAILURES
        run = Run(run_id, measurement.seed, host, measurement.targets, writer, measurement.clock(), failures)
        measurement.run = run
        self._attendance = Attendance(self._runner, run.merge, measurement.on_worker_lost)
        logger.info("Run %s, seed %d: results in %s", run_id, measurement.seed, measurement.results_dir / run_id)
        if self._sampling_of is not None:
            self._sampling = self._sampling_of(run)
            self._sampling.start()
        self._ticker = gevent.spawn(self._tick_every_second, run, self._attendance)
        if self._display is not None:
            self._display.begin(run, measurement.plan, lambda: int(self._runner.user_count))

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        # A worker that was held up may still have something of a run that is over: it is none of the next one's.
        run, reported = self._measurement.run, data.get(KEY)
        if run is not None and reported is not None and reported["run_id"] == run.run_id:
            run.report(client_id, reported, self._measurement.clock())
            self._measurement.alarms.merge(reported)

    def _tick_every_second(self, run: Run, attendance: Attendance) -> None:
        # Just after each second, when the workers' reports of it come in. It is told to end rather than killed: a
        # second that has been taken out of the merge has to reach the writer.
        clock, named = self._measurement.clock, self._measurement.alarms.faults.named
        while not self._ended.wait(1 - clock() % 1 + 0.1):
            if not self._leaving:
                with named("watching the workers"):
                    attendance.look(clock())
            with named("the live metrics"):
                self._take_own(run)
                self._tick(run, attendance)
            with named("watching the targets that stop a run"):
                self._end_if_broken(run)

    def _tick(self, run: Run, attendance: Attendance) -> None:
        runner = self._runner
        by_scenario = runner.reported_user_classes_count if self._distributed else runner.user_classes_count
        so_far = self._ending(attendance, planned=())
        run.tick(runner.user_count, self._measurement.clock(), by_scenario=by_scenario, so_far=so_far)

    def _end_if_broken(self, run: Run) -> None:
        """End a run that a target is to stop, as its time would."""
        broken = run.broken()
        plan = self._measurement.plan
        if broken is None or self._stopping or plan.broke:
            return
        plan.broke = f"{broken.sentence}, at {counted(self._runner.user_count, 'user')}"
        logger.warning("The run ends: %s.", plan.broke)
        options = self._environment.parsed_options
        alone = self._web_ui is None or (bool(options.autostart) and self._runs == 1)
        end_as_in_time(self._environment, self._runner, alone=alone)

    def _take_own(self, run: Run) -> None:
        if not self._distributed:
            measurement = self._measurement
            run.report(
                LOCAL, measurement.recorder.take() | {"process": measurement.process.take()}, measurement.clock()
            )

    def _on_spawning_complete(self, **_rest: Any) -> None:
        if self._environment.reset_stats and not self._in_turn.late:
            self._on_reset_stats()

    def _on_reset_stats(self, **_rest: Any) -> None:
        # Not while it is judged: on Locust's page it looks as if it were over.
        if self._measurement.run is not None and not self._stopping:
            self._measurement.run.reset(self._measurement.clock())

    # When it ends.

    def _on_quitting(self, **_rest: Any) -> None:
        self._leaving = True
        if self._measurement.run is not None and not self._stopping and self._web_ui is None:
            # Whoever ends a run in its time stops it first; a signal has the process quit while it goes on.
            self._measurement.interrupted()
            if not self._distributed:  # a master does it itself
                self._runner.quit()  # Locust would read the exit code first, and only then stop the run
        if self._stopping:
            # It may still wait for its users, and be judged after that.
            self._in_turn.wait(self._environment.stop_timeout + FINAL_REPORTS_S)
        if self._finishing is not None:
            self._finishing.join()
        if self._web_ui is None and not self._measurement.ids.taken and self._environment.process_exit_code is None:
            sys.stderr.write("no run was started, so there is no verdict\n")
            self._environment.process_exit_code = EXIT_CODES[INVALID]

    def _on_stopping(self, **_rest: Any) -> None:
        if self._distributed and not len(self._runner.clients):
            self._measurement.interrupted()  # Locust ends a run whose last worker has left, before its time or not
        self._stopping = True
        self._in_turn.stopping()

    def _on_stop(self, **_rest: Any) -> None:
        try:
            self._end_run()
        finally:
            self._in_turn.judged()

    def _end_run(self) -> None:
        if self._measurement.run is None or self._attendance is None:
            return
        if self._finishing is None:
            # In a greenlet of its own: Locust kills its own ones, and leaves, as soon as the last worker has gone.
            self._finishing = gevent.spawn(self._finish, self._measurement.run, self._attendance)
        # Else the run is stopped once more: a master that was giving users to other workers when it was told to stop
        # takes the run for a running one again, and stops it when the last worker leaves.
        self._finishing.get()
        if self._distributed:
            forget_missing(self._runner)

    def _finish(self, run: Run, attendance: Attendance) -> None:
        environment, measurement = self._environment, self._measurement
        named = measurement.alarms.faults.named
        headless = self._web_ui is None
        decides = headless or getattr(environment.parsed_options, "autoquit", -1) != -1
        if decides:
            environment.process_exit_code = EXIT_CODES[INVALID]  # until there is a verdict
        self._leaving = self._leaving or (headless and self._distributed)
        with named("waiting for the workers' last reports"):
            attendance.wait_for_last_reports(environment.stop_timeout, leaving=self._leaving)
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        if self._sampling is not None:
            self._sampling.stop()
        if self._display is not None:
            self._display.end()
        with named("the last second's metrics"):
            self._take_own(run)
        now = measurement.clock()  # the clean-up is no part of the run
        measurement.workers_lost = sorted(attendance.lost)
        before = gevent.spawn(measurement.before_verdict)
        before.join()
        if before.exception is not None:  # its traceback is in the log
            measurement.alarms.faults.add("counting and cleaning up after the run", repr(before.exception))
        verdict = self._judge(run, attendance, now)
        measurement.run = None
        if verdict is None:
            return
        measurement.verdict = verdict
        if decides:
            environment.process_exit_code = verdict.exit_code
        if not headless:
            self._say(verdict)

    def _judge(self, run: Run, attendance: Attendance, now: float) -> Verdict | None:
        """Decide and report; None where that cannot be done, and then as much as can be is said."""
        alarms = self._measurement.alarms
        directory = self._measurement.results_dir / run.run_id
        with alarms.faults.named("judging the run"):
            planned = sorted(user_class.__name__ for user_class in self._environment.user_classes)
            verdict = run.finish(self._ending(attendance, planned), self._runner.user_count, now)
            try:
                self._write(directory, run, verdict)
            except OSError as error:
                what = error.strerror or error
                return verdict.unreported(f"the run's report cannot be written to {directory}: {what}; make room there")
            return verdict
        with alarms.faults.named("reporting that there is no verdict"):
            amend(directory, [f"the lab failed: {fault}; the log has its traceback" for fault in alarms.sentences])
            point_latest_at(directory)
        return None

    def _write(self, directory: Path, run: Run, verdict: Verdict) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        write_locust_csv(self._environment, directory / "lab")
        if self._web_ui is None and self._environment.parsed_options.csv_prefix:
            write_locust_csv(self._environment, Path(self._environment.parsed_options.csv_prefix))
        write_report(directory, run, verdict)
        point_latest_at(directory)

    def _ending(self, attendance: Attendance, planned: Sequence[str]) -> Ending:
        errors: dict[str, int] = {}
        for found in self._runner.exceptions.values():
            text = " ".join(str(found["msg"]).split())[:200] or "an exception without a text"
            errors[text] = errors.get(text, 0) + found["count"]
        return Ending(
            planned=planned,
            workers_lost={worker_id: attendance.fate_of_users(worker_id) for worker_id in sorted(attendance.lost)},
            cpu_warning=self._measurement.alarms.cpu_warning,
            task_errors=errors,
            plan=self._measurement.plan,
            faults=lambda: self._measurement.alarms.sentences,
        )

    def _say(self, verdict: Verdict) -> None:
        sys.stdout.write(console_block(verdict, self._measurement.results_dir / verdict.run_id))
        sys.stdout.flush()

    def _on_quit(self, **_rest: Any) -> None:
        """The last word of a headless run, after Locust's own tables."""
        if self._web_ui is None and self._measurement.verdict is not None:
            self._say(self._measurement.verdict)
