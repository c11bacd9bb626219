"""A process is seen as it is: its CPU, its memory, its open files and sockets, and how late its greenlets wake up."""

# mypy: allow-untyped-calls

import os
import socket
import subprocess
import sys
import time

import gevent
import psutil
import pytest

from metrics.process import LagProbe, OwnProcess, ProcessProbe, process_fields
from tests.support.waiting import wait_until


def test_figures_are_those_of_the_system() -> None:
    probe = ProcessProbe(children=False)
    assert probe.look().cpu is None, "there is nothing to compare the first look with"
    with socket.socket(), socket.socket():
        figures = probe.look()
    own = psutil.Process()
    assert figures.rss == pytest.approx(own.memory_info().rss, rel=0.2)
    assert figures.threads == own.num_threads()
    assert figures.fds == pytest.approx(own.num_fds() + 2, abs=2)
    assert figures.sockets is not None
    after = probe.look().sockets
    assert after is not None
    assert figures.sockets - after == 2


def test_cpu_is_that_of_the_process_and_its_children() -> None:
    busy = [sys.executable, "-c", "while True: pass"]
    parent = f"import subprocess, sys; subprocess.run({busy!r})"
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        wait_until(lambda: bool(psutil.Process(process.pid).children()), "child")
        probe = ProcessProbe(process.pid)
        probe.look()
        cpu = 0.0
        while cpu < 5:  # the parent waits: it is the child that works
            assert time.monotonic() < deadline
            cpu = probe.look().cpu or 0.0
        before = ProcessProbe(process.pid, children=False)
        before.look()
        assert (before.look().cpu or 0) < 5
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_a_process_that_has_ended_cannot_be_looked_at() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    probe = ProcessProbe(process.pid)
    probe.look()
    process.communicate(b"\n")
    with pytest.raises(psutil.Error):
        probe.look()


def test_a_greenlet_that_holds_the_process_shows_as_lag() -> None:
    probe = LagProbe()
    probe.start()
    gevent.sleep(0.12)
    probe.take()
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        pass  # what no greenlet should do
    gevent.sleep(0.25)
    lag, held_up = probe.take()
    assert lag.greatest > 150_000
    assert held_up is not None
    assert 20 < held_up <= 100, "of some 0.7 s it was held up for 0.3 s"
    assert probe.take()[1] is None, "half a second is too short to say"


def test_a_worker_reports_its_own_process() -> None:
    own = OwnProcess()
    own.start()
    gevent.sleep(0.6)
    fields = process_fields(own.take())
    assert {"rss", "threads", "lag_p50", "lag_p99", "lag_max", "held_up"} <= {
        name for name, v in fields.items() if v is not None
    }
    assert process_fields(own.take())["cpu"] is not None
