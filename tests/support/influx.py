"""A real InfluxDB for tests: Debian's `influxd` with the lab's gateway for the v2 API before it, as one process.

`running_influx()` starts it on free ports with an empty data directory and ends it by its pid; that of
`killable_influx()` can be killed and started again with what it held. By hand,
`python -m tests.support.influx DIRECTORY [PORT]` serves until it is interrupted, and prints where.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from compose.offline.influxdb import engine
from compose.offline.influxdb.gateway import Gateway
from compose.offline.influxdb.influx2 import Influx2
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
ORG, BUCKET, TOKEN = "lab", "lab", "token-of-the-tests"
MISSING = "influxd is not installed, and these tests need a real InfluxDB: apt-get install influxdb (Debian, Ubuntu)"


@dataclass(frozen=True)
class Influx:
    """Where a test's InfluxDB answers, and how to ask it."""

    url: str
    org: str = ORG
    bucket: str = BUCKET
    token: str = TOKEN

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Run one InfluxQL statement; each row as a dict of its tags, its columns and `time` (ms), over all series."""
        form = urllib.parse.urlencode({"db": self.bucket, "epoch": "ms", "q": statement}).encode()
        request = urllib.request.Request(f"{self.url}/query", form, {"Authorization": f"Token {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            result = json.load(answer)["results"][0]
        if "error" in result:
            raise ValueError(f"{statement}: {result['error']}")
        return [
            series.get("tags", {}) | dict(zip(series["columns"], row, strict=True))
            for series in result.get("series", [])
            for row in series["values"]
        ]


@contextmanager
def running_influx() -> Iterator[Influx]:
    """An empty InfluxDB, gone at the end."""
    if shutil.which("influxd") is None:
        raise RuntimeError(MISSING)
    with tempfile.TemporaryDirectory(prefix="influx-") as directory:
        command = [sys.executable, "-m", "tests.support.influx", directory]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"InfluxDB did not start: it ended with {process.wait(10)}")
            yield Influx(url)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            process.stdout.close()


class Killable:
    """An InfluxDB on one port and one data directory, in a session of its own that can be killed as a whole."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.influx = Influx(f"http://127.0.0.1:{self._port}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "tests.support.influx", str(self._directory), str(self._port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == self.influx.url

    def kill(self) -> None:
        """End all of it at once, without a chance to write anything down."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None


@contextmanager
def killable_influx() -> Iterator[Killable]:
    """A started InfluxDB that can be killed and started again; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="influx-") as directory:
        killable = Killable(Path(directory))
        killable.start()
        try:
            yield killable
        finally:
            killable.kill()


def _serve(directory: Path, served_port: int) -> None:
    port = free_port()
    influxd = engine.start(directory, port)
    try:
        state = directory / "influx2.json"
        known = state.exists()
        influx = Influx2("127.0.0.1", port, state)
        if not known:
            influx.setup(ORG, BUCKET, TOKEN)
            influx.create_bucket(f"{BUCKET}/runs")
        with Gateway(("127.0.0.1", served_port), influx) as gateway:
            sys.stdout.write(f"http://127.0.0.1:{gateway.server_port}\n")
            sys.stdout.flush()
            gateway.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        influxd.terminate()
        influxd.wait(20)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    _serve(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
