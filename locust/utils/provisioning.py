"""Makes what a run needs before its first counted request: organisations, accounts, and lines that can be called."""

from __future__ import annotations

import logging
import secrets
import zlib
from dataclasses import dataclass
from typing import Any

from utils.accounts import CALLS_AT_ONCE, Account, Kind, Organisation
from utils.capabilities import Capabilities, NotThePlatform
from utils.identity import mail_domain, run_label
from utils.ledger import Ledger
from utils.numbers import NumberInventory
from utils.plain_http import NoJson, PlainHttp, Refused, SetupError

logger = logging.getLogger(__name__)

FIRST_LOOK_S = 10.0
"""How long a target may take to say what it offers: nobody has loaded it yet."""
LINE_TRIES = 250
"""How many organisations are registered at most until one's id makes a phone number: one in 27 does on the platform,
so that all of so many fail once in 12,000 times. A reference backend can be set so that each one fits."""


@dataclass(frozen=True)
class Borrowed:
    """The account that the environment names, used instead of new ones."""

    email: str
    password: str


def read_capabilities(http: PlainHttp) -> Capabilities:
    """What the target offers; raise SetupError with what to do when it is down or no platform."""
    what_to_do = "set LOAD_TEST_BASE_URL or --host to a platform that runs"
    try:
        logger.info("Asking %s what it offers (/openapi.json); waiting %.0f s at most.", http.base_url, FIRST_LOOK_S)
        return Capabilities.read(http.call("GET", "/openapi.json", within_s=FIRST_LOOK_S))
    except (NotThePlatform, NoJson, Refused) as error:
        raise SetupError(
            f"{http.base_url} answers, but is no Thanotopolis platform ({error}): {what_to_do}."
        ) from error
    except SetupError as error:
        raise SetupError(f"The target {error}: start it, or {what_to_do}.") from error


