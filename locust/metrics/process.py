"""What a process of the lab uses of its machine, and how late its greenlets wake up."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gevent
import psutil

from metrics.histogram import Histogram
from metrics.throttling import Throttling

LAG_INTERVAL_S = 0.05
LEAST_S = 0.5
HELD_UP_MS = 10
"""A loop that is this late was held up: half a frame of audio, and more than any loop takes that is only busy."""
CHILDREN_FOR_S = 5.0
"""How long the list of a process's children is believed: making it looks at every process of the machine."""


@dataclass(frozen=True)
class Figures:
    """One look at a process and its children: `cpu` in percent of a core since the look before, `rss` in bytes.

    None is what cannot be seen: another user's files, or the first look's CPU.
    """

    cpu: float | None
    rss: int
    threads: int
    fds: int | None
    sockets: int | None

    def encode(self) -> dict[str, float | int | None]:
        """The figures as fields of a point, and for the wire."""
        return asdict(self)


class ProcessProbe:
    """Looks at one process and its children. `look` raises psutil.Error once the process has ended."""

    def __init__(self, pid: int | None = None, *, children: bool = True) -> None:
        self._process = psutil.Process(pid)
        self._wants_children = children
        self._children: list[psutil.Process] = []
        self._children_at = float("-inf")
        self._before: tuple[float, float] | None = None

    def look(self) -> Figures:
        """The figures of now."""
        now = time.monotonic()
        if self._wants_children and now - self._children_at > CHILDREN_FOR_S:
            self._children, self._children_at = self._process.children(recursive=True), now
        looks = [_look(self._process), *filter(None, map(_look_at_child, self._children))]
        used = sum(seconds for seconds, *_ in looks)
        cpu = None
        if self._before is not None and now > self._before[0]:
            cpu = max(0.0, 100 * (used - self._before[1]) / (now - self._before[0]))
        self._before = now, used
        return Figures(
            cpu=cpu,
            rss=sum(rss for _, rss, *_ in looks),
            threads=sum(threads for _, _, threads, *_ in looks),
            fds=_sum(fds for *_, fds, _ in looks),
            sockets=_sum(sockets for *_, sockets in looks),
        )


def _look(process: psutil.Process) -> tuple[float, int, int, int | None, int | None]:
    with process.oneshot():
        times = process.cpu_times()
        fds, sockets = _files(process.pid)
        return times.user + times.system, process.memory_info().rss, process.num_threads(), fds, sockets


def _look_at_child(child: psutil.Process) -> tuple[float, int, int, int | None, int | None] | None:
    try:
        return _look(child)
    except psutil.Error:  # it has ended since the list was made
        return None


def _files(pid: int) -> tuple[int | None, int | None]:
    """Open files and, among them, sockets; None where the system does not show them."""
    folder = Path(f"/proc/{pid}/fd")
    fds = sockets = 0
    try:
        for entry in os.scandir(folder):
            fds += 1
            try:
                sockets += os.readlink(entry.path).startswith("socket:")  # noqa: PTH115 - of thousands, once a second
            except FileNotFoundError:  # closed since it was listed
                fds -= 1
    except OSError:
        return None, None
    return fds, sockets


def _sum(parts: Any) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


class LagProbe:
    """A greenlet that sleeps a little at a time, and by how much later than asked it wakes up."""

    def __init__(self) -> None:
        self._lag = Histogram()
        self._held_up_s = 0.0
        self._taken_at = time.monotonic()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Start the greenlet, once."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def take(self) -> tuple[Histogram, float | None]:
        """The lags since the last take, in microseconds, and in how many percent of the time the loop was held up.

        None after less than half a second: what held it up may have begun before, and the next take has it.
        """
        lag, self._lag = self._lag, Histogram()
        now = time.monotonic()
        seconds = now - self._taken_at
        if seconds < LEAST_S:
            return lag, None
        held_up = min(100.0, 100 * self._held_up_s / seconds)
        self._held_up_s, self._taken_at = 0.0, now
        return lag, held_up

    def _run(self) -> None:
        while True:
            due = time.monotonic() + LAG_INTERVAL_S
            gevent.sleep(LAG_INTERVAL_S)
            late = time.monotonic() - due
            self._lag.record(int(late * 1e6))
            if late * 1000 >= HELD_UP_MS:
                self._held_up_s += late


class OwnProcess:
    """This process's figures and lag, as a worker reports them and the master writes its own."""

    def __init__(self) -> None:
        # Children (of the process that `--processes` forked from) are workers and report themselves.
        self._probe = ProcessProbe(children=False)
        self._lag = LagProbe()
        self._throttling = Throttling()

    def start(self) -> None:
        """Start to watch the lag."""
        self._lag.start()

    def take(self) -> dict[str, Any]:
        """Figures and lag since the last take, as plain numbers for the wire."""
        lag, held_up = self._lag.take()
        return {
            "figures": self._probe.look().encode(),
            "lag": lag.encode(),
            "held_up": held_up,
            "throttled": self._throttling.take(),
        }


def process_fields(taken: Mapping[str, Any]) -> dict[str, int | float | str | None]:
    """What `OwnProcess.take` gave as the fields of a point; the lag in ms."""
    lag = Histogram.decode(taken["lag"])
    p50, p99 = lag.percentiles([0.5, 0.99])
    return {
        **taken["figures"],
        "lag_p50": None if p50 is None else p50 / 1000,
        "lag_p99": None if p99 is None else p99 / 1000,
        "lag_max": lag.greatest / 1000 if lag.count else None,
        "held_up": taken["held_up"],
        "throttled": taken["throttled"],
    }
