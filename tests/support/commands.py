"""Runs the lab's commands as a person would: as processes, on ports of their own."""

import contextlib
import subprocess
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


def command(name: str, *arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(ROOT / "scripts" / name), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def double_of(process: subprocess.Popen[str], module: str) -> psutil.Process | None:
    """Give the process below `process` that runs `module`, once there is one."""
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that has just ended is not the one
            if module in child.cmdline():
                return child
    return None
