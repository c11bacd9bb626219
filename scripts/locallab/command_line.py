"""Command lines of the lab: wrong usage ends with 3 and one sentence, as everywhere in the lab."""

from __future__ import annotations

import argparse
import sys
import urllib.parse
from collections.abc import Callable
from typing import NoReturn

from locallab.bootstrap import USAGE_EXIT

DIGITS = 9  # of a number on the command line: none is longer


class Parser(argparse.ArgumentParser):
    """An argument parser that exits with 3 where argparse's own would with 2, which here says "invalid run"."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        refuse(f"{self.prog}: {message}; `{self.prog} --help` lists what it takes")


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


def refuse(sentence: str) -> NoReturn:
    """Say one sentence and end with the code of wrong usage."""
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(USAGE_EXIT)
