"""Whether users would get accounts: the one that the environment names logs in, or the target lets anybody register."""

from __future__ import annotations

from locallab.doctor.findings import Finding, ok, problem
from utils.accounts import Account
from utils.plain_http import MALFORMED, PlainHttp, Refused, SetupError
from utils.provisioning import Borrowed, Provisioner

REGISTER = "/api/organizations/register"
INVALID = 422
"""What the platform answers to a registration that lacks everything: it would have looked at a whole one."""


def accounts(http: PlainHttp, borrowed: Borrowed | None, org_name: str) -> Finding:
    """Log in and out again, or ask for a registration that cannot succeed. Either leaves nothing on the target."""
    return _registers(http) if borrowed is None else _logs_in(http, borrowed, org_name)


def _logs_in(http: PlainHttp, borrowed: Borrowed, org_name: str) -> Finding:
    todo = "check LOAD_TEST_USER_EMAIL and LOAD_TEST_USER_PASSWORD, or unset both to have accounts made"
    try:
        account = Provisioner(http, "doctor", org_name, borrowed=borrowed).make("user")
        _log_out(http, account)
    except MALFORMED:
        return problem("account", f"{http.base_url} logs {borrowed.email} in, but gives no tokens", todo)
    except SetupError as error:
        return problem("account", str(error).rstrip(".").partition(": check")[0], todo)
    return ok("account", f"{borrowed.email} can log in and out")


def _log_out(http: PlainHttp, account: Account) -> None:
    body = {"refresh_token": account.refresh_token}
    http.call("POST", "/api/auth/logout", body=body, token=account.access_token)


def _registers(http: PlainHttp) -> Finding:
    todo = "set LOAD_TEST_USER_EMAIL and LOAD_TEST_USER_PASSWORD to an account on the target"
    try:
        http.call("POST", REGISTER, body={})
    except Refused as error:
        if error.status == INVALID:
            return ok("accounts", "the target takes registrations: a run makes its own accounts, and removes them")
        return problem("accounts", f"the target answers a registration with {error.status}", todo)
    except SetupError as error:
        return problem("accounts", str(error), todo)
    return problem("accounts", "the target takes a registration without a name: it is no platform", todo)
