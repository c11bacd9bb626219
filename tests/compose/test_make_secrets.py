"""The one-shot service that makes the lab's secrets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MAKE = Path(__file__).parents[2] / "compose" / "make_secrets.py"
NAMES = ["influxdb/admin-password", "influxdb/admin-token", "grafana/admin-password"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("influxdb", "suite", "grafana"):
        (tmp_path / folder).mkdir()
    return tmp_path


def make(home: Path) -> str:
    return subprocess.run([sys.executable, MAKE, home], check=True, capture_output=True, text=True).stdout


def test_each_secret_is_long_different_and_readable_by_whom_it_is_for(home: Path) -> None:
    assert make(home).splitlines() == [f"made {name}" for name in NAMES]
    values = [(home / name).read_text() for name in NAMES]
    assert len(set(values)) == len(NAMES)
    assert all(len(value) >= 43 and value.isascii() and value == value.strip() for value in values)
    modes = [(home / name).stat().st_mode & 0o777 for name in NAMES]
    assert modes == [0o400, 0o400, 0o444]


def test_no_secret_is_printed(home: Path) -> None:
    printed = make(home)
    assert not any((home / name).read_text() in printed for name in NAMES)


def test_a_second_start_changes_nothing_and_makes_what_is_missing(home: Path) -> None:
    make(home)
    before = {name: (home / name).read_text() for name in NAMES}
    assert make(home) == ""
    (home / NAMES[1]).unlink()
    assert make(home) == f"made {NAMES[1]}\n"
    assert (home / NAMES[0]).read_text() == before[NAMES[0]]
    assert (home / NAMES[1]).read_text() != before[NAMES[1]]
