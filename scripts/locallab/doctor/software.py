"""The software that a run rests on: Python, the pinned packages and, where it is used, Docker with Compose."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.markers import Marker
from packaging.version import InvalidVersion, Version

from locallab.bootstrap import OLDEST_PYTHON, ROOT
from locallab.doctor.findings import Finding, ok, problem

PINNED = ROOT / "requirements" / "lab.txt"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
OLDEST_ENGINE = "20.10"
OLDEST_COMPOSE = "2.24"
ANSWER_S = 20.0
NAMED = 3  # packages in a sentence


def python() -> Finding:
    """Say which Python runs the lab."""
    says = f"Python {platform.python_version()}"
    if sys.version_info >= OLDEST_PYTHON:
        return ok("Python", says)
    return problem("Python", says, "put Python 3.11 or newer on the PATH as python3, and delete .venv")


def packages(pinned: Path = PINNED) -> Finding:
    """Hold what is installed against the pinned versions."""
    pins = {
        name: wanted
        for name, wanted, marker in PIN.findall(pinned.read_text())
        if not marker or Marker(marker).evaluate()
    }
    installed = {name: _installed(name) for name in pins}
    other = [f"{name} {installed[name]} instead of {pins[name]}" for name in pins if installed[name] != pins[name]]
    if not other:
        return ok("packages", f"{len(pins)} packages are installed as pinned")
    more = f" and {len(other) - NAMED} more" if len(other) > NAMED else ""
    return problem(
        "packages",
        f"not as pinned: {', '.join(other[:NAMED])}{more}",
        "delete .venv and start again: the next command installs what is pinned",
    )


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(missing)"


def docker() -> list[Finding]:
    """Say whether a Docker Engine and a Compose are there that can run the lab's compose files."""
    engine = _ask("docker", "version", "--format", "{{json .Server}}")
    if engine is None:
        return [
            problem(
                "Docker Engine",
                "no Docker Engine answers",
                "start Docker, or install it; on Debian compose/offline/engine up does both",
            )
        ]
    found = [_at_least("Docker Engine", _server_version(engine), OLDEST_ENGINE)]
    compose = _ask("docker", "compose", "version", "--short")
    if compose is None:
        todo = f"install Docker's compose plugin, {OLDEST_COMPOSE} or newer"
        return [*found, problem("Docker Compose", "`docker compose` does not work", todo)]
    return [*found, _at_least("Docker Compose", compose.strip().removeprefix("v"), OLDEST_COMPOSE)]


def _ask(*command: str) -> str | None:
    """Give what a command prints; None where it is not there, fails, or takes too long."""
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return asked.stdout if asked.returncode == 0 and asked.stdout.strip() not in {"", "null"} else None


def _server_version(engine: str) -> str:
    try:
        return str(json.loads(engine)["Version"])
    except (ValueError, KeyError, TypeError):
        return ""


def _at_least(check: str, found: str, oldest: str) -> Finding:
    try:
        new_enough = Version(re.split(r"[-+~]", found)[0]) >= Version(oldest)
    except InvalidVersion:
        return problem(check, f"{check} does not say its version", f"install {check} {oldest} or newer")
    if new_enough:
        return ok(check, f"{check} {found}")
    return problem(check, f"{check} is {found}", f"install {oldest} or newer")
