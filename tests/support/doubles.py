"""Runs a double as a process, on a port of its own, as whoever starts the lab does."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from mock_services.core.operations import Operation

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (
    *("BACKEND_", "CORS_", "DEEPGRAM_", "ELEVENLABS_", "OPENAI_", "STRIPE_", "SENDGRID_", "TWILIO_"),
    *("LAB_", "LOAD_TEST_", "INFLUX_", "SIMULATE_", "LOCUST_"),
)


def without_settings() -> dict[str, str]:
    """Give this process's environment without what it would tell a double, or a run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}


@contextmanager
def starting(
    module: str, log: IO[str], *arguments: str, schemes: Sequence[str] = ("http",), **environment: str
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run `python -m mock_services.<module>` with these settings and no others, its standard error in a file.

    Gives the process and, once it is ready, its address for each scheme: `127.0.0.1:<port>`. It may end before.
    """
    command = [sys.executable, "-m", f"mock_services.{module}", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env={**without_settings(), **environment}, text=True, stdout=subprocess.PIPE, stderr=log
    ) as process:
        assert process.stdout is not None
        try:
            said = [process.stdout.readline() for _ in schemes]
            ready = [
                re.fullmatch(rf"\w+ ready on {scheme}://(\S+)\n", line)
                for scheme, line in zip(schemes, said, strict=True)
            ]
            assert all(ready), f"the process did not announce itself: {said}, {_content(log)}"
            yield process, [line[1] for line in ready if line]
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def double(module: str, directory: Path, **environment: str) -> Iterator[str]:
    """Run a double that may fail or be killed; give `127.0.0.1:<port>`. Its log is `<module>.log` in the directory."""
    with (directory / f"{module}.log").open("w+") as log, starting(module, log, **environment) as (_, (address,)):
        yield address


@contextmanager
def serving(module: str, *arguments: str, **environment: str) -> Iterator[str]:
    """Run a double in which nothing may go wrong; give `127.0.0.1:<port>`.

    Fails where the process ends badly or has written anything to standard error.
    """
    with _faultless(module, *arguments, schemes=["http"], **environment) as (address,):
        yield address


@contextmanager
def serving_tls(module: str, directory: Path, **environment: str) -> Iterator[tuple[str, str]]:
    """Do the same, also over TLS with a directory's certificate; give both addresses, the one over TLS last."""
    arguments = ["--tls-port", "0", "--tls-dir", str(directory)]
    with _faultless(module, *arguments, schemes=["http", "https"], **environment) as (plain, encrypted):
        yield plain, encrypted


@contextmanager
def _faultless(module: str, *arguments: str, schemes: Sequence[str], **environment: str) -> Iterator[list[str]]:
    with tempfile.TemporaryFile("w+") as log:
        with starting(module, log, *arguments, schemes=schemes, **environment) as (process, addresses):
            yield addresses
        assert process.returncode in (0, -signal.SIGTERM)
        assert _content(log) == "", "nothing went wrong inside"


def _content(log: IO[str]) -> str:
    log.seek(0)
    return log.read()


def refusal_to_start(module: str, *arguments: str, **environment: str) -> str:
    """Give the one sentence with which a double that is told something wrong refuses to start, and ends with 3."""
    ran = subprocess.run(
        [sys.executable, "-m", f"mock_services.{module}", "--port", "0", *arguments],
        cwd=ROOT,
        env={**without_settings(), **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (3, ""), ran.stderr
    (sentence,) = ran.stderr.splitlines()
    return sentence


def unanswered(address: str, operations: Iterable[Operation], *statuses: int) -> set[str]:
    """Give those of a double's operations that it never answered with one of these statuses."""
    answered = httpx.get(f"http://{address}/__lab/metrics").json()["requests"]
    wanted = {str(status) for status in statuses}
    return {operation.name for operation in operations if not wanted & set(answered.get(operation.name, {}))}
