"""How the lab's processes are started: what is meant for them waits until they can hear it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from locallab.bootstrap import INTERRUPTED_EXIT
from locallab.processes import Running, Spec, signal_group, start, stop
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
    running = start(master(ports, environment, ["--headless"], page=False), tmp_path / "log", [])
    maps = Path(f"/proc/{running.process.pid}/maps")
    if importing:
        wait_until(lambda: "gevent" in maps.read_text(), "import of gevent's")
    assert interrupted(running) == INTERRUPTED_EXIT, running.words()
    said = [line for line in running.words().splitlines() if "/INFO/" not in line]
    assert said == ["interrupted before the run began"]


def test_one_that_is_started_as_a_ctrl_c_comes_is_known_to_whoever_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Running] = []
    popen = subprocess.Popen

    def interrupted_popen(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", interrupted_popen)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start(Spec("idle", [sys.executable, "-c", "input()"], tmp_path), tmp_path / "log", started)
    finally:
        signal.signal(signal.SIGINT, before)
        stop(started)
    assert [running.spec.name for running in started] == ["idle"]
