"""The master's desk: checks the target before a run, makes the accounts, lends them to users, and cleans up after it.

None of its requests is in the statistics. Workers reach it through Locust's custom messages (`scenarios.lab`).
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gevent.lock import BoundedSemaphore

from configs.settings import Settings
from metrics.wording import counted
from utils.accounts import VOICE_SOCKETS, Account, AccountPool, Kind
from utils.auth import borrowed_account
from utils.capabilities import Capabilities
from utils.cleanup import Cleanup, CleanupReport, write_note
from utils.ledger import Ledger
from utils.numbers import NumberInventory
from utils.plain_http import MALFORMED, PlainHttp, SetupError
from utils.provisioning import Provisioner, read_capabilities
from utils.sms import SMS, Inbox

logger = logging.getLogger(__name__)


CONVERSING: Kind = "line"
"""The accounts of the users who hold conversations."""


@dataclass(frozen=True)
class Grant:
    """What a virtual user starts with: who it is, its account, and what it must know of the run."""

    serial: int
    """Unique in the run."""
    number: int
    """Which user of its class it is, from 1; its random streams follow from this."""
    account: Account
    mark: str
    """What everything that the run makes carries."""
    access_code: str
    """Lets people register in the organisation that the run shares."""
    seed: int
    offered: Capabilities
    may_call: bool = False
    """The user may have a call at a time; no more users have this than the platform takes calls."""

    def to_message(self) -> dict[str, Any]:
        """The grant as it travels to a worker."""
        return {**vars(self), "account": self.account.to_message(), "offered": self.offered.listed()}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Grant:
        """The grant that `to_message` wrote."""
        fields = {**message, "account": Account.from_message(message["account"])}
        return cls(**{**fields, "offered": Capabilities(message["offered"])})


class Desk:
    """One run's accounts and capabilities."""

    def __init__(
        self, settings: Settings, base_url: str, run_id: str, calls: bool, directory: Path | None = None
    ) -> None:
        """Check the target, and with `calls` the Twilio double too; raise SetupError with what to do.

        `directory` is the run's own, for its ledger; without one nothing is noted.
        """
        self._directory = directory
        self._settings = settings
        self._http = PlainHttp(base_url, run_id)
        self.offered = read_capabilities(self._http)
        self._numbers: NumberInventory | None = None
        if calls:
            double = (settings.twilio_url, settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value())
            self._numbers = NumberInventory(*double)
            self._numbers.check()
            self._numbers.check_script(settings.caller_script)
            if Inbox(*double).available():
                self.offered = self.offered.beside(SMS)
        self._borrowed = borrowed_account(settings, base_url)
        self._provisioner = Provisioner(self._http, run_id, settings.org_name, self._numbers, self._borrowed)
        self._pool = AccountPool()
        self._callers: dict[int, str] = {}
        """The serials of those who may call, each with the worker that it is on."""
        self._said_full = False
        self._user_numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self._making = BoundedSemaphore()  # type: ignore[no-untyped-call]

    def prepare(self, wanted: Mapping[Kind, int]) -> None:
        """Make the accounts that the planned users need; more are made when more users come. Raises SetupError."""
        began = time.monotonic()
        made = 0
        if self._directory is not None:
            self._provisioner.ledger = self._open_ledger(self._directory)
        with self._making:
            self._guarded(self._provisioner.shared_organisation)
            for kind, count in wanted.items():
                for _ in range(count - self._pool.free(kind)):
                    self._pool.add(self._guarded(self._provisioner.make, kind))
                    made += 1
        logger.info(
            "Prepared %s and %s in %.1f s; their making is not in the statistics.",
            counted(made, "account"),
            counted(len(self._provisioner.organisations), "organisation"),
            time.monotonic() - began,
        )

    def _open_ledger(self, directory: Path) -> Ledger:
        twilio_url = self._settings.twilio_url if self._numbers is not None else None
        try:
            return Ledger(directory, self._http.base_url, twilio_url, self._borrowed.email if self._borrowed else None)
        except OSError as error:
            raise SetupError(f"The run's ledger cannot be written in {directory}: {error.strerror}.") from error

    def lend(self, user_class: str, kind: Kind, worker_id: str = "") -> Grant:
        """An account that nobody else holds, newly made when all are lent. Raises SetupError."""
        lent = self._pool.lend(kind)
        if lent is None:
            with self._making:
                lent = self._pool.lend_new(self._guarded(self._provisioner.make, kind))
        serial, account = lent
        may_call = kind == "line" and len(self._callers) < VOICE_SOCKETS
        if may_call:
            self._callers[serial] = worker_id
        elif kind == "line" and not self._said_full:
            self._said_full = True
            logger.info("%d users make calls, as many as the platform takes; further ones make none.", VOICE_SOCKETS)
        return Grant(
            serial=serial,
            number=next(self._user_numbers[user_class]),
            account=account,
            mark=self._provisioner.mark,
            access_code=self._guarded(self._provisioner.shared_organisation).access_code,
            seed=self._settings.seed,
            offered=self.offered,
            may_call=may_call,
        )

    def give_back(self, serial: int, access_token: str, refresh_token: str) -> None:
        """Take a user's account back, to be lent again."""
        self._callers.pop(serial, None)
        self._pool.give_back(serial, access_token, refresh_token)

    def forget(self, worker_id: str) -> None:
        """A worker is gone without a word: its users' accounts stay lent, but their calls can be others'."""
        self._callers = {serial: where for serial, where in self._callers.items() if where != worker_id}

    def clean_up(self, note: Path | None = None) -> CleanupReport:
        """Remove what the run made and say what stays, in the log and in the file that `note` names."""
        if not self._provisioner.organisations and self._borrowed is None:
            self._close_ledger(all_removed=False)  # who never answered may have made something
            return CleanupReport()
        cleanup = Cleanup(self._http, self._provisioner.mark, self.offered, self._numbers)
        borrowed = None
        if self._borrowed is not None:
            borrowed = self._pool.any_lent_or_free("user")
        report = cleanup.sweep(self._provisioner.organisations, borrowed, self._pool.everyone(CONVERSING))
        logger.log(logging.WARNING if report.failed else logging.INFO, "%s", report.sentences())
        self._close_ledger(all_removed=not report.failed)
        if note is not None:
            write_note(note, self._provisioner.mark, report)
        return report

    def _close_ledger(self, all_removed: bool) -> None:
        if self._provisioner.ledger is not None:
            self._provisioner.ledger.close(all_removed)

    def _guarded(self, make: Any, *arguments: Any) -> Any:
        """Make something; an answer of a shape that the platform does not give is an error with a sentence too."""
        try:
            return make(*arguments)
        except MALFORMED as error:
            raise SetupError(
                f"The target {self._http.base_url} gave an answer of another shape than the platform's"
                f" while accounts were made ({type(error).__name__}: {error})."
            ) from error
        except SetupError as error:
            if str(error).endswith("."):
                raise
            raise SetupError(f"An account could not be made: {error}.") from error
