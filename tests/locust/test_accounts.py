"""The pool of accounts, and which organisations can be called."""

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from utils.accounts import Account, AccountPool, Organisation


class PoolMachine(RuleBasedStateMachine):
    """However users come and go, an account is in one hand at most."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = AccountPool()
        self.made = 0
        self.held: dict[int, Account] = {}

    @rule()
    def make(self) -> None:
        self.made += 1
        self.pool.add(Account(kind="user", email=f"{self.made}@x.example.com", password="p"))

    @rule()
    def lend(self) -> None:
        lent = self.pool.lend("user")
        if lent is None:
            assert len(self.held) == self.made
        else:
            serial, account = lent
            assert serial not in self.held
            self.held[serial] = account

    @rule()
    def give_back(self) -> None:
        if self.held:
            serial, account = self.held.popitem()
            self.pool.give_back(serial, "new access", "new refresh")
            assert account.access_token == "new access"
            self.pool.give_back(serial, "stale", "stale")
            assert account.access_token == "new access"

    @invariant()
    def nobody_shares(self) -> None:
        emails = [account.email for account in self.held.values()]
        assert len(set(emails)) == len(emails)
        assert len(emails) + self.pool.free("user") == self.made


TestPool = PoolMachine.TestCase


def test_an_account_survives_its_way_to_a_worker_and_hides_its_secrets() -> None:
    account = Account(kind="line", email="a@x.example.com", password="hush", access_token="hush", number="+15551234567")
    assert Account.from_message(account.to_message()) == account
    assert "hush" not in repr(account)


@pytest.mark.parametrize(
    ("organisation_id", "number"),
    [
        ("1234567a-0000-4000-8000-000000000000", "+15551234567"),
        ("123456ab-0000-4000-8000-000000000000", None),
        ("4f575930-0000-4000-8000-000000000000", None),
        ("", None),
    ],
)
def test_an_organisation_can_be_called_when_its_id_begins_with_seven_digits(
    organisation_id: str, number: str | None
) -> None:
    admin = Account(kind="org_admin", email="a@x.example.com", password="p")
    organisation = Organisation(id=organisation_id, name="n", subdomain="s", access_code="c", admin=admin)
    assert organisation.platform_number == number
