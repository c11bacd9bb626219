"""What a command prints, where nobody reads it to its end (`| head`), or no more of it can be written (a full disk).

Standard library only: `scripts/check_results.py` needs no more.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNSAID = 3
"""The code of a command that would have passed, had it been able to say so: that of wrong usage."""


class Outlet(io.RawIOBase):
    """The descriptor that what is printed goes to. It takes everything, and drops what can be written no more."""

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor, which is not closed."""
        super().__init__()
        self.failure: OSError | None = None
        """Why something was dropped; None also where a reader has gone, who had what it wanted."""
        self._descriptor = descriptor
        self._gone = False

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer, /) -> int | None:
        """Write as much as can be; None where that is nothing just now."""
        if not self._gone:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                return None
            except BrokenPipeError:
                self._gone = True
            except OSError as error:
                self._gone, self.failure = True, error
        return memoryview(data).nbytes


def take_over(stream: TextIO | None) -> tuple[TextIO, Outlet]:
    """A stream like one of this process's own, and the outlet that it goes to. What was written is written first.

    One that was closed before the process began, for which Python has None, goes to nowhere.
    """
    if stream is None:
        outlet = Outlet(os.open(os.devnull, os.O_WRONLY))
        return io.TextIOWrapper(io.BufferedWriter(outlet)), outlet
    assert isinstance(stream, io.TextIOWrapper)
    stream.flush()
    outlet = Outlet(stream.fileno())
    taken = io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors=stream.errors,
        # The outlet has a buffer below this one, which nothing but a flush empties: PYTHONUNBUFFERED wants none.
        line_buffering=stream.line_buffering or stream.write_through,
    )
    return taken, outlet


def print_safely() -> Outlet:
    """Have nothing that this process prints from now on raise; gives the outlet of its standard output."""
    sys.stderr, _ = take_over(sys.stderr)
    sys.stdout, outlet = take_over(sys.stdout)
    return outlet


def exit_code_of(main: Callable[[], int]) -> int:
    """Run a command's `main`; its code.

    Where the reader of a pipe has gone, the code is still the command's. Where what it printed could not be written,
    that is said in one sentence, and the code is 3 instead of 0: who asked has no answer.
    """
    outlet = print_safely()
    try:
        code = main()
    except SystemExit as left:
        if isinstance(left.code, str):
            sys.stderr.write(f"{left.code}\n")
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    sys.stdout.flush()
    if outlet.failure is not None:
        sys.stderr.write(f"what is printed cannot be written: {outlet.failure.strerror}; send it to another place\n")
        code = code or UNSAID
    sys.stderr.flush()
    return code
