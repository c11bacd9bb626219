"""Authentication: signing in, registering, reading one's profile, signing out.

locust -f scenarios/auth_load_test.py --headless --users 5 --run-time 30s
"""

from locust import task
from scenarios.base import PlatformUser, needs
from scenarios.suite import install

install()

MISTYPED = 0.1
"""Share of logins that a wrong password comes before."""


class AuthUser(PlatformUser):
    """Someone who signs in more than they work; the weights are the platform's brief."""

    weight = 15
    thinks_between = (1.0, 3.0)

    @task(40)
    @needs("POST /api/auth/login")
    def login(self) -> None:
        """Sign in anew, now and then after a wrong password, which must be refused."""
        if self.chance.random() < MISTYPED:
            self.api.auth.login_refused(self.records.password())
        self.api.auth.login()

    @task(30)
    @needs("POST /api/auth/register")
    def registration(self) -> None:
        """A colleague registers with the organisation's access code."""
        self.api.auth.register(self.records.colleague(self.grant.access_code))

    @task(20)
    @needs("GET /api/auth/me")
    def profile(self) -> None:
        """Read the profile, which validates the token; half the time after refreshing it; change it where one can."""
        if self.chance.random() < 0.5 and self.offers("POST /api/auth/refresh"):
            self.api.auth.refresh()
        self.api.auth.me()
        if self.offers("PATCH /api/users/me"):
            person = self.records.colleague(self.grant.access_code)
            self.api.auth.update_profile({"first_name": person["first_name"], "last_name": person["last_name"]})

    @task(10)
    @needs("POST /api/auth/logout", "POST /api/auth/login")
    def logout(self) -> None:
        """Sign out, and in again to go on."""
        self.api.auth.logout()
        self.api.auth.login()
