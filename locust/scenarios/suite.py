"""Joins the suite to Locust: every locustfile calls `install()` when it is imported; the first call does it.

Before a run: the target is checked and accounts are made (a headless run does it before its clock starts, and exits
with 3 when it cannot; on Locust's page the start is refused, with the sentence in the log). After it: the clean-up.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import functools
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from locust.runners import MasterRunner, WorkerRunner

from configs.profiles import Profile, Stage
from configs.settings import WRONG_USAGE, Settings, SettingsError, settings_or_exit
from configs.targets import load_targets
from locust import events, runners
from metrics.install import install as install_metrics
from metrics.measurement import Measurement
from metrics.surroundings import Surroundings
from metrics.targets import TargetError
from metrics.verdict import EXIT_CODES, INVALID, Plan
from scenarios.base import PlatformUser, needed_by
from scenarios.interrupts import Interrupts
from scenarios.known_requests import known_requests, unknown_groups
from scenarios.lab import Lab
from scenarios.load_shape import ProfileShape
from scenarios.open_model import OPEN, POISSON, OpenModel
from scenarios.options import hold_to_rules
from scenarios.reconciling import Reconciler
from scenarios.seating import accounts_wanted, check_kinds, seat_everyone, too_few_users
from scenarios.sending_home import WORKERS_WITHIN_S, send_home
from scenarios.sigterm import CLEAN_UP_WITHIN_S, Sigterm
from scenarios.spawning import forget_shape, start_beside_shape
from utils.account_desk import Desk
from utils.logs import set_up_logs
from utils.plain_http import SetupError
from utils.sentinel import Watch

logger = logging.getLogger(__name__)

STOP_WITHIN_S = 10.0
"""How long users may take to finish their task when a run ends, unless --stop-timeout says otherwise."""
END_WITHIN_S = 90.0
"""The longest that the process waits, when it is to end, for the run's verdict and clean-up."""

MASTER_TRIES = 12
"""How often, every five seconds, a worker looks for a master: Locust's own 60 would leave it there for minutes."""


@functools.cache
def install() -> None:
    """Read the settings, install the metrics, and listen to Locust's events; exits with 3 when a setting is bad."""
    settings = settings_or_exit()
    try:
        targets = load_targets(settings.targets_file)
    except TargetError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_USAGE)
    runners.CONNECT_RETRY_COUNT = MASTER_TRIES
    events.init_command_line_parser.add_listener(hold_to_rules)
    conductor = Conductor(settings)
    # The order matters: a refused start must end before the metrics begin a run, and the clean-up must begin after
    # they have ended it.
    events.init.add_listener(conductor.on_init_before_metrics)
    conductor.measurement = install_metrics(
        results_dir=settings.results_dir,
        run_id=settings.run_id,
        seed=settings.seed,
        targets=targets,
        influx_url=settings.influx_url,
        influx_token=settings.secret_of(settings.influx_token) or "",
        influx_org=settings.influx_org,
        influx_bucket=settings.influx_bucket,
        surroundings=Surroundings(settings.known_doubles, settings.secret_of(settings.postgres_dsn)),
        progress=settings.progress,
        secrets=settings.secrets(),
    )
    conductor.measurement.before_verdict = conductor.clean_up_after_run
    events.init.add_listener(conductor.on_init_after_metrics)


