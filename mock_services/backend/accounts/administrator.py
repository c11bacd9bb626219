"""The platform's own administrator, whom no request can make: on the platform a row of the database, here a setting."""

from __future__ import annotations

from mock_services.backend.accounts.passwords import hash_password
from mock_services.backend.accounts.state import Accounts

SUBDOMAIN = "platform"


class SuperAdministrator:
    """A `super_admin` of an organisation of their own, who can make others administrators."""

    def __init__(self, email: str, password: str, bcrypt_rounds: int) -> None:
        self._email = email
        self._password_hash = hash_password(password, bcrypt_rounds)

    def join(self, accounts: Accounts) -> None:
        """Add the user and their organisation to tables that are empty."""
        accounts.add_user(
            accounts.add_tenant("Platform", SUBDOMAIN),
            email=self._email,
            username="super_admin",
            password_hash=self._password_hash,
            first_name=None,
            last_name=None,
            role="super_admin",
            is_verified=True,
        )
