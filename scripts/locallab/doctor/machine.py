"""The machine that is to make the load: its processors, its clock, and how many files a process may hold open."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from locallab.doctor.findings import Finding, ok, problem, warning
from metrics.wording import counted

LOOK_S = 0.5
"""How long the processors are watched for what other guests of the same host take."""
BUSY_SHARE = 0.7
"""A machine whose run queue is longer than this share of its cores has little to spare."""
STEAL_PERCENT = 2.0
STEP_MS = 20.0
"""A wall clock that moves so far against the monotonic one within seconds is being set."""
FILES_BESIDES = 256
FILES_PER_USER = 8
"""A user holds its connections to the target; the reference backend, beside its ends of those, some to the vendors."""
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class Processors:
    """How many cores this process may use, the load of the last minute, and the percentage that the host withheld."""

    cores: float
    load: float
    steal_percent: float

    @classmethod
    def now(cls) -> Processors:
        """Look for `LOOK_S`."""
        steal = getattr(psutil.cpu_times_percent(LOOK_S), "steal", 0.0)
        return cls(min(float(_schedulable()), _quota()), psutil.getloadavg()[0], steal)


def _schedulable() -> int:
    affinity = getattr(psutil.Process(), "cpu_affinity", None)  # not on macOS
    return len(affinity()) if affinity else psutil.cpu_count() or 1


def _quota(file: Path = CPU_MAX) -> float:
    """Give how many cores a container may use: infinitely many where none says."""
    if not file.is_file():
        return float("inf")
    quota, _, period = file.read_text().partition(" ")
    return float("inf") if quota == "max" else int(quota) / int(period)


def processors(seen: Processors, workers: int) -> list[Finding]:
    """Say whether there are cores for a master, `workers`, and the doubles, and whether others use them."""
    found = []
    says = f"{counted(seen.cores, 'core')} for {counted(workers, 'worker')}, a master and the doubles"
    if seen.cores < workers:
        found.append(
            warning(
                "CPU cores",
                says,
                f"run fewer workers than cores (--workers {max(1, int(seen.cores) - 1)}), or use a machine with more:"
                " a run whose workers starve is invalid",
            )
        )
    else:
        found.append(ok("CPU cores", says))
    if seen.load > seen.cores * BUSY_SHARE:
        found.append(
            warning(
                "CPU load",
                f"the load of the last minute is {seen.load:.1f} on {counted(seen.cores, 'core')}",
                "end what else keeps the machine busy (top shows it), or wait: it would be measured as the target's",
            )
        )
    else:
        found.append(ok("CPU load", f"the load of the last minute is {seen.load:.1f} on {counted(seen.cores, 'core')}"))
    if seen.steal_percent > STEAL_PERCENT:
        found.append(
            warning(
                "CPU steal",
                f"the host withholds {seen.steal_percent:.1f} % of the processors from this virtual machine",
                "use a host that is not overbooked, or read the run's latencies with that in mind",
            )
        )
    else:
        found.append(ok("CPU steal", f"the host withholds {seen.steal_percent:.1f} % of the processors"))
    return found


def open_files(users: int, limits: tuple[int, int] | None = None) -> Finding:
    """Hold the limit of open files (soft and hard; this process's own by default) against what so many users need."""
    soft, hard = (_unlimited(limit) for limit in limits or resource.getrlimit(resource.RLIMIT_NOFILE))
    needed = FILES_BESIDES + FILES_PER_USER * users
    says = f"a process may have {_figure(soft)} files open; {counted(users, 'user')} may need some {needed:,}"
    if soft >= needed:
        return ok("open files", says)
    if hard >= needed:
        return problem("open files", says, f"run `ulimit -n {needed}` in this shell first")
    return problem(
        "open files",
        f"{says}, and the hard limit is {_figure(hard)}",
        f"have an administrator raise nofile to {needed} (/etc/security/limits.conf, or LimitNOFILE= of the unit)",
    )


def _unlimited(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _figure(limit: float) -> str:
    return "any number of" if limit == float("inf") else f"{limit:,.0f}"


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both clocks at one moment, in seconds."""

    wall: float
    monotonic: float

    @classmethod
    def now(cls) -> Clocks:
        """Read both, one right after the other."""
        return cls(time.time(), time.monotonic())


def clock(before: Clocks, after: Clocks) -> Finding:
    """Say whether the wall clock went as fast as the monotonic one between two moments."""
    span_s = after.monotonic - before.monotonic
    apart_ms = 1000 * (after.wall - before.wall - span_s)
    says = f"wall clock and monotonic clock moved {apart_ms:+.1f} ms apart within {span_s:.1f} s"
    if abs(apart_ms) <= STEP_MS:
        return ok("clock", says)
    return warning(
        "clock",
        says,
        "wait until the clock is set (`timedatectl` shows it), or points of one second are written to another",
    )