class Conductor:
    """The suite's listeners in one Locust process."""

    measurement: Measurement

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lab = Lab(settings, lambda: self.measurement.run_id, self._count_unanswered)
        self._reconciler = Reconciler(settings, self._lab.caused)
        self._profile: Profile | None = None
        self._shape: ProfileShape | None = None
        self._open_model: OpenModel | None = None
        self._prepared = False
        """A headless run has been prepared, before its clock started."""
        self._watch: Watch | None = None
        """In a lab with a sentinel, what asks it for the run that has been prepared."""
        self._sigterm: Sigterm | None = None
        self._interrupts: Interrupts | None = None
        self._ended = Event()
        self._ended.set()

    def on_init_before_metrics(self, environment: Any, runner: Any, **_rest: Any) -> None:
        """Attach the lab, settle the target, and listen for starts, before the metrics do."""
        set_up_logs(self._settings.debug, self._settings.secrets())
        self._lab.attach(environment, runner)
        self.measurement.on_worker_lost = self._lab.forget
        self._interrupts = Interrupts(
            run_id=lambda: self.measurement.run_id,
            leave=lambda: self._leave_early(environment, runner),
            waits=environment.parsed_options.headless and not isinstance(runner, WorkerRunner),
            says=not isinstance(runner, WorkerRunner),
        )
        self._sigterm = Sigterm(environment, runner, self._interrupts.on_sigterm)
        self._reconciler.attach(environment, runner)
        if self._settings.debug:
            environment.events.request.add_listener(say_request)
        measurement = self.measurement
        self._open_model = OpenModel(
            self._lab, environment, runner, measurement.record_start, measurement.record_lost_starts
        )
        if isinstance(runner, WorkerRunner):
            environment.events.test_stop.add_listener(self._on_worker_stop)
            return
        environment.stop_timeout = environment.stop_timeout or STOP_WITHIN_S
        try:
            check_kinds(environment.user_classes)
            self._settle_target(environment)
        except SettingsError as error:
            self._exit(environment, runner, error)
        self._take_profile(environment, runner)
        environment.events.test_start.add_listener(self._on_test_start)

    def on_init_after_metrics(self, environment: Any, runner: Any, web_ui: Any, **_rest: Any) -> None:
        """Prepare a headless run before its clock starts, and listen for stops after the metrics."""
        if isinstance(runner, WorkerRunner):
            return
        environment.events.test_stopping.add_listener(self._on_test_stopping)
        environment.events.test_stop.add_listener(self._on_test_stop)
        environment.events.quitting.add_listener(self._on_quitting)
        if web_ui is None and self._interrupts is not None:
            try:
                with self._interrupts.preparation():
                    self._prepare(environment, environment.parsed_options.num_users or 1)
                self._let_sigterm_end_a_profile(runner)
                self._prepared = True
            except (SetupError, SettingsError) as error:
                self._exit(environment, runner, error)
            except KeyboardInterrupt:
                self._leave_early(environment, runner)

    def _leave_early(self, environment: Any, runner: Any) -> None:
        """End a process that was told to while it prepared its run, or waited for its workers."""
        self._remove_in_time(lambda: self._clean_up(None))
        why = RuntimeError("Interrupted before the run began, so there is no verdict.")
        self._exit(environment, runner, why, EXIT_CODES[INVALID])

    def _take_profile(self, environment: Any, runner: Any) -> None:
        """Have Locust follow the profile that LAB_PROFILE names; without one, --users and --run-time say it all."""
        profile = self._settings.load_profile()
        if profile is None:
            return
        options = environment.parsed_options
        self._profile = profile = profile.resized(options.num_users, options.run_time)
        options.run_time = None  # else Locust waits for so long once more when the profile is through
        self._shape = ProfileShape(profile, self.measurement.missed_lately, lambda: self.measurement.plan)
        self._shape.runner = runner
        environment.shape_class = self._shape
        start_beside_shape(environment, runner)
        setattr(options, OPEN, profile.arrivals_per_second)
        setattr(options, POISSON, profile.poisson)

    def _let_sigterm_end_a_profile(self, runner: Any) -> None:
        """Locust listens to SIGTERM only once a shape has ended; until then it would be killed without a report."""
        if self._profile is None:
            return

        def end() -> None:
            if runner.shape_greenlet is not None:
                runner.shape_greenlet.kill(block=False)

        gevent.signal_handler(signal.SIGTERM, end)

    def _settle_target(self, environment: Any) -> str:
        """The target's origin: Locust's --host, or the host typed on its page, or else LOAD_TEST_BASE_URL."""
        base_url = self._settings.check_target(environment.host or self._settings.base_url, "--host")
        environment.host = base_url
        return base_url

    def _prepare(self, environment: Any, users: int) -> None:
        """Check the target and make the accounts. Raises SetupError or SettingsError with one sentence."""
        base_url = self._settle_target(environment)
        users = self._profile.most_users if self._profile else users
        classes = [c for c in environment.user_classes if issubclass(c, PlatformUser)]
        seat_everyone(classes, users)
        wanted = accounts_wanted(classes, users)
        calls = self._settings.simulate_external_services and any(user_class.dials for user_class in classes)
        run_id = self.measurement.upcoming_run_id()
        if self._settings.sentinel_url:
            self._watch = Watch(self._settings.sentinel_url, run_id, self._settings.tolerated_names)
        desk = Desk(self._settings, base_url, run_id, calls, self._settings.results_dir / run_id)
        self._lab.desk = desk
        self.measurement.plan = self._plan(environment, users)
        if warning := too_few_users(classes, users):
            logger.warning("%s", warning)
        self._say_what_is_skipped(classes, desk)
        self._say_what_fits_nothing(classes, desk)
        self._reconciler.begin(base_url, run_id)
        try:
            desk.prepare(wanted)
        except BaseException:  # whatever ends it (Ctrl-C, or Stop on Locust's page): nothing half made stays
            self._remove_in_time(lambda: self._clean_up(None))
            raise

    def _plan(self, environment: Any, users: int) -> Plan:
        """What the run is to be, as far as that is known before it."""
        if self._profile is not None:
            by_second = self._profile.users_by_second()
            return Plan(profile=self._profile.name, users=by_second, planned_s=self._profile.seconds)
        options = environment.parsed_options
        if environment.web_ui is not None or not options.run_time:
            return Plan()
        stage = Stage(users, options.spawn_rate or 1, options.run_time)
        return Plan(users=Profile("", (stage,)).users_by_second())

    def _say_what_is_skipped(self, classes: list[type[PlatformUser]], desk: Desk) -> None:
        for user_class in classes:
            tasks: list[Any] = list(dict.fromkeys(user_class.tasks))
            for task in tasks:
                missing = desk.offered.lacks(needed_by(task))
                if missing:
                    skipped = f"{user_class.__name__}.{task.__name__}"
                    sentence = f"{skipped}, for want of {', '.join(missing)}"
                    self.measurement.plan.skipped.append(sentence)
                    self._lab.say_once(skipped, f"Skipped: {sentence}.")

    def _say_what_fits_nothing(self, classes: list[type[PlatformUser]], desk: Desk) -> None:
        tasks: list[Any] = [task for user_class in classes for task in user_class.tasks]
        needed = [operation for task in tasks for operation in needed_by(task)]
        unknown = unknown_groups(self.measurement.targets, known_requests(desk.offered, needed))
        self.measurement.plan.unknown_groups = {group.name: group.words for group in unknown}
        for group in unknown:
            logger.warning("No request that is known matches %s of the targets' group %r.", group.words, group.name)

    def _on_test_start(self, environment: Any, **_rest: Any) -> None:
        """Refuse a start from Locust's page that cannot be: what is spawning the users ends, quietly."""
        if not self._prepared:
            try:
                self._prepare(environment, environment.runner.target_user_count)
            except (SetupError, SettingsError) as error:
                logger.error("The run was not started. %s", error)  # noqa: TRY400 - a sentence, no traceback
                forget_shape(environment.runner)
                raise gevent.GreenletExit from None
        self._prepared = False
        if self._interrupts is not None:
            self._interrupts.begun = True
        if self._shape is not None:
            self._shape.begin()

    def _count_unanswered(self, waited_s: float) -> None:
        self.measurement.record_unanswered(waited_s)

    def _on_worker_stop(self, environment: Any, **_rest: Any) -> None:
        self._lab.end_run()
        # Its users have ended. A worker sleeps this long once more before it says that it is ready for another run,
        # and the next start fails for want of workers; the master's value comes with the next order to spawn.
        environment.stop_timeout = 0.0

    def _on_test_stopping(self, environment: Any, **_rest: Any) -> None:
        self._ended.clear()
        if self._shape is None:
            return
        self._shape.end()
        if environment.web_ui is None and not self.measurement.plan.broke and not self._shape.is_through:
            # Locust ends a shape that a signal cut short as it ends one that is through.
            self.measurement.interrupted()

    def _on_test_stop(self, **_rest: Any) -> None:
        try:
            self.clean_up_after_run()  # where no verdict asked for it
        finally:
            self._ended.set()

    def clean_up_after_run(self) -> None:
        """Compare what all sides counted, then remove what the run made.

        A difference is a reason of the verdict, and so is a target that no longer answers.
        """
        self._lab.end_run()
        in_haste = self._sigterm is not None and self._sigterm.asked
        try:
            with gevent.Timeout(CLEAN_UP_WITHIN_S if in_haste else None):
                self._settle()
        except gevent.Timeout:
            run_id = self.measurement.run_id
            logger.warning("There was no time to remove all that the run made: ./scripts/cleanup %s does it.", run_id)
        finally:
            self._ask_sentinel()
            # Here as well, since Locust may kill the greenlet that fires its events before it comes to this class's.
            self._ended.set()

    @property
    def _in_haste(self) -> bool:
        return self._sigterm is not None and self._sigterm.asked

    def _remove_in_time(self, remove: Callable[[], None]) -> None:
        """Remove what the run made; in haste, as much of it as there is time for."""
        try:
            with gevent.Timeout(CLEAN_UP_WITHIN_S if self._in_haste else None):
                remove()
        except gevent.Timeout:
            run_id = self.measurement.run_id
            logger.warning("There was no time to remove all that the run made: ./scripts/cleanup %s does it.", run_id)

    def _settle(self) -> None:
        try:
            if self._lab.desk is not None:
                self.measurement.plan.reconciliation = self._reconciler.finish(self.measurement.workers_lost)
        finally:
            self._clean_up(self._settings.results_dir / self.measurement.run_id / "cleanup.json")

    def _ask_sentinel(self) -> None:
        """Have the verdict say what tried to leave the lab since the run was prepared."""
        watch, self._watch = self._watch, None
        if watch is not None:
            self.measurement.plan.interception = watch.end()

    def _on_quitting(self, **_rest: Any) -> None:
        """Let a run that is ending end: Locust leaves as soon as its last worker has, whatever is still to be done."""
        if self._interrupts is not None:
            self._interrupts.on_end()
        if self._sigterm is not None:
            self._sigterm.tell_workers()
        self._ended.wait(END_WITHIN_S)

    def _clean_up(self, note: Path | None) -> None:
        desk, self._lab.desk = self._lab.desk, None
        if desk is not None:
            self.measurement.plan.unclean = desk.clean_up(note).silent

    def _exit(self, environment: Any, runner: Any, why: Exception, code: int = WRONG_USAGE) -> None:
        """Say why, send the workers home, and exit."""
        sys.stderr.write(f"{why}\n")
        sys.stderr.flush()
        if isinstance(runner, MasterRunner):
            send_home(environment, runner, CLEAN_UP_WITHIN_S if self._in_haste else WORKERS_WITHIN_S)
        runner.quit()
        sys.exit(code)


def say_request(
    request_type: str,
    name: str,
    response_time: float | None,
    response: Any = None,
    exception: BaseException | None = None,
    context: Mapping[str, Any] | None = None,
    **_rest: Any,
) -> None:
    """Log one request, without a header and without a body: a listener of Locust's request event for LAB_DEBUG."""
    who = context or {}
    logger.debug(
        "%s %s: %s %s, status %s in %s ms, %s",
        who.get("scenario"),
        who.get("user"),
        request_type,
        name,
        getattr(response, "status_code", None),
        "no" if response_time is None else f"{response_time:.1f}",
        f"failed: {exception}" if exception else "good",
    )
