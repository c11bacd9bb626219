"""A real InfluxDB for tests: Debian's `influxd` with the lab's gateway for the v2 API before it, as one process.

`running_influx()` starts it on free ports with an empty data directory and ends it by its pid. By hand,
`python -m tests.support.influx DIRECTORY` serves until it is interrupted, and prints where.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
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


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve(directory: Path) -> None:
    port = free_port()
    influxd = engine.start(directory, port)
    try:
        influx = Influx2("127.0.0.1", port)
        influx.setup(ORG, BUCKET, TOKEN)
        with Gateway(("127.0.0.1", 0), influx) as gateway:
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
    _serve(Path(sys.argv[1]))
