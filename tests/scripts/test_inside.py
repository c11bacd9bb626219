"""Whenever Ctrl-C or SIGTERM comes, a command of the lab ends with one word and the signal's code, and no traceback."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.support.commands import command
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("nothing_left")


def runs_inside(pid: int) -> bool:
    """Whether a command has become the Python of `.venv`, and so holds signals back until it can heed them."""
    return b"locallab.inside" in Path(f"/proc/{pid}/cmdline").read_bytes()


def left(environment: dict[str, str]) -> list[list[str]]:
    """The command lines of what still runs of a lab, known by its state directory."""
    lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get("LAB_STATE_DIR") == environment["LAB_STATE_DIR"]:
                lines.append(process.cmdline())
    return lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("later_s", [0.0, 0.2, 0.5])
def test_one_that_is_ended_as_it_starts_leaves_nothing(
    environment: dict[str, str], number: signal.Signals, later_s: float
) -> None:
    lab = command("lab", "up", environment=environment)
    wait_until(lambda: runs_inside(lab.pid), "command in .venv")
    deadline = time.monotonic() + later_s
    wait_until(lambda: time.monotonic() >= deadline, "moment")
    os.kill(lab.pid, number)
    out, err = lab.communicate(timeout=30)
    assert (lab.returncode, out, err) == (128 + number, "", "interrupted\n")
    assert not (Path(environment["LAB_STATE_DIR"]) / "processes.json").exists()
    assert left(environment) == []
