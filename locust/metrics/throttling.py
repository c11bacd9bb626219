"""How often this process's CPU limit stopped it: what its control group (a container's, a pod's) counts."""

from __future__ import annotations

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def cpu_statistics(own: Path = OWN_CGROUP, root: Path = CGROUP) -> Path | None:
    """The `cpu.stat` of this process's control group, version 1 or 2; None where the system has none.

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


class Throttling:
    """Asked now and then, says in how many percent of the limit's periods since the last time it was reached."""

    def __init__(self, statistics: Path | None = None) -> None:
        self._statistics = statistics or cpu_statistics()
        self._before = self._counts()

    def take(self) -> float:
        """The percentage; 0 without a limit."""
        before, self._before = self._before, self._counts()
        periods = self._before[0] - before[0]
        return 100 * (self._before[1] - before[1]) / periods if periods > 0 else 0.0

    def _counts(self) -> tuple[int, int]:
        if self._statistics is None:
            return 0, 0
        counts = dict(line.split() for line in self._statistics.read_text().splitlines())
        return int(counts.get("nr_periods", 0)), int(counts.get("nr_throttled", 0))
