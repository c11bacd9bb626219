"""The doubles as processes on ports of their own, and the load suite run against them as a person would run it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.doubles import ROOT, double, without_settings

SUITE = ROOT / "locust"
CREDENTIALS = ("AC1ab00000000000000000000000000001", "1ab0000000000000000000000000abcd")


def clean_environment(**changes: str) -> dict[str, str]:
    return {**without_settings(), "PYTHONPATH": str(ROOT), **changes}


@dataclass(frozen=True)
class Lab:
    """Where the doubles are, and where runs leave their results."""

    backend: str
    twilio: str
    vendors: str
    results: Path

    def environment(self, **changes: str) -> dict[str, str]:
        own = {
            "LOAD_TEST_BASE_URL": f"http://{self.backend}",
            "LAB_TWILIO_URL": f"http://{self.twilio}",
            "LAB_VENDORS_URL": f"http://{self.vendors}",
            "LAB_RESULTS_DIR": str(self.results),
        }
        return clean_environment(**own | changes)

    def numbers(self) -> list[dict[str, Any]]:
        """The numbers that the Twilio double has."""
        url = f"http://{self.twilio}/2010-04-01/Accounts/{CREDENTIALS[0]}/IncomingPhoneNumbers.json"
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, *CREDENTIALS)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["incoming_phone_numbers"]
            return found

    def verdict(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.results / run_id / "verdict.json").read_text())
        return found

    def cleanup(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.results / run_id / "cleanup.json").read_text())
        return found


@contextmanager
def running_lab(directory: Path, **backend_settings: str) -> Iterator[Lab]:
    """The doubles of a run with calls. Passwords hash quickly, and every organisation can be called."""
    with contextlib.ExitStack() as started:
        vendors = started.enter_context(double("vendors", directory))
        twilio = started.enter_context(double("twilio", directory))
        settings = {
            "DEEPGRAM_AGENT_URL": f"ws://{vendors}/deepgram/v1/agent/converse",
            "DEEPGRAM_LISTEN_URL": f"ws://{vendors}/deepgram/v1/listen",
            "OPENAI_BASE_URL": f"http://{vendors}/openai/v1",
            "SENDGRID_API_URL": f"http://{vendors}/sendgrid",
            "STRIPE_API_URL": f"http://{vendors}/stripe",
            "TWILIO_API_URL": f"http://{twilio}",
            "BACKEND_DIALABLE_TENANTS": "true",
            "BACKEND_BCRYPT_ROUNDS": "4",
        }
        backend = started.enter_context(double("backend", directory, **settings | backend_settings))
        yield Lab(backend, twilio, vendors, directory / "results")


def listener(address: str) -> psutil.Process:
    """The double that listens on an address, a process below this one."""
    port = int(address.rpartition(":")[2])
    for child in psutil.Process().children(recursive=True):
        if any(found.laddr.port == port for found in child.net_connections() if found.status == psutil.CONN_LISTEN):
            return child
    raise AssertionError(f"nothing listens on {address}")


class Suite:
    """One Locust process of the suite; what it prints is in `output` once it has ended."""

    def __init__(self, environment: dict[str, str], *arguments: str, locustfile: str = "main_load_test.py") -> None:
        command = [sys.executable, "-m", "locust", "-f", locustfile, *arguments]
        self.process = subprocess.Popen(
            command, cwd=SUITE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = ""

    def finish(self, timeout: float = 90) -> int:
        self.output, _ = self.process.communicate(timeout=timeout)
        return self.process.returncode

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def read_until(self, text: str, timeout: float = 60) -> None:
        """Read what the process prints until a line holds this text; end it when that takes too long."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(timeout, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                self.output += line
                if text in line:
                    return
        finally:
            watchdog.cancel()
        raise AssertionError(f"{text!r} was never printed:\n{self.output}")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()


@contextmanager
def ended(*processes: Suite) -> Iterator[None]:
    """Have these processes ended at the end, whatever happens."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
