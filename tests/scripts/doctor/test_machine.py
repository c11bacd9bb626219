"""What the doctor says of processors, limits and clocks."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import psutil
import pytest
from locallab.doctor import machine
from locallab.doctor.findings import Finding, Level

from tests.support.commands import ROOT

QUIET = machine.Processors(cores=4, load=0.5, steal_percent=0.0)


def by_check(seen: machine.Processors, workers: int = 2) -> dict[str, Finding]:
    return {found.check: found for found in machine.processors(seen, workers)}


def test_a_quiet_machine_is_well() -> None:
    assert {found.level for found in by_check(QUIET).values()} == {Level.OK}


def test_the_real_figures_are_read() -> None:
    seen = machine.Processors.now()
    assert 0 < seen.cores <= (psutil.cpu_count() or 1)
    assert seen.load >= 0


def test_a_process_that_is_held_to_one_core_has_too_few_for_two_workers() -> None:
    asked = "from locallab.doctor import machine; print(machine.Processors.now().cores)"
    core = min(os.sched_getaffinity(0))
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-c", asked]
    path = os.pathsep.join(map(str, (ROOT / "scripts", ROOT / "locust", ROOT)))
    cores = float(
        subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=True).stdout
    )
    assert cores == 1
    found = by_check(machine.Processors(cores, 0, 0))["CPU cores"]
    assert found.level is Level.WARNING
    assert "--workers 1" in found.todo


@pytest.mark.parametrize(
    ("check", "seen"),
    [
        ("CPU load", machine.Processors(cores=2, load=1.9, steal_percent=0)),
        ("CPU steal", machine.Processors(cores=2, load=0, steal_percent=7.5)),
    ],
)
def test_a_machine_that_others_use_is_said(check: str, seen: machine.Processors) -> None:
    levels = {name: found.level for name, found in by_check(seen).items()}
    assert levels.pop(check) is Level.WARNING
    assert set(levels.values()) == {Level.OK}


@pytest.mark.parametrize(
    ("soft", "hard", "level", "todo"),
    [
        (1024, 4096, "ok", ""),
        (256, 4096, "problem", "ulimit -n 1056"),
        (256, 512, "problem", "administrator"),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, "ok", ""),
    ],
)
def test_open_files_are_held_against_the_users(soft: int, hard: int, level: str, todo: str) -> None:
    found = machine.open_files(50 if soft == 1024 else 100, (soft, hard))
    assert found.level == level
    assert todo in found.todo


def test_a_wall_clock_that_is_set_meanwhile_is_said() -> None:
    before = machine.Clocks(wall=1_000.0, monotonic=50.0)
    assert machine.clock(before, machine.Clocks(1_001.0, 51.0)).level is Level.OK
    found = machine.clock(before, machine.Clocks(1_000.4, 51.0))
    assert found.level is Level.WARNING
    assert "-600.0 ms" in found.says
