"""Processes of this machine: the master's own, and those that listen where doubles and the target are."""

# mypy: allow-untyped-calls
# gevent has no annotations.

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gevent
import psutil

from metrics.lines import MILLISECONDS, line
from metrics.process import ProcessProbe, process_fields

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SEARCH_EVERY_S = 30.0
"""Finding out who listens on a port looks at every process of the machine."""


@dataclass(frozen=True)
class Place:
    """A process that is known by the port on this machine that it listens on."""

    role: str
    name: str
    port: int


def place_of(role: str, name: str, url: str) -> Place | None:
    """Where a URL's process is, when that is this machine."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        return None
    return Place(role, name, parts.port or (443 if parts.scheme == "https" else 80))


def listeners() -> dict[int, int]:
    """The process that listens on each TCP port, as far as this user may see it."""
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS asks for root
        return {}
    return {c.laddr.port: c.pid for c in found if c.status == psutil.CONN_LISTEN and c.laddr and c.pid is not None}


class ProcessesSource:
    """`own` gives this process's figures as `metrics.process.OwnProcess.take` does; None leaves it out."""

    def __init__(self, places: list[Place], own: Callable[[], Mapping[str, Any]] | None) -> None:
        self._places = places
        self._own = own
        self._probes: dict[Place, ProcessProbe] = {}
        self._searched = float("-inf")

    def look(self, run_id: str, second: int) -> list[str]:
        """`processes`, one point each; a process that is not on this machine has none."""
        time_ms = second * MILLISECONDS
        lines = []
        if self._own is not None:
            tags = {"run_id": run_id, "role": "master", "process": "master"}
            lines.append(line("processes", tags, process_fields(self._own()), time_ms))
        self._search()
        for place, probe in list(self._probes.items()):
            try:
                figures = probe.look()
            except psutil.Error:  # it has ended: whoever takes its place is searched for
                del self._probes[place]
                continue
            tags = {"run_id": run_id, "role": place.role, "process": place.name}
            lines.append(line("processes", tags, figures.encode(), time_ms))
        return lines

    def _search(self) -> None:
        missing = [place for place in self._places if place not in self._probes]
        if not missing or time.monotonic() - self._searched < SEARCH_EVERY_S:
            return
        self._searched = time.monotonic()
        pids = gevent.get_hub().threadpool.apply(listeners)
        for place in missing:
            if place.port in pids:
                try:
                    self._probes[place] = ProcessProbe(pids[place.port])
                except psutil.NoSuchProcess:
                    continue

    def close(self) -> None:
        """Nothing is held."""
