"""compose/chaos.py as the service runs it: a process beside real doubles, with a schedule from a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.doubles import ROOT, double
from tests.support.ports import free_port
from tests.support.suite_lab import clean_environment
from tests.support.waiting import wait_until

SCHEDULE = """
starts = "set"
[[faults]]
name = "models away"
description = "OpenAI answers nobody for a moment."
service = "openai"
kind = "status"
status = 503
for_s = 6
"""


class Chaos:
    """The script as a process, with a temporary directory of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.set = directory / "set"
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "compose" / "chaos.py", *arguments],
            env=os.environ | {"TMPDIR": str(directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> str:
        """Tell it to end; what it had printed."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, said
        return said


@contextmanager
def chaos(directory: Path, *doubles: str, schedule: str = SCHEDULE) -> Iterator[Chaos]:
    file = directory / "schedule.toml"
    file.write_text(schedule)
    started = Chaos(directory, str(file), *(f"http://{address}" for address in doubles))
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait(10)
        assert started.process.stdout is not None
        started.process.stdout.close()


def faults(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/openai/__lab/faults", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)["services"]["openai"]
        return found


def status(address: str) -> int:
    request = urllib.request.Request(
        f"http://{address}/openai/v1/models",
        headers={"Authorization": "Bearer sk-1ab0000000000000000000000000000000000000000penai"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_schedule_is_kept_until_the_end_and_then_taken_away(tmp_path: Path) -> None:
    with double("vendors", tmp_path) as vendors, double("twilio", tmp_path) as twilio:
        with chaos(tmp_path, vendors, twilio) as running:
            wait_until(running.set.exists, "word that all doubles have their part")
            assert status(vendors) == 503
            wait_until(lambda: not faults(vendors)["in_force"], "end of the fault")
            assert status(vendors) == 200
            said = running.end()
        assert faults(vendors)["conditions"]["faults"] == []
    assert f"http://{vendors} has its part of the schedule\n" in said
    assert f"http://{twilio} has no part in it\n" in said
    assert "in force: models away\n" in said
    assert said.endswith("taking the faults away\n")


def test_a_double_that_was_restarted_is_given_it_again(tmp_path: Path) -> None:
    port = free_port()
    vendors = f"127.0.0.1:{port}"

    @contextmanager
    def restarted() -> Iterator[None]:
        command = [sys.executable, "-m", "mock_services.vendors", "--port", str(port)]
        with subprocess.Popen(
            command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            yield
            process.terminate()

    with chaos(tmp_path, vendors) as running:
        with restarted():
            wait_until(lambda: bool(faults(vendors)["conditions"]["faults"]), "schedule")
        with restarted():
            wait_until(lambda: bool(faults(vendors)["conditions"]["faults"]), "schedule after the restart")
            running.end()


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [("faults = 3", "answers 4"), ("[[faults]]\nname = 'x'\nkind = 'sideways'\n", "answers 4")],
)
def test_a_schedule_that_is_wrong_is_refused_in_the_doubles_words(tmp_path: Path, schedule: str, sentence: str) -> None:
    with double("vendors", tmp_path) as vendors, chaos(tmp_path, vendors, schedule=schedule) as running:
        said, _ = running.process.communicate(timeout=20)
        assert running.process.returncode == 3
        assert sentence in said
        assert "Traceback" not in said


class Refusing(BaseHTTPRequestHandler):
    """A double that shows no faults, and refuses one kind of request."""

    method = ""

    def do_GET(self) -> None:
        refused = self.command == self.method
        body = b"no" if refused else json.dumps({"services": {}}).encode()
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def refusing(method: str) -> Iterator[str]:
    handler = type("Refusing", (Refusing,), {"method": method})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_double_that_keeps_its_faults_does_not_keep_the_others_theirs(tmp_path: Path) -> None:
    with double("vendors", tmp_path) as vendors, refusing("DELETE") as first:
        with chaos(tmp_path, first, vendors) as running:
            wait_until(running.set.exists, "word that all doubles have their part")
            said = running.end()
        assert faults(vendors)["conditions"]["faults"] == []
    assert f"http://{first} answers 503: no; it may still have its faults: start it anew\n" in said
    assert "Traceback" not in said


def test_a_schedule_that_one_double_refuses_is_left_with_none(tmp_path: Path) -> None:
    with double("vendors", tmp_path) as vendors, refusing("PUT") as second:
        with chaos(tmp_path, vendors, second) as running:
            said, _ = running.process.communicate(timeout=20)
            assert running.process.returncode == 3
        assert faults(vendors)["conditions"]["faults"] == []
    assert f"http://{second} answers 503: no\n" in said


def test_a_schedule_that_is_not_there_is_named(tmp_path: Path) -> None:
    running = Chaos(tmp_path, str(tmp_path / "none.toml"), "http://127.0.0.1:1")
    said, _ = running.process.communicate(timeout=20)
    assert running.process.returncode == 3
    sentence = "cannot be read: No such file or directory; LAB_CHAOS names a file of compose/faults/"
    assert said == f"{tmp_path}/none.toml {sentence}\n"
