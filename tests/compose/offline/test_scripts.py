"""The scripts of compose/offline, with a `docker` that answers as each test needs and writes down what it was asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OFFLINE = ROOT / "compose" / "offline"
ONLY_PYTHON = 'case "$*" in *python:*) echo ;; *) exit 1 ;; esac'
IMAGES = "thanotopolis-lab/suite\ninfluxdb:2.9.1\ngrafana/grafana:13.1.2"


class Machine:
    """A machine whose `docker` is a script, with a cache of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.calls = home / "calls"
        self.docker()

    def docker(self, **answers: str) -> None:
        """Sets what docker does for a command given with underscores; the rest succeeds without a word."""
        known = {
            "compose_version": "echo 2.26.1-4",
            "version": "echo 20.10.24",
            "compose_config": f"printf '%s\\n' {' '.join(IMAGES.split())}",
            "image_inspect": "echo",
        } | answers
        cases = "".join(f"'{name.replace('_', ' ')}'*) {command} ;;\n" for name, command in known.items())
        path = self.home / "docker"
        path.write_text(f'#!/bin/sh\necho "$*" >>{self.calls}\ncase "$*" in\n{cases}esac\n')
        path.chmod(0o755)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        path, cache = f"{self.home}:{os.environ['PATH']}", str(self.home / "cache")
        variables = os.environ | {"PATH": path, "XDG_CACHE_HOME": cache}
        return subprocess.run(
            [OFFLINE / command[0], *command[1:]], env=variables, check=False, capture_output=True, text=True
        )

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_engine_up_changes_nothing_where_all_is_there(machine: Machine) -> None:
    done = machine.run("engine", "up")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "engine: Docker Engine 20.10.24, Compose 2.26.1-4\n"


@pytest.mark.parametrize("arguments", [[], ["sideways"]])
def test_engine_takes_up_or_down(machine: Machine, arguments: list[str]) -> None:
    done = machine.run("engine", *arguments)
    assert (done.returncode, done.stderr) == (3, "engine: usage: compose/offline/engine up | down\n")


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_engine_down_ends_no_process_but_its_own_dockerd(machine: Machine, stranger: subprocess.Popen[bytes]) -> None:
    """The pid of a dockerd that is long gone may be anyone's by now."""
    pid_file = machine.home / "cache" / "thanotopolis-lab" / "dockerd.pid"
    pid_file.parent.mkdir(parents=True)
    pid_file.write_text(str(stranger.pid))
    done = machine.run("engine", "down")
    assert (done.returncode, done.stderr) == (0, "")
    assert stranger.poll() is None
    assert not pid_file.exists()


def test_images_that_are_there_are_neither_pulled_nor_built(machine: Machine) -> None:
    done = machine.run("build-images")
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "python:3.11-slim-bookworm",
        "influxdb:2.9.1",
        "grafana/grafana:13.1.2",
    ]
    assert not [call for call in machine.asked() if call.startswith(("pull", "build", "import"))]


def test_a_stand_in_gives_way_to_the_real_image(machine: Machine) -> None:
    machine.docker(image_inspect="echo an-old-recipe")
    done = machine.run("build-images")
    assert done.returncode == 0, done.stderr
    assert "pulled python:3.11-slim-bookworm" in done.stderr
    assert "pulled influxdb:2.9.1" in done.stderr


def test_influxdb_gets_a_stand_in_where_it_cannot_be_pulled(machine: Machine) -> None:
    machine.docker(pull="exit 1", image_inspect=ONLY_PYTHON)
    done = machine.run("build-images")
    assert done.returncode == 0, done.stderr
    (build,) = [call for call in machine.asked() if call.startswith("build")]
    assert "--tag influxdb:2.9.1 --file compose/offline/influxdb/Dockerfile ." in build
    assert "grafana/grafana:13.1.2 cannot be pulled and has no stand-in" in done.stderr


def test_a_stand_in_of_the_same_recipe_is_kept(machine: Machine) -> None:
    machine.docker(pull="exit 1", image_inspect=ONLY_PYTHON)
    machine.run("build-images")
    (build,) = [call for call in machine.asked() if call.startswith("build")]
    recipe = build.partition("stand-in=")[2].split()[0]
    machine.calls.write_text("")
    machine.docker(
        pull="exit 1",
        image_inspect=f"""case "$*" in *python:*) echo ;; *influxdb:*) echo {recipe} ;; *) exit 1 ;; esac""",
    )
    done = machine.run("build-images")
    assert "the stand-in for influxdb:2.9.1 is here" in done.stderr
    assert not [call for call in machine.asked() if call.startswith("build")]


def test_build_images_asks_for_an_engine_first(machine: Machine) -> None:
    machine.docker(version="exit 1")
    done = machine.run("build-images")
    assert done.returncode == 1
    assert "no Docker Engine with Compose answers: run 'eval" in done.stderr


SCRIPTS = [
    OFFLINE / "engine",
    OFFLINE / "build-images",
    ROOT / "scripts" / "compose-smoke",
    ROOT / "influx" / "init" / "10-tokens.sh",
]


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])
def test_a_script_is_executable_and_bash_reads_it(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
