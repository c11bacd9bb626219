"""Runs a double as a process, on a port of its own, as whoever starts the lab does."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    with _running(module, [], ["http"], environment) as (address,):
        yield address


@contextmanager
def serving_tls(module: str, directory: Path, **environment: str) -> Iterator[tuple[str, str]]:
    """Do the same, also over TLS with a directory's certificate; give both addresses, the one over TLS last."""
    arguments = ["--tls-port", "0", "--tls-dir", str(directory)]
    with _running(module, arguments, ["http", "https"], environment) as (plain, encrypted):
        yield plain, encrypted


@contextmanager
def _running(
    module: str, arguments: Sequence[str], schemes: Sequence[str], environment: Mapping[str, str]
) -> Iterator[list[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS_OF_DOUBLES)}
    command = [sys.executable, "-m", f"mock_services.{module}", "--port", "0", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env={**clean, **environment}, text=True, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = [re.fullmatch(rf"\w+ ready on {scheme}://(\S+)\n", process.stdout.readline()) for scheme in schemes]
        try:
            assert all(ready), "the process did not announce itself"
            yield [line[1] for line in ready if line]
        finally:
            process.terminate()
            assert process.wait(10) in (0, -signal.SIGTERM)
            assert process.stderr.read() == "", "nothing went wrong inside"


def unanswered(address: str, operations: Iterable[Operation], *statuses: int) -> set[str]:
    """Give those of a double's operations that it never answered with one of these statuses."""
    answered = httpx.get(f"http://{address}/__lab/metrics").json()["requests"]
    wanted = {str(status) for status in statuses}
    return {operation.name for operation in operations if not wanted & set(answered.get(operation.name, {}))}
