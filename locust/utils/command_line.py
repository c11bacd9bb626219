"""Command lines of the lab: wrong usage ends with 3 and one sentence."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from configs.settings import WRONG_USAGE


class Parser(argparse.ArgumentParser):
    """An argument parser that exits with 3 where argparse's own would with 2, which here says "invalid run"."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        refuse(f"{self.prog}: {message}; `{self.prog} --help` lists what it takes")


def refuse(sentence: str) -> NoReturn:
    """Say one sentence and end with the code of wrong usage."""
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(WRONG_USAGE)
