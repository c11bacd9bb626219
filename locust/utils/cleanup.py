"""Removes what a run made, and says what it could not remove.

It does not trust anyone's list: whatever carries the run's mail domain is found on the target and removed, also what a
lost worker or a killed user had made.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from metrics.wording import counted, verb
from utils.accounts import Account, Organisation
from utils.capabilities import Capabilities
from utils.identity import mail_domain
from utils.numbers import NumberInventory
from utils.parallel import each
from utils.plain_http import ANSWER_S, MALFORMED, NoAnswer, NoJson, PlainHttp, Refused, SetupError
from utils.test_data import MADE_BY
from utils.tokens import expires_at

logger = logging.getLogger(__name__)

T = TypeVar("T")

PAGE = 100
EVENTS_AT_ONCE = 1000
LIMIT_S = 30.0
"""A clean-up takes this long at most; what is then still there is listed."""
REPEATABLE = frozenset({"GET", "DELETE"})
"""What may be asked twice, since the second time changes nothing more."""
LONG_S = 5.0
"""A target that was given at least this long and did not answer has stopped answering."""


@dataclass
class CleanupReport:
    """How many things were removed by kind, and a line for each kind that stays."""

    removed: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    failed: bool = False
    """Something stays that could have been removed."""
    silent: str = ""
    """The target stopped answering: the first sentence that said so."""

    def add(self, other: CleanupReport) -> None:
        """Take in another report."""
        self.removed += other.removed
        self.left += other.left
        self.failed = self.failed or other.failed
        self.silent = self.silent or other.silent

    def summary(self) -> str:
        """What was removed."""
        removed = ", ".join(f"{count} {kind}" for kind, count in sorted(self.removed.items()) if count)
        return f"Removed {removed or 'nothing'}."

    def sentences(self) -> str:
        """The report for a log."""
        return self.summary() + (f" Left behind: {'; '.join(self.left)}." if self.left else "")


def write_note(note: Path, mark: str, report: CleanupReport) -> None:
    """Write what was removed and what stays into a file; a file that cannot be written is said, and no more."""
    content = {"mark": mark, "removed": dict(report.removed), "left": report.left}
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        logger.warning("The note of the clean-up cannot be written to %s: %s.", note, error.strerror)


class Cleanup:
    """Sweeps one run's traces from the target and the Twilio double."""

    def __init__(
        self,
        http: PlainHttp,
        run_id: str,
        offered: Capabilities,
        numbers: NumberInventory | None,
        clock: Callable[[], float] = time.monotonic,
        limit_s: float = LIMIT_S,
    ) -> None:
        """Take the uncounted client, the run, what the target offers, and how long it may take."""
        self._http = http
        self._domain = "@" + mail_domain(run_id)
        self._offered = offered
        self._numbers = numbers
        self._clock = clock
        self._deadline = clock() + limit_s
        self._report = CleanupReport()
        self._answered = False
        """The target has answered a request of this clean-up."""

    def sweep(
        self, organisations: Iterable[Organisation], borrowed: Account | None = None, people: Iterable[Account] = ()
    ) -> CleanupReport:
        """Remove conversations, events, contacts and templates, deactivate people and delete numbers.

        `people` are those who may have held conversations, which only their members can delete. Organisations cannot
        be deleted and are listed.
        """
        owned = list(organisations)
        each(lambda person: self._guarded(f"conversations of {person.email}", self._conversations, person), people)
        if borrowed is not None:
            self._guarded("what the borrowed account made", self._things, borrowed)
        for organisation in owned:
            self._guarded(f"what {organisation.subdomain} holds", self._empty, organisation)
        if owned:
            administrators = verb(len(owned), "its administrator", "their administrators")
            names = f"{owned[0].subdomain} to {owned[-1].subdomain}" if len(owned) > 1 else owned[0].subdomain
            self._report.left.append(
                f"{counted(len(owned), 'organisation')} with {administrators}, which cannot be deleted ({names})"
            )
        return self._report

    def _call(self, method: str, path: str, **what: Any) -> Any:
        """What the target answers, in the time that is left; asked once more where the connection broke."""
        try:
            try:
                return self._answer(method, path, **what)
            except NoAnswer as error:
                if not error.broke or method not in REPEATABLE:
                    raise
                return self._answer(method, path, **what)
        except NoAnswer as error:
            # A target that breaks a connection now and then is there all the same.
            there = error.broke and self._answered
            if not there and (error.timed_out_after is None or error.timed_out_after >= LONG_S):
                self._report.silent = self._report.silent or str(error)
            raise

    def _answer(self, method: str, path: str, **what: Any) -> Any:
        left_s = min(ANSWER_S, max(0.1, self._deadline - self._clock()))
        try:
            answer = self._http.call(method, path, **what, within_s=left_s)
        except (Refused, NoJson):
            self._answered = True
            raise
        self._answered = True
        return answer

    def _stays(self, what: str) -> None:
        self._report.left.append(what)
        self._report.failed = True

    def _guarded(self, what: str, step: Callable[[T], None], subject: T) -> None:
        """Go on with the rest when one thing cannot be removed, and say so."""
        if self._clock() > self._deadline:
            self._stays(f"{what} (no time left)")
            return
        try:
            step(subject)
        except SetupError as error:
            self._stays(f"{what} ({error})")
        except MALFORMED as error:
            self._stays(f"{what} (an answer of another shape than the platform's: {type(error).__name__} {error})")

    def _empty(self, organisation: Organisation) -> None:
        if organisation.number_sid and self._numbers is not None:
            if self._numbers.remove(organisation.number_sid, max(0.1, self._deadline - self._clock())):
                self._report.removed["numbers"] += 1
            else:
                self._stays(f"the number {organisation.number} in the Twilio double")
        self._things(organisation.admin)
        self._people(organisation)

    def _things(self, account: Account) -> None:
        """What one account can see and remove of the run. Events go before the contacts that they invite."""
        self._conversations(account)
        self._events(account)
        self._contacts(account)
        self._templates(account)

    def _conversations(self, account: Account) -> None:
        """Delete the account's conversations that carry the run's domain in their description."""
        if not self._offered.offers("GET /api/conversations/search", "DELETE /api/conversations/{id}"):
            return
        params = {"q": self._domain[1:]}
        found = self._call("GET", "/api/conversations/search", params=params, token=self._token(account))
        ours = {item["id"] for item in found if str(item.get("description") or "").endswith(self._domain[1:])}
        self._remove("conversations", "/api/conversations", ours, account)

    def _events(self, account: Account) -> None:
        """Delete the tenant's events that carry the run's domain in their metadata, page by page.

        A recurring event is listed once for each of its occurrences, all under the same id.
        """
        if not self._offered.offers("GET /api/calendar/events", "DELETE /api/calendar/events/{id}"):
            return
        ours: set[str] = set()
        seen, total = 0, 1
        while seen < total and self._clock() < self._deadline:
            part = self._call(
                "GET",
                "/api/calendar/events",
                params={"skip": seen, "limit": EVENTS_AT_ONCE},
                token=self._token(account),
            )
            ours |= {
                event["id"]
                for event in part["events"]
                if (event.get("event_metadata") or {}).get(MADE_BY) == self._domain[1:]
            }
            seen += len(part["events"])
            total = part["total"] if part["events"] else seen
        self._remove("events", "/api/calendar/events", ours, account)

    def _templates(self, account: Account) -> None:
        """Delete the tenant's mail templates that carry the run's domain in their name."""
        if not self._offered.offers("GET /api/crm/email-templates", "DELETE /api/crm/email-templates/{id}"):
            return
        found = self._call("GET", "/api/crm/email-templates", token=self._token(account))
        ours = {item["id"] for item in found if self._domain[1:] in item["name"]}
        self._remove("mail templates", "/api/crm/email-templates", ours, account)

    def _remove(self, kind: str, path: str, ids: set[str], account: Account) -> None:
        gone = self._delete_all(path, sorted(ids), account)
        self._report.removed[kind] += gone
        if gone < len(ids):
            self._stays(f"{len(ids) - gone} {kind} that {account.email} could not delete")

    def _contacts(self, account: Account) -> None:
        if not self._offered.offers("GET /api/crm/contacts/search", "DELETE /api/crm/contacts/{id}"):
            return
        while self._clock() < self._deadline:
            found = self._call(
                "GET",
                "/api/crm/contacts/search",
                params={"search_term": self._domain, "search_fields": "contact_email", "page_size": PAGE},
                token=self._token(account),
            )["items"]
            # The term is only a hint to the target: nothing is deleted that does not carry this run's domain.
            ours = [item["id"] for item in found if str(item.get("contact_email") or "").endswith(self._domain)]
            if not ours:
                return
            gone = self._delete_all("/api/crm/contacts", ours, account)
            self._report.removed["contacts"] += gone
            if not gone:
                self._stays(f"{counted(len(ours), 'contact')} that {account.email} may not delete")
                return
        self._stays(f"contacts of {account.email} (no time left)")

    def _people(self, organisation: Organisation) -> None:
        if not self._offered.offers(
            "GET /api/organizations/{id}/users", "DELETE /api/organizations/{id}/users/{user_id}"
        ):
            return
        path = f"/api/organizations/{organisation.id}/users"
        people: list[dict[str, Any]] = self._call("GET", path, token=self._token(organisation.admin))
        ours = [
            person["id"] for person in people if person.get("is_active") and person["email"] != organisation.admin.email
        ]
        gone = self._delete_all(path, ours, organisation.admin)
        self._report.removed["users"] += gone
        if gone < len(ours):
            self._stays(f"{counted(len(ours) - gone, 'user')} of {organisation.subdomain}")

    def _delete_all(self, path: str, ids: list[str], account: Account) -> int:
        """Delete these things of one kind; give how many are gone."""
        token = self._token(account)
        return sum(each(lambda one: self._delete(f"{path}/{one}", token), ids))

    def _delete(self, path: str, token: str) -> bool:
        if self._clock() > self._deadline:
            return False
        try:
            self._call("DELETE", path, token=token)
        except Refused as error:
            return error.status == 404
        except SetupError:
            return False
        return True

    def _token(self, account: Account) -> str:
        """The account's access token, or a new one when it has expired during the run."""
        expiry = expires_at(account.access_token)
        if expiry is not None and expiry < time.time() + 30:
            tokens = self._call("POST", "/api/auth/login", body={"email": account.email, "password": account.password})
            account.access_token, account.refresh_token = tokens["access_token"], tokens["refresh_token"]
        return account.access_token
