"""A locustfile of the HTTP bench: the suite's CRM user, doing nothing but reading one contact of its own.

All that the suite does around a request is as in a run; only the pauses and the limit of requests a minute are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clients.governor import Governor
from scenarios import crm_load_test  # as a module: its own user class shall not run here


class SuiteReader(crm_load_test.CrmUser):
    """Makes a contact, and reads it without pause."""

    thinks_between = (0.0, 0.0)

    def on_start(self) -> None:
        """Make what is read."""
        super().on_start()
        self.api.session._governor = Governor(limit=1, period_s=0.0)
        self.create_contact()

    def _offered_tasks(self) -> list[Callable[..., Any]]:
        return [SuiteReader.read_contact]
