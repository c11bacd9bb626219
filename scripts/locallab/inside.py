"""Runs one of the lab's commands inside `.venv`: `python -m locallab.inside MODULE [ARGUMENT…]`, for `bootstrap`.

Ctrl-C and SIGTERM, which `bootstrap` holds back while Python starts and the command's imports are made, are heeded from
the command's first line on, by both ends in one way: whoever catches KeyboardInterrupt tidies up, and then one word and
130 or 143 say what happened.
"""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import signal
import sys
from types import FrameType
from typing import NoReturn

HELD_BACK = (signal.SIGINT, signal.SIGTERM)
SIGNALLED = 128
"""What a shell adds to a signal's number, for the exit code of the command that the signal ended."""


class Interruption(KeyboardInterrupt):
    """A signal that is to end the command."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        super().__init__(number)
        self.number = number


def main() -> None:
    """Run the module that the command line names as a program; exits with its code, or with the signal's."""
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    name = _program(module)
    importlib.import_module(name)
    del sys.modules[name]  # it is run anew as a program; what it imports is there by now
    try:
        for number in HELD_BACK:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and a shell's background do
                signal.signal(number, _interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except KeyboardInterrupt as interruption:
        ended_by = interruption.number if isinstance(interruption, Interruption) else signal.SIGINT
        sys.stderr.write("interrupted\n")
        raise SystemExit(SIGNALLED + ended_by) from None


def _program(module: str) -> str:
    spec = importlib.util.find_spec(module)
    return module if spec is None or spec.submodule_search_locations is None else f"{module}.__main__"


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interruption(number)


if __name__ == "__main__":
    main()
