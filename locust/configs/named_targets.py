"""The targets that a run can name: `LAB_TARGET=dev` instead of a URL and an account."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class NamedTarget:
    """Where a platform is, and what a run may do there."""

    base_url: str
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    """The platform's shared account for load tests; it is sent nowhere else."""
    simulated_externals: bool = True
    """The target's Twilio, mails and speech are the lab's doubles."""


NAMED_TARGETS = {
    "lab": NamedTarget("http://127.0.0.1:8001"),
    "local": NamedTarget("http://localhost:8001"),
    "dev": NamedTarget(
        "https://dev.thanotopolis.com",
        email="loadtest@thanotopolis.com",
        password="LoadTest2025!",  # noqa: S106 - documented, and good for this shared environment alone
        # Its Twilio is the real one: a call or a verification would reach, and charge, someone.
        simulated_externals=False,
    ),
}
