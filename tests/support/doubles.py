"""Runs a double as a process, on a port of its own, as whoever starts the lab does."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from mock_services.core.operations import Operation

ROOT = Path(__file__).resolve().parents[2]
SETTINGS_OF_DOUBLES = ("DEEPGRAM_", "ELEVENLABS_", "OPENAI_", "STRIPE_", "SENDGRID_", "TWILIO_", "LAB_")


@contextmanager
def serving(module: str, **environment: str) -> Iterator[str]:
    """Run `python -m mock_services.<module>` with these settings and no others; give `127.0.0.1:<port>`.

    Fails where the process ends badly or has written anything to standard error: nothing may go wrong inside.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS_OF_DOUBLES)}
    command = [sys.executable, "-m", f"mock_services.{module}", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env={**clean, **environment}, text=True, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = re.fullmatch(r"\w+ ready on http://(\S+)\n", process.stdout.readline())
        try:
            assert ready, "the process did not announce itself"
            yield ready[1]
        finally:
            process.terminate()
            assert process.wait(10) in (0, -signal.SIGTERM)
            assert process.stderr.read() == "", "nothing went wrong inside"


def unanswered(address: str, operations: Iterable[Operation], *statuses: int) -> set[str]:
    """Give those of a double's operations that it never answered with one of these statuses."""
    answered = httpx.get(f"http://{address}/__lab/metrics").json()["requests"]
    wanted = {str(status) for status in statuses}
    return {operation.name for operation in operations if not wanted & set(answered.get(operation.name, {}))}
