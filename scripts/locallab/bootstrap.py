"""Makes `.venv` with pinned dependencies and goes on inside it.

Standard library only: this runs before anything else is there. As a program it makes the environment that it is asked
for and prints its Python: `python3 scripts/locallab/bootstrap.py dev`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
USAGE_EXIT = 3
INTERRUPTED_EXIT = 130  # what a shell gives for a command that Ctrl-C ended
OLDEST_PYTHON = (3, 11)
# A set that holds another needs no second installation when the smaller one is asked for.
CONTAINS = {"dev": ("lab", "suite", "doubles"), "lab": ("suite", "doubles")}


def run_inside(requirements: str, module: str) -> NoReturn:
    """Become `python -m module`, in a `.venv` that holds `requirements/<requirements>.txt`, with this command line."""
    try:
        python = ensure(requirements)
    except KeyboardInterrupt:
        _say("interrupted; the next start goes on with the installation")
        raise SystemExit(INTERRUPTED_EXIT) from None
    own = [str(ROOT / "scripts"), str(ROOT / "locust"), str(ROOT)]
    search = os.pathsep.join([*own, *filter(None, [os.environ.get("PYTHONPATH", "")])])
    # Until the command is there to heed them: an interrupted import ends with a traceback, or swallows the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    command = [str(python), "-m", "locallab.inside", module, *sys.argv[1:]]
    os.execve(python, command, {**os.environ, "PYTHONPATH": search})  # noqa: S606


def ensure(requirements: str) -> Path:
    """Give the Python of a `.venv` in which the set called `requirements` is installed as pinned now."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        _refuse(f"this is Python {found}; the lab needs 3.11 or newer: put one first on the PATH as python3")
    environment = ROOT / ".venv"
    python = environment / "bin" / "python"
    try:
        (ROOT / ".lab").mkdir(exist_ok=True)
        lock = (ROOT / ".lab" / "install.lock").open("w")
    except OSError as error:
        _refuse(
            f"{error.filename} cannot be written ({error.strerror}): use the lab as the user whose checkout this is"
        )
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands started at once install once
        if not _holds(environment, requirements):
            _install(environment, python, requirements)
    return python


def _holds(environment: Path, requirements: str) -> bool:
    stamp = environment / f"{requirements}.installed"
    return stamp.is_file() and stamp.read_text() == _digest(requirements)


def _install(environment: Path, python: Path, requirements: str) -> None:
    _say(f"installing the lab's pinned dependencies ({requirements}) into .venv: half a minute, once")
    made = environment / "made"  # written last: an environment without it was begun and not finished
    if not made.exists():
        if subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=False).returncode:
            _refuse("Python's venv module cannot make .venv; on Debian, apt-get install python3-venv, then try again")
        made.touch()
    command = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes"]
    command += ["--requirement", str(ROOT / "requirements" / f"{requirements}.txt")]
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        _refuse("pip could not install the lab's dependencies; its own words are above")
    for name in (requirements, *CONTAINS.get(requirements, ())):
        (environment / f"{name}.installed").write_text(_digest(name))


def _digest(requirements: str) -> str:
    pinned = (ROOT / "requirements" / f"{requirements}.txt").read_bytes()
    return hashlib.sha256(sys.version.encode() + pinned).hexdigest()


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _refuse(sentence: str) -> NoReturn:
    _say(sentence)
    raise SystemExit(USAGE_EXIT)


if __name__ == "__main__":
    print(ensure(sys.argv[1]))
