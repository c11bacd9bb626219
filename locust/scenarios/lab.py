"""What the users of one Locust process share: the way to an account, and the phone.

A user asks for an account with a Locust message; the master (or the same process, in a run without workers) answers it
from its desk. So no two users hold the same account, wherever they run.
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult

from clients.phone import Phone
from clients.waits import Waits
from configs.settings import Settings
from scenarios.arrivals import Arrivals
from utils.account_desk import Desk, Grant
from utils.accounts import Kind
from utils.caused import CALL, Caused
from utils.plain_http import SetupError

logger = logging.getLogger(__name__)

ASK, ANSWER, RETURN = "lab_ask", "lab_answer", "lab_return"
ANSWER_WITHIN_S = 120.0
"""A master that makes many accounts answers one after the other."""


class Lab:
    """One process's lab. Locust's environment carries it (`Lab.of`), so that every user finds the same one."""

    def __init__(self, settings: Settings, run_id: Callable[[], str], unanswered: Callable[[float], None]) -> None:
        """Take the environment's settings, how to learn the id of the run under way, and who counts cut-off waits."""
        self.settings = settings
        self.run_id = run_id
        self.caused = Caused()
        """What the users of this process caused; on a master, of all processes."""
        self.desk: Desk | None = None
        """On the master, or alone: what lends accounts during a run."""
        self.arrivals: Arrivals | None = None
        """In an open model: what tells the process's users when to begin."""
        self._unanswered = unanswered
        self.waits = Waits(unanswered)
        """How long the target's answers took in the run under way."""
        self._runner: Any = None
        self._asked: dict[int, AsyncResult] = {}
        self._refs = itertools.count(1)
        self._phone: Phone | None = None
        self._said: set[str] = set()

    @staticmethod
    def of(environment: Any) -> Lab:
        """The lab of a Locust environment."""
        lab: Lab = environment.lab
        return lab

    def attach(self, environment: Any, runner: Any) -> None:
        """Join the process's environment and listen for messages."""
        environment.lab = self
        self._runner = runner
        runner.register_message(ANSWER, self._on_answer)
        runner.register_message(ASK, self._on_ask, concurrent=True)
        runner.register_message(RETURN, self._on_return)

    def borrow(self, user_class: str, kind: Kind) -> Grant:
        """Get an account from the master's desk; raise SetupError when it has none to give."""
        ref = next(self._refs)
        answer = self._asked[ref] = AsyncResult()
        try:
            self._runner.send_message(ASK, {"ref": ref, "user_class": user_class, "kind": kind})
            message = answer.get(timeout=ANSWER_WITHIN_S)
        except gevent.Timeout:
            raise SetupError(f"The Locust master gave no account within {ANSWER_WITHIN_S:.0f} s.") from None
        finally:
            del self._asked[ref]
        if "error" in message:
            raise SetupError(message["error"])
        return Grant.from_message(message["grant"])

    def give_back(self, serial: int, access_token: str, refresh_token: str) -> None:
        """Return an account, with its newest tokens, to the master's desk."""
        self._runner.send_message(
            RETURN, {"serial": serial, "access_token": access_token, "refresh_token": refresh_token}
        )

    @property
    def phone(self) -> Phone:
        """The process's phone; connects when it is first used."""
        if self._phone is None:
            token = self.settings.twilio_auth_token.get_secret_value()
            self._phone = Phone(
                self.settings.twilio_url, self.settings.twilio_account_sid, token, self._placed, self.waits
            )
        return self._phone

    def _placed(self, call_sid: str | None) -> None:
        self.caused.note(CALL, call_sid or "", certain=call_sid is not None)

    def end_run(self) -> None:
        """Close the phone, which the next call opens again, and forget how long answers took."""
        self.waits = Waits(self._unanswered)
        if self._phone is not None:
            self._phone.close()
            self._phone = None

    def forget(self, worker_id: str) -> None:
        """On the master: have others make the calls that a lost worker's users made."""
        if self.desk is not None:
            self.desk.forget(worker_id)

    def say_once(self, trouble: str, sentence: str) -> None:
        """Log a warning the first time that a kind of trouble is met: a hundred users meet the same one."""
        if trouble not in self._said:
            self._said.add(trouble)
            logger.warning("%s", sentence)

    def _on_ask(self, environment: Any, msg: Any, **_rest: Any) -> None:
        answer: dict[str, Any] = {"ref": msg.data["ref"]}
        if self.desk is None:
            answer["error"] = "No run is under way."
        else:
            try:
                grant = self.desk.lend(msg.data["user_class"], msg.data["kind"], msg.node_id)
                answer["grant"] = grant.to_message()
            except SetupError as error:
                answer["error"] = str(error)
        self._runner.send_message(ANSWER, answer, client_id=msg.node_id)

    def _on_answer(self, environment: Any, msg: Any, **_rest: Any) -> None:
        waiting = self._asked.get(msg.data["ref"])
        if waiting is not None:
            waiting.set(msg.data)

    def _on_return(self, environment: Any, msg: Any, **_rest: Any) -> None:
        if self.desk is not None:
            self.desk.give_back(**msg.data)
