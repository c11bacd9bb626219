"""The virtual user that every scenario builds on: an account of its own, its own random numbers, and its own pace."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

import gevent
from locust.env import Environment
from locust.user.task import LOCUST_STATE_STOPPING, DefaultTaskSet

from clients.failures import AccountFailure
from clients.in_flight import InFlight
from clients.platform import PlatformApi
from clients.sent_once import send_once
from configs.settings import WRONG_USAGE
from locust import FastHttpUser, events
from metrics.install import is_installed
from scenarios.lab import Lab
from utils.account_desk import Grant
from utils.accounts import Kind
from utils.deck import Deck
from utils.identity import client_address, stream
from utils.plain_http import SetupError
from utils.test_data import TestData

TaskFunction = TypeVar("TaskFunction", bound=Callable[..., Any])

ASK_AGAIN_S = 5.0
MOST_CONTACTS = 100


def needs(*operations: str) -> Callable[[TaskFunction], TaskFunction]:
    """Name the operations that a task cannot do without; a target that lacks one has the task skipped, said once."""

    def mark(task: TaskFunction) -> TaskFunction:
        task.needed_operations = operations  # type: ignore[attr-defined]
        return task

    return mark


def needed_by(task: Callable[..., Any]) -> Sequence[str]:
    """The operations that `needs` named."""
    operations: Sequence[str] = getattr(task, "needed_operations", ())
    return operations


def takes_voice_socket(task: TaskFunction) -> TaskFunction:
    """Mark a task that holds one of the platform's voice sockets: only users who may call are dealt it."""
    task.takes_voice_socket = True  # type: ignore[attr-defined]
    return task


def idle(user: PlatformUser) -> None:
    """What a user does whose every task the target lacks: nothing, and so its scenario counts as not run."""


class DealtTasks(DefaultTaskSet):
    """Locust's own root task set, but the user's deck says what comes next and not the process's random numbers."""

    def get_next_task(self) -> Callable[..., Any]:
        """The next task."""
        user = cast(PlatformUser, self.user)
        if user.lab.arrivals is None:
            user.late_s = 0.0  # it begins its task when it wants to
        return user.deck.deal() if len(user.deck) else idle

    def on_start(self) -> None:
        """In an open model not even the first task begins before its time."""
        if cast(PlatformUser, self.user).lab.arrivals is not None:
            self.wait()  # type: ignore[no-untyped-call]

    def wait_time(self) -> float:
        """How long the user thinks; in an open model it is free for the schedule instead, and then goes at once."""
        user = cast(PlatformUser, self.user)
        if user.lab.arrivals is None:
            return user.wait_time()
        user.late_s = user.lab.arrivals.next_start(type(user).__name__)
        return 0.0


def refuse_uninstalled(**_rest: Any) -> None:
    """Exit with 3 where a locustfile has users of the platform and did not join the suite: they could do nothing."""
    if not is_installed():
        sys.stderr.write(
            "A locustfile with a PlatformUser must call install(), from scenarios.suite, when it is imported:"
            " without it there is neither an account nor a verdict.\n"
        )
        sys.exit(WRONG_USAGE)


events.init.add_listener(refuse_uninstalled)  # type: ignore[no-untyped-call]


