"""The command line of the suite's own small commands (`scripts/cleanup`, `scripts/replay`)."""

import argparse
import sys
from typing import NoReturn

from configs.settings import WRONG_USAGE


class Parser(argparse.ArgumentParser):
    """An argument parser whose wrong usage is 3 and one sentence, as everywhere in the lab."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        sys.stderr.write(f"{self.prog}: {message}; `{self.prog} --help` lists what it takes\n")
        raise SystemExit(WRONG_USAGE)
