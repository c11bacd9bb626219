"""Accounts, the organisations they belong to, and the pool that lends each account to one virtual user at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["user", "org_admin", "line"]
"""`user`: a plain user of the organisation that a run shares. `org_admin`: the administrator of an organisation of
its own. `line`: a member of an organisation that can receive calls."""

CALLS_AT_ONCE = 5
"""How many calls the platform lets one organisation have at a time; so many users share a line, with a call each."""

VOICE_SOCKETS = 50
"""How many calls one process of the platform takes at a time, whosever they are: the 51st socket is refused."""


@dataclass
class Account:
    """Someone who can log in, and what they need to know of their organisation."""

    kind: Kind
    email: str
    password: str = field(repr=False)
    organisation_id: str = ""
    access_code: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    number: str = ""
    """The organisation's phone number in E.164, for kind `line`."""

    def to_message(self) -> dict[str, Any]:
        """The account as it travels from the master to a worker."""
        return dataclasses.asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Account:
        """The account that `to_message` wrote."""
        return cls(**message)


@dataclass
class Organisation:
    """An organisation that the run registered, with its administrator."""

    id: str
    name: str
    subdomain: str
    access_code: str = field(repr=False)
    admin: Account
    number: str = ""
    number_sid: str = ""
    """Which number it takes calls on, and that number's sid in the Twilio double."""

    @property
    def platform_number(self) -> str | None:
        """The number that the platform gives this organisation; None when its id cannot make one.

        It is +1555 and the first seven characters of the id, and calls reach it only if those are all digits.
        """
        digits = self.id[:7]
        return f"+1555{digits}" if len(digits) == 7 and digits.isascii() and digits.isdigit() else None


class AccountPool:
    """Lends accounts: one is never in two hands, and one that comes back is lent again before a new one is made."""

    def __init__(self) -> None:
        self._free: dict[str, deque[Account]] = {}
        self._lent: dict[int, Account] = {}
        self._serial = 0

    def add(self, account: Account) -> None:
        """Put a newly made account in."""
        self._free.setdefault(account.kind, deque()).append(account)

    def free(self, kind: Kind) -> int:
        """How many accounts of a kind wait to be lent."""
        return len(self._free.get(kind, ()))

    def any_lent_or_free(self, kind: Kind) -> Account | None:
        """Some account of a kind, in whoever's hands: for what needs a token of that kind after the users are gone."""
        waiting: Iterable[Account] = self._free.get(kind, ())
        held = (account for account in self._lent.values() if account.kind == kind)
        return next(itertools.chain(waiting, held), None)

    def everyone(self, kind: Kind) -> list[Account]:
        """All accounts of a kind, lent or not."""
        return [*self._free.get(kind, ()), *(account for account in self._lent.values() if account.kind == kind)]

    def lend(self, kind: Kind) -> tuple[int, Account] | None:
        """Lend an account under a serial number that is never used again; None when one must be made first."""
        waiting = self._free.get(kind)
        return self.lend_new(waiting.popleft()) if waiting else None

    def lend_new(self, account: Account) -> tuple[int, Account]:
        """Lend an account that was made for whoever asks, without a wait among those that are free."""
        self._serial += 1
        self._lent[self._serial] = account
        return self._serial, account

    def give_back(self, serial: int, access_token: str, refresh_token: str) -> None:
        """Take an account back with its newest tokens; one that is not lent (a run that is over) is ignored."""
        account = self._lent.pop(serial, None)
        if account is not None:
            account.access_token = access_token
            account.refresh_token = refresh_token
            self.add(account)
