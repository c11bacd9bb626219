"""Command lines of the doubles: wrong usage ends with 3 and one sentence, as everywhere in the lab."""

from __future__ import annotations

import argparse
from typing import NoReturn

USAGE_EXIT = 3


class Parser(argparse.ArgumentParser):
    """An argument parser that exits with 3 where argparse's own would with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        self.exit(USAGE_EXIT, f"{self.prog}: {message}; `{self.prog} --help` lists what it takes\n")
