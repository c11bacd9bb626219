"""How the lab's processes are started: what is meant for them waits until they can hear it."""

import signal
from pathlib import Path

import pytest
from locallab.bootstrap import INTERRUPTED_EXIT
from locallab.processes import Running, signal_group, start, stop
from locallab.stack import Ports, master

from tests.support.commands import ROOT
from tests.support.ports import free_port
from tests.support.waiting import wait_until


def interrupted(running: Running) -> int:
    signal_group(running.process.pid, signal.SIGINT)
    try:
        return running.process.wait(60)
    finally:
        stop([running])


@pytest.mark.parametrize("importing", [False, True])
def test_ctrl_c_before_locust_can_hear_it_ends_it_with_its_sentence_alone(tmp_path: Path, importing: bool) -> None:
    """At once, before there is a Python to hear it, and while Locust or the suite is being imported."""
    environment = {
        "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'locust'}:{ROOT}",
        "LOAD_TEST_BASE_URL": "http://127.0.0.1:1",
    }
    ports = Ports(1, 1, 1, free_port(), free_port())
    running = start(master(ports, environment, ["--headless"], page=False), tmp_path / "log")
    maps = Path(f"/proc/{running.process.pid}/maps")
    if importing:
        wait_until(lambda: "gevent" in maps.read_text(), "import of gevent's")
    assert interrupted(running) == INTERRUPTED_EXIT, running.words()
    said = [line for line in running.words().splitlines() if "/INFO/" not in line]
    assert said == ["interrupted before the run began"]
