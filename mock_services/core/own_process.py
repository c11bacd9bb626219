"""What a double says of its own process: how much of a core it has used, how long its loop was held up, and why.

Whoever measures a target through a double must know when it was the double that was slow, wherever that runs: in a
container or a pod nobody else can see its process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

INTERVAL_S = 0.05
"""How long the loop is let go between two looks at the clock."""
HELD_UP_S = 0.01
"""Half a frame: what is this late was held up, and less is how any loop runs."""
CGROUP = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


class OwnProcess:
    """Sums since the process began to be watched; the difference of two looks is what happened between them."""

    def __init__(self) -> None:
        self._held_up_s = 0.0
        self._limit = cpu_statistics()
        self._watching = False

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch the running loop; only meanwhile are there gauges."""
        watch = asyncio.create_task(self._watch())
        self._watching = True
        try:
            yield
        finally:
            self._watching = False
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            late = time.monotonic() - due
            if late > HELD_UP_S:
                self._held_up_s += late

    def gauges(self) -> dict[str, Any]:
        """`process`, while it is watched: sums in seconds, the clock they go by, and the CPU limit's periods."""
        if not self._watching:
            return {}
        periods, throttled = throttled_periods(self._limit)
        return {
            "process": {
                "at_s": time.monotonic(),
                "cpu_s": time.process_time(),
                "held_up_s": self._held_up_s,
                "periods": periods,
                "periods_throttled": throttled,
            }
        }


def cpu_statistics(own: Path = OWN_CGROUP, root: Path = CGROUP) -> Path | None:
    """The file that says how often this process's CPU limit stopped it: of its control group, version 1 or 2.

    In a container the group's own path may be the host's, which is not there: then it is the root that is seen.
    """
    try:
        groups = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:  # no Linux
        return None
    for _, controllers, path in groups:
        if not controllers or "cpu" in controllers.split(","):
            top = root / controllers
            for file in (top / path.lstrip("/") / "cpu.stat", top / "cpu.stat"):
                if file.is_file():
                    return file
    return None


def throttled_periods(statistics: Path | None) -> tuple[int, int]:
    """In how many periods of a CPU limit anything ran, and in how many of them the limit was reached."""
    if statistics is None:
        return 0, 0
    counts = dict(line.split() for line in statistics.read_text().splitlines())
    return int(counts.get("nr_periods", 0)), int(counts.get("nr_throttled", 0))
