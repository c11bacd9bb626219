"""Runs Locust as one of the lab's processes: `python -m locallab.locust_process` takes what `locust` takes.

Ctrl-C while Locust is still importing itself or the suite ends it with a sentence. Once it runs, it ends the run with
its full report, as Locust does by itself. Who starts it holds Ctrl-C back (`Spec.hears_late`) until all is imported:
before Python runs, it would end the process without a word, and in an import it may be swallowed with a traceback.
"""

# mypy: allow-untyped-calls
# Locust's main has no annotations.

from __future__ import annotations

import signal
import sys
from typing import Any

from locallab.bootstrap import INTERRUPTED_EXIT
from utils.output import print_safely


def main() -> None:
    """Run Locust with this process's command line; exits with its code."""
    try:
        print_safely()  # a reader that has had enough of the run's lines must not end the run
        # Here and not above: the import takes a second, and has gevent patch the standard library.
        from locust.main import main as locust  # noqa: PLC0415

        from locust import events  # noqa: PLC0415

        events.init.add_listener(hear_interrupts)  # the first: before the suite prepares anything
        locust()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted before the run began\n")
        raise SystemExit(INTERRUPTED_EXIT) from None


def hear_interrupts(**_rest: Any) -> None:
    """Let Ctrl-C through, also one that has come already."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


if __name__ == "__main__":
    main()
