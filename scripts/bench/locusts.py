"""Locust as a bench runs it: one process on a core of its own, measured by the processor time that it uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from bench.pinned import ROOT, end

START_SECONDS = 60.0
"""How long a Locust may take until its users have made their first requests."""
WARM_S = 1.5
END_SECONDS = 60.0


@contextmanager
def locust(
    file: str, arguments: Sequence[str], core: int, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    """Run a locustfile of this directory on a core; what Locust says is shown where the bench ends early."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "scripts" / "bench" / file), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOAD_TEST_", "INFLUX_", "LAB_"))}
    search = os.pathsep.join([str(ROOT / "locust"), str(ROOT / "scripts")])
    with log.open("w", encoding="utf-8") as said:
        started = subprocess.Popen(
            command,
            cwd=ROOT / "locust",
            env={**kept, **environment, "PYTHONPATH": search},
            text=True,
            stdout=said,
            stderr=said,
        )
        os.sched_setaffinity(started.pid, {core})
        try:
            yield started
        except SystemExit:
            sys.stderr.write(log.read_text(encoding="utf-8"))
            raise
        finally:
            end(started, signal.SIGTERM, END_SECONDS)


def cpu_s(watched: psutil.Process) -> float:
    """Give the processor time that a process has used."""
    times = watched.cpu_times()
    return float(times.user + times.system)
