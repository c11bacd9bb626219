"""Starts, watches and ends the lab's processes; whatever happens to the one who started them, none is left over."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
POLL_S = 0.05
STOP_GRACE_S = 5.0
PORT_TODO = (
    "stop what listens there (`./scripts/lab down` stops a lab that was left up), or move all the lab's ports with "
    "LAB_PORT_OFFSET=1000"
)
"""What is to be done where a port is taken."""


class LabError(Exception):
    """Something that stops the lab from starting; the sentence says what and what to do."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One process of the lab. `port` is what it listens on; `health` the path that answers 200 once it is ready."""

    name: str
    command: Sequence[str]
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    health: str | None = None
    hears_late: bool = False
    """Ctrl-C waits until the process says that it can take it: Python would end with its own words, or none."""

    @property
    def url(self) -> str | None:
        """Give the address that answers when the process is ready."""
        return None if self.health is None else f"http://127.0.0.1:{self.port}{self.health}"


@dataclass(slots=True)
class Running:
    """A process that was started, and where it writes its log."""

    spec: Spec
    process: subprocess.Popen[bytes]
    log: Path | None

    def words(self, lines: int = 12) -> str:
        """Give the end of what the process wrote."""
        if self.log is None or not self.log.is_file():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def shown(path: Path) -> str:
    """Give a path, of a log for one, as somebody would type it from here."""
    return os.path.relpath(path)


def check_port(port: int, name: str) -> None:
    """Raise `LabError` where something listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            by = holder(port)
            held = f" by {by.name()} (process {by.pid})" if by is not None else ""
            raise LabError(f"port {port}, which the {name} process needs, is in use{held}: {PORT_TODO}") from None


def holder(port: int) -> psutil.Process | None:
    """Give who listens on a port; None where this user may not see it."""
    with contextlib.suppress(psutil.AccessDenied, psutil.NoSuchProcess):  # another user's
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return psutil.Process(connection.pid)
    return None


def start(spec: Spec, log: Path | None, started: list[Running], *, outlive: bool = False) -> Running:
    """Start a process in a session of its own, writing to `log` (None: to this terminal), and add it to `started`.

    Unless it is to `outlive` its starter, Linux ends it when the starter dies, however that happens.
    """
    environment = {**_inherited(), "PYTHONUNBUFFERED": "1", **spec.environment}
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    # Python runs hooks after a fork, and ignores what is raised in one: a Ctrl-C there would be lost. And one that
    # comes before the process is in `started` would leave it to nobody.
    with _interrupts_blocked(), log.open("ab") if log is not None else contextlib.nullcontext() as output:
        process = subprocess.Popen(
            spec.command,
            cwd=spec.cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=functools.partial(_begin, spec.hears_late, outlive),  # noqa: PLW1509 - no threads here
        )
        running = Running(spec, process, log)
        started.append(running)
    return running


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back from this process for the moment, and from one that it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(hears_late: bool, outlive: bool) -> None:
    """What a new process does before it becomes its command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background ignores it, and a run is ended with it
    if sys.platform == "linux" and not outlive:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM} if hears_late else INTERRUPTS)


def _inherited() -> dict[str, str]:
    """Give this process's environment without what it would tell Locust, and with no proxy between the lab's parts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    direct = ",".join(filter(None, [kept.get("no_proxy") or kept.get("NO_PROXY"), "127.0.0.1,localhost"]))
    return {**kept, "no_proxy": direct, "NO_PROXY": direct}


def wait_ready(running: Running, timeout_s: float = 30.0) -> None:
    """Wait until the process answers; raise `LabError` with its own words where it ends or takes too long.

    Another program that was quicker to take its port, and may answer there, is not taken for it, and the port is named.
    """
    deadline = time.monotonic() + timeout_s
    while not (answers(running.spec.url) and _listens(running)):
        code = running.process.poll()
        if code is not None:
            if running.spec.port is not None:
                check_port(running.spec.port, running.spec.name)
            raise LabError(f"the {running.spec.name} process ended with {code} before it was ready:\n{running.words()}")
        if time.monotonic() > deadline:
            raise LabError(f"the {running.spec.name} process was not ready in {timeout_s:.0f} s:\n{running.words()}")
        time.sleep(POLL_S)


def _listens(running: Running) -> bool:
    """Say whether it is this process that listens on its port (one without a port counts as listening)."""
    if running.spec.port is None:
        return True
    try:
        connections = psutil.Process(running.process.pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == running.spec.port for each in connections)


def answers(url: str | None) -> bool:
    """Say whether `url` answers 200 now (a process without one counts as ready)."""
    if url is None:
        return True
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def stop(processes: Sequence[Running]) -> None:
    """End processes, last started first: SIGTERM to each and, for those that do not heed it, SIGKILL."""
    for running in reversed(processes):
        signal_group(running.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_GRACE_S
    for running in reversed(processes):
        try:
            running.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            signal_group(running.process.pid, signal.SIGKILL)
            running.process.wait()


def ignore_interrupts() -> None:
    """Heed no further Ctrl-C or SIGTERM: it would leave half of the lab running."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that `start` made, and to its children."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return  # it has ended: what was wanted
