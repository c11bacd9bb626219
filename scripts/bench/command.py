"""What every bench has of a command: how it is told what to do, and how it ends."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from utils.command_line import Parser


class BenchParser(Parser):
    """The parser of the bench `name`, which says of it what its module's documentation begins with."""

    def __init__(self, name: str, documentation: str | None) -> None:
        super().__init__(prog=f"scripts/bench/{name}", description=(documentation or "").splitlines()[0])
        self.add_argument("--json", action="store_true", help="print the figures as JSON")

    def takes(self, name: str, kind: Callable[[str], float], default: float, what: str) -> None:
        """Take a number."""
        self.add_argument(name, type=kind, default=default, help=f"{what} (default %(default)s)")


def any_number(lowest: float, highest: float) -> Callable[[str], float]:
    """Give an argument type that takes numbers from `lowest` to `highest`."""

    def parse(text: str) -> float:
        try:
            given = float(text)
        except ValueError:
            given = float("nan")
        if not lowest <= given <= highest:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from {lowest:g} to {highest:g}")
        return given

    return parse


def conclude(asked: argparse.Namespace, figures: dict[str, Any], text: str, exit_code: int) -> NoReturn:
    """Print the figures as they were asked for, as JSON or in words, and end."""
    print(json.dumps(figures, indent=2) if asked.json else text)
    sys.exit(exit_code)
