"""Where the lab's own doubles listen on this machine, and by how much `LAB_PORT_OFFSET` moves them all."""

from __future__ import annotations

from collections.abc import Mapping

MOST_OFFSET = 50_000
BACKEND, TWILIO, VENDORS = 8001, 8010, 8020
VARIABLES = {"LOAD_TEST_BASE_URL": BACKEND, "LAB_TWILIO_URL": TWILIO, "LAB_VENDORS_URL": VENDORS}
"""What tells a run of each."""


def offset_of(given: str) -> int:
    """What LAB_PORT_OFFSET says; raise ValueError for anything but a whole number from 0 to `MOST_OFFSET`."""
    if not given.isdecimal() or len(given) > len(str(MOST_OFFSET)) or int(given) > MOST_OFFSET:
        raise ValueError(given)
    return int(given)


def addresses(offset: int) -> Mapping[str, str]:
    """The lab's addresses, by the variables that tell a run of them."""
    return {variable: f"http://127.0.0.1:{port + offset}" for variable, port in VARIABLES.items()}
