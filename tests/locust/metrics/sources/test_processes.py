"""Processes are found by the port that they listen on, and again when another takes their place."""

import subprocess
import sys
from typing import Any

import pytest

from metrics.process import OwnProcess
from metrics.sources import processes as module
from metrics.sources.processes import Place, ProcessesSource, place_of
from tests.support.ports import free_port
from tests.support.waiting import wait_until


def listener(port: int) -> subprocess.Popen[bytes]:
    code = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print('ready', flush=True); s.accept()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_a_process_is_found_by_its_port_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEARCH_EVERY_S", 0.0)
    port = free_port()
    first = listener(port)
    source = ProcessesSource([Place("target", "target", port)], None)
    try:
        (line,) = source.look("r", 1)
        assert line.startswith("processes,run_id=r,role=target,process=target rss=")
        (line,) = source.look("r", 2)
        assert " cpu=" in line
    finally:
        ended(first)
    assert source.look("r", 3) == []
    second = listener(port)
    try:
        wait_until(lambda: len(source.look("r", 4)) == 1, "process that listens")
    finally:
        ended(second)


def test_the_masters_own_point_has_its_lag() -> None:
    own = OwnProcess()
    (line,) = ProcessesSource([], own.take).look("r", 1)
    assert line.startswith("processes,run_id=r,role=master,process=master rss=")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8001", Place("target", "t", 8001)),
        ("http://localhost", Place("target", "t", 80)),
        ("https://localhost", Place("target", "t", 443)),
        ("http://backend:8001", None),
        ("https://dev.thanotopolis.com", None),
    ],
)
def test_only_a_process_of_this_machine_can_be_seen(url: str, expected: Any) -> None:
    assert place_of("target", "t", url) == expected
