"""Runs Locust as a person would, as a process, with the test suite `tests/locust/metrics/measured_locustfile.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCUSTFILE = ROOT / "tests" / "locust" / "metrics" / "measured_locustfile.py"


class Locust:
    """A Locust process, its results, and the raw samples that the suite wrote beside the measurement layer."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.results = directory / "results"
        self.raw = directory / "raw"
        self.raw.mkdir(exist_ok=True)
        variables = os.environ | {
            "PYTHONPATH": f"{ROOT / 'locust'}{os.pathsep}{ROOT}",
            "TEST_RESULTS": str(self.results),
            "TEST_RAW": str(self.raw),
            **environment,
        }
        command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--only-summary", *arguments]
        self.process = subprocess.Popen(
            command, cwd=directory, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = ""

    def finish(self, timeout: float = 60) -> int:
        """Wait for the end; the exit code. What was printed is in `output`."""
        self.output, _ = self.process.communicate(timeout=timeout)
        return self.process.returncode

    def kill(self) -> None:
        """End the process if a test left it running."""
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.finish()

    def samples(self) -> list[list[Any]]:
        """Every request of the run: time, type, name, response time in ms, failed, scenario."""
        return [json.loads(line) for path in self.raw.iterdir() for line in path.read_text().splitlines()]

    def verdict(self, run_id: str = "latest") -> dict[str, Any]:
        """The run's verdict.json."""
        found: dict[str, Any] = json.loads((self.results / run_id / "verdict.json").read_text())
        return found


@contextmanager
def running(*processes: Locust) -> Iterator[None]:
    """Have these processes ended at the end, whatever happens."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
