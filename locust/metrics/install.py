"""Joins the measurement layer to Locust: `install` is what a locustfile calls, once, when it is imported.

A worker records its requests and adds what it recorded to each of Locust's reports to the master. The master (or the
one process of a run without workers) merges, writes to InfluxDB, and at the end decides and reports.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent
import locust.log

import locust
from locust import runners
from metrics.locust_csv import write_locust_csv
from metrics.recorder import Recorder
from metrics.report import console_block, point_latest_at, write_report
from metrics.run import Ending, PointWriter, Run
from metrics.targets import Targets
from metrics.verdict import EXIT_CODES, INVALID, Plan, Result, Verdict

logger = logging.getLogger(__name__)

REPORT_INTERVAL_S = 1.0
KEY = "lab"
"""Where a worker's report carries what this layer adds."""
LOCAL = "local"
LOST_AFTER_S = 2.0
"""A worker that Locust has not had for this long is lost: one that leaves with the run says so first."""
FINAL_REPORTS_S = 5.0
"""How long, beyond Locust's stop timeout, the end of a run waits for the workers' last reports."""
WRONG_USAGE = 3
AUTOMATIC_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def install(
    *,
    results_dir: Path,
    run_id: str,
    seed: int,
    targets: Targets,
    influx_url: str | None = None,
    influx_token: str = "",
    influx_org: str = "",
    influx_bucket: str = "",
) -> Measurement:
    """Measure every run of this Locust process. A second call in a process returns what the first one made.

    `results_dir` gets a directory a run. A headless run is named `run_id`; on Locust's page each start is a run of its
    own, named `run_id` with a number, or afresh where `run_id` is a time stamp. Without `influx_url` nothing is written
    to InfluxDB.
    """
    installed: Measurement | None = getattr(locust.events, "lab_measurement", None)
    if installed is not None:
        return installed
    influx: dict[str, str] | None = None
    if influx_url:
        influx = {"url": influx_url, "token": influx_token, "org": influx_org, "bucket": influx_bucket}
    measurement = Measurement(results_dir, run_id, seed, targets, influx)
    setattr(locust.events, "lab_measurement", measurement)  # noqa: B010 - Locust's own class knows no such attribute
    locust.events.init.add_listener(measurement.on_init)
    runners.WORKER_REPORT_INTERVAL = REPORT_INTERVAL_S
    return measurement


