"""Cleans up after a run that could not do it itself: `scripts/cleanup <run_id>`.

It logs in as the accounts in the run's ledger and then does what every run does at its end (`utils.cleanup`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from configs.settings import WRONG_USAGE, Settings, SettingsError, load_settings
from utils.accounts import Account, Kind, Organisation
from utils.cleanup import Cleanup, CleanupReport, write_note
from utils.command_line import Parser
from utils.ledger import KEY, LedgerError, Record, password_for, read_ledger
from utils.numbers import NumberInventory
from utils.output import exit_code_of
from utils.parallel import each
from utils.plain_http import PlainHttp, Refused, SetupError
from utils.provisioning import read_capabilities

SOMETHING_STAYS = 1
LIMIT_S = 900.0
"""Nobody waits for a next run here, and a platform hashes a password for each login."""


def main(argv: Sequence[str] | None = None) -> int:
    """Clean up one run; give 0 when all that can be removed is gone, 1 when some of it stays, 3 for wrong usage."""
    parser = Parser(prog="./scripts/cleanup", description="Remove what an interrupted run made.")
    parser.add_argument("run_id", metavar="RUN_ID", help="the run: the name of its directory in results/")
    run_id: str = parser.parse_args(argv).run_id
    try:
        settings = load_settings()
        directory = directory_of(settings.results_dir, run_id)
        record = read_ledger(directory)
        if record is None:
            sys.stdout.write(f"Nothing is left to remove of run {directory.name}.\n")
            return 0
        report = remove_leftovers(directory.name, record, settings)
    except (SettingsError, LedgerError, SetupError) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    write_note(directory / "cleanup.json", record.marks[-1], report)
    sys.stdout.write(f"Run {directory.name}: {report.summary()}\n")
    for line in report.left:
        sys.stdout.write(f"  left behind: {line}\n")
    if report.failed:
        return SOMETHING_STAYS
    (directory / KEY).unlink(missing_ok=True)
    return 0


def directory_of(results_dir: Path, run_id: str) -> Path:
    """A run's directory, also by the link `latest`; raise LedgerError for a path to somewhere else."""
    directory = (results_dir / run_id).resolve()
    if directory.parent != results_dir.resolve():
        raise LedgerError(f"{run_id!r} is no run: give the name of a directory in {results_dir}.")
    return directory


def remove_leftovers(run_id: str, record: Record, settings: Settings) -> CleanupReport:
    """Remove what a run made, by its ledger. Raises SetupError when the target or its Twilio double is down."""
    settings.check_target(record.base_url, "The run's ledger")
    http = PlainHttp(record.base_url, run_id)
    offered = read_capabilities(http)
    numbers = None
    if record.twilio_url is not None:
        token = settings.twilio_auth_token.get_secret_value()
        numbers = NumberInventory(record.twilio_url, settings.twilio_account_sid, token)
        numbers.check()
    entrance = Entrance(http, record.key)
    whole = CleanupReport()
    for mark in record.marks:
        organisations = entrance.organisations([one for one in record.organisations if one["mark"] == mark], numbers)
        people = entrance.people(one["email"] for one in record.people if one["mark"] == mark)
        borrowed = entrance.borrowed(record, settings)
        cleanup = Cleanup(http, mark, offered, numbers, limit_s=LIMIT_S)
        whole.add(cleanup.sweep(organisations, borrowed, people))
    return whole


class Entrance:
    """Logs in as the accounts that a run made."""

    def __init__(self, http: PlainHttp, key: bytes) -> None:
        self._http = http
        self._key = key

    def organisations(self, noted: list[dict[str, str]], numbers: NumberInventory | None) -> list[Organisation]:
        """Those of the noted organisations that came to be, with their administrators and their numbers."""
        found = []
        for one in noted:
            admin = self._log_in("org_admin", one["email"], password_for(self._key, one["email"]))
            if admin is None:
                continue
            me = self._http.call("GET", "/api/auth/me", token=admin.access_token)
            admin.organisation_id = me["tenant_id"]
            made = Organisation(admin.organisation_id, one["subdomain"], one["subdomain"], "", admin)
            if numbers is not None:
                made.number_sid, made.number = numbers.named(one["subdomain"])
            found.append(made)
        return found

    def people(self, emails: Iterable[str]) -> list[Account]:
        """Those of the noted people who came to be and have not been deactivated yet."""
        accounts = each(lambda email: self._log_in("user", email, password_for(self._key, email)), list(emails))
        return [account for account in accounts if account is not None]

    def borrowed(self, record: Record, settings: Settings) -> Account | None:
        """The account that the run was lent; raise SetupError when the environment does not name it now."""
        if record.borrowed is None:
            return None
        email, password = settings.account_for(record.base_url) or ("", "")
        account = self._log_in("user", email, password) if email == record.borrowed else None
        if account is None:
            raise SetupError(
                f"The run used the account {record.borrowed}:"
                " set LOAD_TEST_USER_EMAIL and LOAD_TEST_USER_PASSWORD to it."
            )
        return account

    def _log_in(self, kind: Kind, email: str, password: str) -> Account | None:
        """The account with its tokens; None when there is none such (401) or none that is active (400)."""
        try:
            tokens = self._http.call("POST", "/api/auth/login", body={"email": email, "password": password})
        except Refused as error:
            if error.status in (400, 401):
                return None
            raise
        access, refresh = tokens["access_token"], tokens["refresh_token"]
        return Account(kind, email, password, access_token=access, refresh_token=refresh)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
