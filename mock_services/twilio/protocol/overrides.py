"""How long a webhook may take and when it is asked again, as its URL's fragment says.

Twilio calls these connection overrides: `https://target/voice#ct=2000&rt=3000&tt=9000&rc=2&rp=5xx,rt`. The fragment is
neither sent nor signed. What is unknown or out of its range is passed over, as Twilio does with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

LEAST_MS: Final = 100
MAX_CONNECT_MS: Final = 10_000
MAX_MS: Final = 15_000
MAX_RETRIES: Final = 5
POLICIES: Final = frozenset({"4xx", "5xx", "ct", "rt"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a webhook may take, in seconds, and how often it is asked again after what kinds of failure.

    `policies` holds `ct` (no connection), `rt` (no answer in time), `4xx` and `5xx`. `total` counts all attempts.
    """

    connect: float = 5.0
    total: float = 15.0
    read: float = 15.0
    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})

    def overridden(self, url: str) -> Limits:
        """Give the limits that `url` asks for; what it does not say stays."""
        if "#" not in url:
            return self
        try:
            given = parse_qsl(urlsplit(url).fragment)
        except ValueError:  # such a URL is refused when it is requested
            return self
        limits = self
        for name, value in given:
            limits = limits._with(name, value)
        return limits

    def _with(self, name: str, value: str) -> Limits:
        number = int(value) if value.isascii() and value.isdecimal() and len(value) < 7 else -1
        seconds = number / 1000
        match name:
            case "ct" if LEAST_MS <= number <= MAX_CONNECT_MS:
                return replace(self, connect=seconds)
            case "rt" if LEAST_MS <= number <= MAX_MS:
                return replace(self, read=seconds)
            case "tt" if LEAST_MS <= number <= MAX_MS:
                return replace(self, total=seconds)
            case "rc" if 0 <= number <= MAX_RETRIES:
                return replace(self, retries=number)
            case "rp":
                kinds = frozenset(value.split(","))
                return replace(self, policies=POLICIES if "all" in kinds else kinds & POLICIES)
            case _:
                return self
