"""The healthcheck as a container runs it: a process whose exit code says how the service is."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

HEALTH = Path(__file__).parents[2] / "compose" / "health.py"


def health(*arguments: str) -> int:
    return subprocess.run([sys.executable, HEALTH, *arguments], check=False, capture_output=True).returncode


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_http_is_well_on_200_only(url: str) -> None:
    assert health("http", f"{url}/well") == 0
    assert health("http", f"{url}/broken") == 1


def test_http_is_not_well_where_nothing_listens() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        assert health("http", f"http://127.0.0.1:{silent.getsockname()[1]}/") == 1


def test_a_worker_is_well_while_it_is_connected() -> None:
    with socket.socket() as master:
        master.bind(("127.0.0.1", 0))
        master.listen()
        port = master.getsockname()[1]
        assert health("connected", str(port)) == 1, "listening is not being connected"
        with socket.create_connection(("127.0.0.1", port)):
            assert health("connected", str(port)) == 0
    assert health("connected", str(port)) == 1


@pytest.mark.parametrize("arguments", [[], ["http"], ["connected", "soon"], ["connected", "1", "2"]])
def test_wrong_usage_is_3(arguments: list[str]) -> None:
    assert health(*arguments) == 3