class Measurement:
    """The listeners of one Locust process."""

    def __init__(
        self, results_dir: Path, run_id: str, seed: int, targets: Targets, influx: Mapping[str, str] | None
    ) -> None:
        self.run_id = run_id
        """The id of the run under way (on a worker as well, from its start on)."""
        self.verdict: Verdict | None = None
        self.plan = Plan()
        """What the suite says of the run; it may set another before a run starts, and adds to it until it ends."""
        self._results_dir = results_dir
        self._first_run_id = run_id
        self._runs = 0
        self._named = 0
        self._upcoming: str | None = None
        self._seed = seed
        self._targets = targets
        self._influx = influx
        self._new_writer: Callable[[], PointWriter | None] = lambda: None
        self._recorder = Recorder()
        self._run: Run | None = None
        self._ticker: gevent.Greenlet | None = None
        self._finishing: gevent.Greenlet | None = None
        self._faults = False
        self._cpu_warning = False
        self._leaving = False
        self._stopping = False
        self.before_verdict: Callable[[], None] = lambda: None
        """What is to be done once the users have ended and may still decide the verdict: the suite's clean-up."""
        self._expected: set[str] = set()
        self._absent_since: dict[str, float] = {}
        self._lost: set[str] = set()

    # What the suite says and asks.

    def record_start(self, dropped: bool) -> None:
        """Count a start of an open model's schedule, and whether nobody was free to take it."""
        self._recorder.record_start(dropped)

    def missed_lately(self, window_s: int, at_least: int) -> list[Result]:
        """The targets that the last seconds missed, of groups with `at_least` so many requests in them."""
        if self._run is None:
            return []
        return self._run.missed_since(int(time.time()) - window_s, window_s, at_least)

    def interrupted(self) -> None:
        """Say that a signal is ending the run; one that nobody said the length of is only ended."""
        if self._run is not None and self.plan.planned_s is not None:
            self.plan.interrupted_after_s = time.time() - self._run.started

    def upcoming_run_id(self) -> str:
        """The id that the next run will have."""
        if self._upcoming is None:
            self._upcoming = self._next_run_id()
        return self._upcoming

    # What every process does.

    def on_init(self, environment: Any, runner: Any, web_ui: Any, **_rest: Any) -> None:
        """Take the role that Locust gave this process."""
        self._environment, self._runner, self._web_ui = environment, runner, web_ui
        events = environment.events
        events.cpu_warning.add_listener(self._on_cpu_warning)
        if isinstance(runner, runners.WorkerRunner):
            events.request.add_listener(self._recorder.record)
            events.report_to_master.add_listener(self._on_report_to_master)
            events.test_start.add_listener(self._on_worker_start)
            events.test_stop.add_listener(self._on_worker_stop)
            # Added after the runner's own, and `quitting` is fired in reverse: done before the master hears of it.
            events.quitting.add_listener(self._on_worker_quitting)
            return
        self._check_results_dir()
        self._load_writer()
        if isinstance(runner, runners.MasterRunner):
            events.worker_report.add_listener(self._on_worker_report)
        else:
            events.request.add_listener(self._recorder.record)
        events.test_start.add_listener(self._on_start)
        events.test_stopping.add_listener(self._on_stopping)
        events.test_stop.add_listener(self._on_stop)
        events.spawning_complete.add_listener(self._on_spawning_complete)
        events.reset_stats.add_listener(self._on_reset_stats)
        # Heard before the runner stops the run, for the same reason.
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)
        # Locust is about to set the timer of --run-time by the loop's clock, which stood still while everything was
        # imported: a short run would end early by as much.
        gevent.get_hub().loop.update_now()

    def _on_cpu_warning(self, **_rest: Any) -> None:
        self._cpu_warning = True

    def _forget_warnings(self) -> None:
        self._cpu_warning = self._faults = locust.log.unhandled_greenlet_exception = False

    # On a worker.

    def _on_report_to_master(self, client_id: str, data: dict[str, Any]) -> None:
        said = {"fault": locust.log.unhandled_greenlet_exception, "cpu_warning": self._cpu_warning}
        data[KEY] = self._recorder.take() | said

    def _on_worker_start(self, environment: Any, **_rest: Any) -> None:
        # The master's options come with its order to spawn, and with them the id it gave to the run.
        self.run_id = getattr(environment.parsed_options, "lab_run_id", self.run_id)
        self._recorder.clear()
        self._forget_warnings()

    def _on_worker_stop(self, **_rest: Any) -> None:
        # All users have stopped: the last report, at once, since the master waits for it.
        data: dict[str, Any] = {}
        self._environment.events.report_to_master.fire(client_id=self._runner.client_id, data=data)
        data[KEY]["final"] = True
        self._runner.send_message("stats", data)
        self._forget_warnings()

    def _on_worker_quitting(self, **_rest: Any) -> None:
        # Once a master has heard that its last worker leaves, it listens no more.
        self._runner.stop()

    # On the master, or alone.

    def _check_results_dir(self) -> None:
        try:
            self._results_dir.mkdir(parents=True, exist_ok=True)
            probe = self._results_dir / f".probe-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            sys.stderr.write(
                f"results cannot be written to {self._results_dir}: {error.strerror}; "
                "set LAB_RESULTS_DIR to another directory\n"
            )
            sys.exit(WRONG_USAGE)

    def _next_run_id(self) -> str:
        number = self._named = self._runs + 1
        if AUTOMATIC_ID.fullmatch(self._first_run_id) and (self._web_ui is not None or number > 1):
            return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(2)
        run_id = self._first_run_id if number == 1 else f"{self._first_run_id}-{number}"
        while (self._results_dir / run_id / "verdict.json").exists():
            number += 1
            run_id = f"{self._first_run_id}-{number}"
        self._named = number
        return run_id

    def _on_start(self, environment: Any, **_rest: Any) -> None:
        self.run_id = self.upcoming_run_id()
        self._upcoming, self._runs = None, self._named
        environment.parsed_options.lab_run_id = self.run_id
        self._recorder.clear()
        self._absent_since.clear()
        self._lost.clear()
        self._stopping = False
        if self._web_ui is None and self.plan.planned_s is None:
            self.plan.planned_s = environment.parsed_options.run_time
        self._forget_warnings()
        if isinstance(self._runner, runners.MasterRunner):
            self._expected = set(filter(self._present, self._runner.clients))
        self._run = Run(self.run_id, self._seed, environment.host or "", self._targets, self._new_writer(), time.time())
        logger.info("Run %s, seed %d: results in %s", self.run_id, self._seed, self._results_dir / self.run_id)
        self._ticker = gevent.spawn(self._tick_every_second, self._run)
        self._ticker.link_exception(self._on_ticker_failed)

    def _load_writer(self) -> None:
        """Import the client of InfluxDB: before a run, since it takes a quarter of a second, and not on workers."""
        if self._influx is not None:
            from metrics.writer import Influx, Writer  # noqa: PLC0415

            influx = Influx(**self._influx)
            self._new_writer = lambda: Writer(influx)

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        if self._run is not None and KEY in data:
            self._run.report(client_id, data[KEY], time.time())
            self._faults = self._faults or data[KEY]["fault"]
            self._cpu_warning = self._cpu_warning or data[KEY]["cpu_warning"]

    def _tick_every_second(self, run: Run) -> None:
        while True:
            now = time.time()
            gevent.sleep(1 - now % 1 + 0.1)  # just after the second, when the workers' reports of it come in
            self._take_own(run)
            self._look_for_lost_workers(run, time.time())
            run.tick(self._runner.user_count, time.time())

    @staticmethod
    def _on_ticker_failed(ticker: gevent.Greenlet) -> None:
        logger.error("The live metrics stopped: %r", ticker.exception, exc_info=ticker.exc_info)
        locust.log.unhandled_greenlet_exception = True

    def _take_own(self, run: Run) -> None:
        if not isinstance(self._runner, runners.MasterRunner):
            run.report(LOCAL, self._recorder.take(), time.time())

    def _present(self, worker_id: str) -> bool:
        client = self._runner.clients.get(worker_id)
        return client is not None and client.state != runners.STATE_MISSING

    @staticmethod
    def _has_ended(run: Run, worker_id: str) -> bool:
        worker = run.merge.workers.get(worker_id)
        return worker is not None and worker.final

    def _look_for_lost_workers(self, run: Run, now: float) -> None:
        if self._leaving or not isinstance(self._runner, runners.MasterRunner):
            return
        for worker_id in self._expected | set(run.merge.workers):
            if self._present(worker_id) or self._has_ended(run, worker_id):
                self._absent_since.pop(worker_id, None)
            elif now - self._absent_since.setdefault(worker_id, now) > LOST_AFTER_S and worker_id not in self._lost:
                self._lost.add(worker_id)
                logger.error("Worker %s is lost: the run is invalid.", worker_id)

    def _on_spawning_complete(self, **_rest: Any) -> None:
        if self._environment.reset_stats:
            self._on_reset_stats()

    def _on_reset_stats(self, **_rest: Any) -> None:
        if self._run is not None:
            self._run.merge.reset()

    def _on_quitting(self, **_rest: Any) -> None:
        self._leaving = True
        if self._run is not None and not self._stopping and self._web_ui is None:
            # Whoever ends a run in its time stops it first; a signal has the process quit while it goes on.
            self.interrupted()
            if not isinstance(self._runner, runners.MasterRunner):  # which does it itself
                self._runner.quit()  # Locust would read the exit code first, and only then stop the run
        if self._finishing is not None:
            self._finishing.join()
        if self._web_ui is None and self._runs == 0 and self._environment.process_exit_code is None:
            sys.stderr.write("no run was started, so there is no verdict\n")
            self._environment.process_exit_code = EXIT_CODES[INVALID]

    def _on_stopping(self, **_rest: Any) -> None:
        self._stopping = True

    def _on_stop(self, environment: Any, **_rest: Any) -> None:
        if self._run is None:
            return
        # In a greenlet of its own: Locust kills its own ones, and leaves, as soon as the last worker has gone.
        self._finishing = gevent.spawn(self._finish, self._run, environment)
        self._finishing.get()

    def _finish(self, run: Run, environment: Any) -> None:
        headless = self._web_ui is None
        decides = headless or getattr(environment.parsed_options, "autoquit", -1) != -1
        if decides:
            environment.process_exit_code = EXIT_CODES[INVALID]  # until there is a verdict
        self._wait_for_last_reports(run)
        if self._ticker is not None:
            self._ticker.kill()
        self._take_own(run)
        now = time.time()  # the clean-up is no part of the run
        before = gevent.spawn(self.before_verdict)
        before.join()
        if not before.successful():
            locust.log.unhandled_greenlet_exception = True  # its traceback is in the log, and the run is invalid
        verdict = run.finish(self._ending(run), self._runner.user_count, now)
        directory = self._results_dir / run.run_id
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write_locust_csv(environment, directory / "lab")
            if headless and environment.parsed_options.csv_prefix:
                write_locust_csv(environment, Path(environment.parsed_options.csv_prefix))
            write_report(directory, run, verdict)
            point_latest_at(directory)
        except OSError as error:
            logger.error("The report of run %s cannot be written: %s", run.run_id, error)  # noqa: TRY400 - says it all
            return
        self.verdict = verdict
        if decides:
            environment.process_exit_code = verdict.exit_code
        if not headless:
            self._say(verdict)
        self._run = None

    def _wait_for_last_reports(self, run: Run) -> None:
        """Have every worker end its users and send what it has left.

        From Locust's page that has happened by now. A headless master tells its workers to quit only after this, and
        then waits half a second, however long their users take to stop: so they are told here.
        """
        if not isinstance(self._runner, runners.MasterRunner):
            return

        def pending() -> list[str]:
            known = self._expected | set(run.merge.workers)
            return [i for i in known - self._lost if not self._has_ended(run, i)]

        self._leaving = self._leaving or self._web_ui is None
        deadline = time.monotonic() + self._environment.stop_timeout + FINAL_REPORTS_S
        while pending() and time.monotonic() < deadline:
            clients = self._runner.clients
            self._lost |= {i for i in pending() if i in clients and clients[i].state == runners.STATE_MISSING}
            if self._leaving:
                # Said again and again, since pyzmq under gevent can miss that a message has come (its own source says
                # so, and looks again after 11.6 s); sending makes it look at once.
                for worker_id in filter(self._present, pending()):
                    self._runner.send_message("quit", client_id=worker_id)
            gevent.sleep(0.1)
        self._lost |= set(pending())

    def _ending(self, run: Run) -> Ending:
        environment, runner = self._environment, self._runner
        errors: dict[str, int] = {}
        for found in runner.exceptions.values():
            text = " ".join(str(found["msg"]).split())[:200] or "an exception without a text"
            errors[text] = errors.get(text, 0) + found["count"]
        if locust.log.unhandled_greenlet_exception or self._faults:
            errors["an exception in a listener or a greenlet: the log has its traceback"] = 1
        return Ending(
            planned=sorted(user_class.__name__ for user_class in environment.user_classes),
            workers_lost=sorted(self._lost),
            cpu_warning=self._cpu_warning,
            task_errors=errors,
            plan=self.plan,
        )

    def _say(self, verdict: Verdict) -> None:
        sys.stdout.write(console_block(verdict, self._results_dir / verdict.run_id))
        sys.stdout.flush()

    def _on_quit(self, **_rest: Any) -> None:
        """The last word of a headless run, after Locust's own tables."""
        if self._web_ui is None and self.verdict is not None:
            self._say(self.verdict)
