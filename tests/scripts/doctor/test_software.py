"""What the doctor says of packages and Docker: real lists of pins, and a `docker` that is a program of the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from locallab.doctor import software
from locallab.doctor.findings import Finding, Level


def test_this_environment_is_as_pinned() -> None:
    assert software.python().level is Level.OK
    found = software.packages()
    assert found.level is Level.OK, found


def test_packages_that_differ_are_named(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text(
        "rich==0.0.1 \\\n    --hash=sha256:0\nno-such-package==1.0 \\\n    --hash=sha256:0\n"
        "also-missing==2 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n"
    )
    found = software.packages(pins)
    assert found.level is Level.PROBLEM
    assert "instead of 0.0.1, no-such-package (missing) instead of 1.0" in found.says
    assert "also-missing" not in found.says


def docker(folder: Path, engine: str, compose: str) -> None:
    """Put a `docker` into a folder that says these versions; a compose of "" does not work."""
    program = folder / "docker"
    program.write_text(
        f"""#!/bin/sh
if [ "$1" = version ]; then echo '{engine}'; exit; fi
[ -n '{compose}' ] && echo '{compose}'
"""
    )
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("engine", "compose", "levels"),
    [
        ('{"Version": "28.2.2"}', "v2.40.1-desktop.1", ["ok", "ok"]),
        ('{"Version": "20.10.24+dfsg1"}', "2.24.0", ["ok", "ok"]),
        ('{"Version": "19.3.1"}', "2.26.1", ["problem", "ok"]),
        ('{"Version": "28.2.2"}', "2.23.3", ["ok", "problem"]),
        ('{"Version": "28.2.2"}', "", ["ok", "problem"]),
        ("what", "2.26.1", ["problem", "ok"]),
        ("null", "2.26.1", ["problem"]),
    ],
)
def test_versions_of_docker_and_compose(
    engine: str, compose: str, levels: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, engine, compose)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found: list[Finding] = software.docker()
    assert [each.level for each in found] == levels
    assert all(each.todo for each in found if each.level is Level.PROBLEM)


def test_a_machine_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = software.docker()
    assert found.level is Level.PROBLEM
