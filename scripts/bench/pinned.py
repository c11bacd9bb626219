"""Processes that a bench starts on a core of their own, and what it asks of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 10


class Cores(NamedTuple):
    """The core of what is measured and that of what measures it: the same one where there is only one."""

    server: int
    client: int

    @classmethod
    def of_this_process(cls) -> Self:
        """Give the first and the last core that this process may use."""
        own = sorted(os.sched_getaffinity(0))
        return cls(own[0], own[-1])

    def __str__(self) -> str:
        return "one for both" if self.server == self.client else "one each"


@contextmanager
def process(module: str, core: int, environment: Mapping[str, str], *arguments: str) -> Iterator[tuple[int, str]]:
    """Start `python -m module` pinned to `core`; give its pid and the address that it announces, and end it after."""
    search = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
    started = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    os.sched_setaffinity(started.pid, {core})
    try:
        assert started.stdout is not None
        announced = started.stdout.readline()
        if " ready on " not in announced:
            sys.exit(f"{module} did not start; its own words are above")
        yield started.pid, announced.split()[-1]
    finally:
        end(started, signal.SIGTERM, END_SECONDS)


def end(started: subprocess.Popen[str], how: signal.Signals, seconds: float) -> None:
    """End a process, and kill it where it has not ended after so many seconds."""
    started.send_signal(how)
    try:
        started.wait(seconds)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()


def waited_ms(pid: int) -> float:
    """Give how long a process was ready to run while its core ran something else (Linux's schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6


def ran_us(pid: int) -> float:
    """Give how long a process has run on a core, to the nanosecond (Linux's schedstat): its first thread, no others."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e3


def get(url: str) -> Any:
    """Fetch JSON."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - what the bench started
        return json.load(answer)
