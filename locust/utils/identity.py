"""What makes one virtual user this user and no other, and one run's things this run's.

Everything random about a user follows from the run's seed, its class and its number, so that the same user does the
same again in the next run. Everything a run creates carries the run's own mail domain, so that it can be found again.
"""

from __future__ import annotations

import random
import re
import zlib


def stream(seed: int, user_class: str, number: int, purpose: str = "") -> random.Random:
    """A user's own random numbers; each purpose (tasks, payloads, waits) has a stream that no other draws from."""
    return random.Random(f"{seed}:{user_class}:{number}" + (f":{purpose}" if purpose else ""))


def client_address(run_id: str, serial: int) -> str:
    """The IPv4 address that a user claims in `X-Forwarded-For`: unique within a run, in 10.0.0.0/8.

    The platform counts requests by address in windows of a minute, so two runs in one minute must not share addresses:
    where a run's addresses begin follows from its id.
    """
    offset = (zlib.crc32(run_id.encode()) + serial) % (1 << 24)
    return f"10.{offset >> 16}.{offset >> 8 & 255}.{offset & 255}"


def run_label(run_id: str) -> str:
    """A run's id as one label of a host name: lower case, at most 63 characters, and still its own."""
    label = re.sub(r"[^a-z0-9]+", "-", run_id.lower()).strip("-")
    if label != run_id or len(label) > 50:
        label = f"{label[:40].strip('-')}-{zlib.crc32(run_id.encode()):08x}"
    return "run-" + label


def mail_domain(run_id: str) -> str:
    """The domain of every address that a run makes up: harmless, and accepted (reserved top-level domains are not)."""
    return run_label(run_id) + ".example.com"