class Provisioner:
    """Registers organisations and people through the platform's own API, and remembers what it made."""

    def __init__(
        self,
        http: PlainHttp,
        run_id: str,
        org_name: str,
        numbers: NumberInventory | None = None,
        borrowed: Borrowed | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """Take the uncounted client, the run, (for lines) the Twilio double's inventory, and where to note things."""
        self._http = http
        self.mark = run_id
        """What everything that is made carries: the run's id, made longer where another run has left that behind."""
        self._org_name = org_name
        self._numbers = numbers
        self.borrowed = borrowed
        self.ledger = ledger
        self.organisations: list[Organisation] = []
        self._unused: list[Organisation] = []
        self._shared: Organisation | None = None
        self._lines: list[tuple[Organisation, int]] = []
        self._people = 0

    def make(self, kind: Kind) -> Account:
        """A new account of a kind, logged in. Raises SetupError."""
        if kind == "line":
            return self._member_of_a_line()
        if kind == "org_admin":
            return (self._unused.pop() if self._unused else self._register_organisation()).admin
        if kind != "user":
            raise SetupError(f"there is no account of the kind {kind!r}")
        if self.borrowed is not None:
            return self._log_in(self.borrowed)
        return self._register_person("user", self.shared_organisation())

    def shared_organisation(self) -> Organisation:
        """The organisation that the run's plain users belong to.

        It is registered with an administrator (`POST /api/organizations` makes one without), as only an administrator
        can deactivate its users when the run is over.
        """
        if self._shared is None:
            self._shared = self._unused.pop() if self._unused else self._register_organisation()
        return self._shared

    def _log_in(self, borrowed: Borrowed) -> Account:
        try:
            tokens = self._http.call(
                "POST", "/api/auth/login", body={"email": borrowed.email, "password": borrowed.password}
            )
        except Refused as error:
            raise SetupError(
                f"{self._http.base_url} refuses the account {borrowed.email} with {error.status}:"
                " check LOAD_TEST_USER_EMAIL and LOAD_TEST_USER_PASSWORD."
            ) from error
        return _signed_in(Account(kind="user", email=borrowed.email, password=borrowed.password), tokens)

    def _register_organisation(self) -> Organisation:
        try:
            return self._register_as(self.mark)
        except Refused as error:
            if error.status != 400 or self.organisations:
                raise
            # The very first name is taken: a run of the same id was here before.
            self.mark = f"{self.mark}-{secrets.token_hex(2)}"
            return self._register_as(self.mark)

    def _register_as(self, mark: str) -> Organisation:
        number = len(self.organisations) + 1
        subdomain = f"{run_label(mark)}-{number}"
        email = f"admin-{number}@{mail_domain(mark)}"
        password = self._password(email)
        if self.ledger is not None:
            self.ledger.organisation(mark, subdomain, email)
        made = self._http.call(
            "POST",
            "/api/organizations/register",
            body={
                "name": f"{self._org_name} {number}",
                "subdomain": subdomain,
                "full_name": f"{self._org_name} {number} (load test {mark})",
                "address": {"street": "1 Chapel Lane", "city": "Springfield", "state": "IL", "postal_code": "62701"},
                "phone": "+12175550100",
                "organization_email": f"office-{number}@{mail_domain(mark)}",
                "admin_email": email,
                "admin_username": f"admin-{number}",
                "admin_password": password,
                "admin_first_name": "Load",
                "admin_last_name": "Test",
            },
        )
        described = made["organization"]
        admin = Account(
            kind="org_admin",
            email=email,
            password=password,
            organisation_id=described["id"],
            access_code=described["access_code"],
        )
        organisation = Organisation(
            id=described["id"],
            name=described["name"],
            subdomain=subdomain,
            access_code=described["access_code"],
            admin=_signed_in(admin, made),
        )
        self.organisations.append(organisation)
        return organisation

    def _register_person(self, kind: Kind, organisation: Organisation) -> Account:
        self._people += 1
        name = f"{kind}-{self._people}"
        email = f"{name}@{mail_domain(self.mark)}"
        if self.ledger is not None:
            self.ledger.person(self.mark, email)
        account = Account(
            kind=kind,
            email=email,
            password=self._password(email),
            organisation_id=organisation.id,
            access_code=organisation.access_code,
            number=organisation.number,
        )
        # This one call registers and signs in: the platform hashes the password once, where two calls hash it twice.
        tokens = self._http.call(
            "POST",
            "/api/auth/register/token",
            body={
                "email": account.email,
                "username": name,
                "password": account.password,
                "first_name": "Load",
                "last_name": f"Test {self._people}",
                "access_code": organisation.access_code,
            },
        )
        return _signed_in(account, tokens)

    def _password(self, email: str) -> str:
        """Never from the run's seed: an account on a shared target is nobody else's to guess."""
        return secrets.token_urlsafe(12) + "-aA1" if self.ledger is None else self.ledger.password(email)

    def _member_of_a_line(self) -> Account:
        for index, (organisation, members) in enumerate(self._lines):
            if members < CALLS_AT_ONCE:
                self._lines[index] = (organisation, members + 1)
                return self._register_person("line", organisation)
        organisation = self._open_line()
        self._lines.append((organisation, 1))
        return organisation.admin

    def _open_line(self) -> Organisation:
        """An organisation that can be called: its number verified, and known to the Twilio double if there is one."""
        organisation, number = self._find_callable() if self._numbers is not None else self._uncallable()
        admin = organisation.admin
        config = self._http.call(
            "POST",
            "/api/telephony/setup",
            token=admin.access_token,
            # An organisation whose own number is its platform number is verified at once, without an SMS.
            body={"organization_phone_number": number, "max_concurrent_calls": CALLS_AT_ONCE},
        )
        verified = self._numbers is None or config.get("verification_status") == "verified"
        if not verified or config.get("organization_phone_number") != number:
            raise SetupError(
                f"{self._http.base_url} did not verify {number} as organisation {organisation.subdomain}'s own number."
            )
        organisation.number = admin.number = number
        admin.kind = "line"
        if self._numbers is not None:
            organisation.number_sid = self._numbers.register(number, self._http.base_url, organisation.subdomain)
        return organisation

    def _uncallable(self) -> tuple[Organisation, str]:
        """Any organisation, and a number of its own: in a run without calls nobody dials it."""
        organisation = self._unused.pop() if self._unused else self._register_organisation()
        return organisation, f"+1555{zlib.crc32(organisation.id.encode()) % 10_000_000:07d}"

    def _find_callable(self) -> tuple[Organisation, str]:
        for organisation in self._unused:
            if organisation.platform_number:
                self._unused.remove(organisation)
                return organisation, organisation.platform_number
        for _ in range(LINE_TRIES):
            organisation = self._register_organisation()
            if organisation.platform_number:
                return organisation, organisation.platform_number
            self._unused.append(organisation)
        raise SetupError(
            f"None of {LINE_TRIES} new organisations on {self._http.base_url} can be called:"
            " an id must begin with seven digits."
        )


def _signed_in(account: Account, tokens: dict[str, Any]) -> Account:
    account.access_token = tokens["access_token"]
    account.refresh_token = tokens["refresh_token"]
    return account
