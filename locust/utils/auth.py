"""A token for whoever needs one outside a run: `auth_manager.get_or_create_token()`, from a shell too.

In a run, users get their accounts from the master instead (`utils.account_desk`): nothing here is shared between users.
"""

from __future__ import annotations

import sys
import time

from configs.settings import WRONG_USAGE, Settings, SettingsError, load_settings, new_run_id
from utils.accounts import Account
from utils.plain_http import PlainHttp, Refused, SetupError
from utils.provisioning import Borrowed, Provisioner, read_capabilities
from utils.tokens import Tokens


def borrowed_account(settings: Settings, base_url: str) -> Borrowed | None:
    """The account to use on a target instead of new ones, if there is one."""
    account = settings.account_for(base_url)
    return None if account is None else Borrowed(*account)


class AuthManager:
    """One account and its tokens: the environment's account, or one registered on the first call."""

    def __init__(self) -> None:
        self._account: Account | None = None
        self._tokens: Tokens | None = None

    def get_or_create_token(self) -> str:
        """An access token that is good for a while; where there is none to get, one sentence and exit code 3."""
        try:
            return self._token()
        except (SettingsError, SetupError) as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(WRONG_USAGE)

    def _token(self) -> str:
        settings = load_settings()
        http = PlainHttp(settings.base_url, settings.run_id)
        if self._account is None:
            read_capabilities(http)
            borrowed = borrowed_account(settings, settings.base_url)
            made = Provisioner(http, new_run_id(), settings.org_name, borrowed=borrowed).make("user")
            self._account = made
            self._tokens = Tokens(made.access_token, made.refresh_token, time.time())
        if self._tokens is None or self._tokens.due(time.time()):
            self._tokens = self._renew(http, self._account)
        return self._tokens.access

    def _renew(self, http: PlainHttp, account: Account) -> Tokens:
        try:
            if self._tokens is not None:
                body = {"refresh_token": self._tokens.refresh}
                answer = http.call("POST", "/api/auth/refresh", body=body)
                return Tokens(answer["access_token"], answer["refresh_token"], time.time())
        except Refused as error:
            if error.status != 401:
                raise
        answer = http.call("POST", "/api/auth/login", body={"email": account.email, "password": account.password})
        return Tokens(answer["access_token"], answer["refresh_token"], time.time())


auth_manager = AuthManager()
"""The one that a shell uses; it asks nothing of the target before its first call."""
