"""What the arguments of the lab's commands take: numbers and addresses."""

from __future__ import annotations

import argparse
import urllib.parse
from collections.abc import Callable

DIGITS = 9  # of a number on the command line: none is longer


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """Give an argument type that takes whole numbers from `lowest` to `highest`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or len(text) > DIGITS or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def is_address(text: str) -> bool:
    """Say whether a text is an http or https URL with a host."""
    try:
        parts = urllib.parse.urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