class PlatformUser(FastHttpUser):
    """A user of the platform. Subclasses say which kind of account they need, how long they think, and their tasks."""

    abstract = True
    account_kind: ClassVar[Kind] = "user"
    thinks_between: ClassVar[tuple[float, float]] = (0.5, 1.5)
    """Seconds between two tasks, uniformly."""

    dials: ClassVar[bool] = False
    """Whether its calls go through the Twilio double, which must then be there."""

    seated: ClassVar[bool] = False
    """Whether its share of the users is less than one, so that one is made for it all the same."""

    begins_with: ClassVar[str | None] = None
    """The task to do first of all, where a short run would often end before the deck deals it."""

    late_s: float = 0.0
    """How much later than it was due leaves what the current task sends: by how long its start waited for a user, and
    by how long the governor has held the user back since."""

    network_timeout = 30.0
    connection_timeout = 5.0
    insecure = False
    """Passwords go only to a host whose certificate is good."""

    def __init__(self, environment: Environment) -> None:
        """Make the user, with a client whose requests all count."""
        super().__init__(environment)
        send_once(self.client)

    def on_start(self) -> None:
        """Get an account and become the user that goes with it; only a refusal is counted."""
        self.lab = Lab.of(self.environment)
        self.grant = self._borrow()
        name, seed, number = type(self).__name__, self.grant.seed, self.grant.number
        self._waits = stream(seed, name, number, "waits")
        self.chance = stream(seed, name, number)
        """For what the user decides within a task."""
        self.records = TestData(stream(seed, name, number, "payloads"), self.grant.mark, f"{name.lower()}{number}")
        self.http = InFlight(
            self.client, self.environment.events.request.fire, self.context, self.lab.waits, self.network_timeout
        )
        self.api = self.platform(self.grant)
        tasks = self._offered_tasks()
        first = next((task for task in tasks if task.__name__ == self.begins_with), None)
        self.deck: Deck[Callable[..., Any]] = Deck(tasks, stream(seed, name, number, "tasks"), first)
        # Locust runs whichever task set the user holds when on_start returns.
        self._taskset_instance = DealtTasks(self)

    def on_stop(self) -> None:
        """Give the account back. What the user made, the master finds and removes after the run."""
        if hasattr(self, "api"):
            tokens = self.api.session.tokens
            self.lab.give_back(self.grant.serial, tokens.access if tokens else "", tokens.refresh if tokens else "")

    def wait_time(self) -> float:
        """How long the user thinks before its next task."""
        low, high = self.thinks_between
        return self._waits.uniform(low, high)

    def platform(self, grant: Grant) -> PlatformApi:
        """The platform as the account of a grant uses it; its requests say which run they belong to."""
        address = client_address(grant.mark, grant.serial)
        return PlatformApi(self.http, grant.account, address, run_id=self.lab.run_id(), held=self._held)

    def _held(self, seconds: float) -> None:
        self.late_s += seconds

    def context(self) -> dict[str, Any]:
        """What each request carries for the metrics: which scenario and which of its users it belongs to."""
        number = self.grant.number if hasattr(self, "grant") else None
        return {"scenario": type(self).__name__, "user": number, "late_s": self.late_s}

    def offers(self, *operations: str) -> bool:
        """Tell whether the target has all these operations."""
        return self.grant.offered.offers(*operations)

    @property
    def sends_mail(self) -> bool:
        """Whether the user may make the target send mails: only where a double takes them."""
        return self.lab.settings.simulate_external_services

    @property
    def stopping(self) -> bool:
        """Whether the user was asked to end after its current task."""
        return bool(self._state == LOCUST_STATE_STOPPING)

    def _offered_tasks(self) -> list[Callable[..., Any]]:
        tasks = cast("list[Callable[..., Any]]", self.tasks)
        offered = [task for task in tasks if self.offers(*needed_by(task))]
        return [task for task in offered if self.grant.may_call or not hasattr(task, "takes_voice_socket")]

    def _borrow(self) -> Grant:
        """Ask for an account until there is one; each refusal is a failed request, so that it shows in the verdict."""
        while True:
            start, began = time.time(), time.monotonic()
            try:
                return self.lab.borrow(type(self).__name__, self.account_kind)
            except SetupError as error:
                self.lab.say_once("no account", f"A user has no account: {error}")
                self.environment.events.request.fire(
                    request_type="SETUP",
                    name="account",
                    response_time=(time.monotonic() - began) * 1000,
                    response_length=0,
                    exception=AccountFailure("no account"),
                    context=self.context(),
                    start_time=start,
                    response=None,
                )
            gevent.sleep(ASK_AGAIN_S)  # type: ignore[no-untyped-call]
