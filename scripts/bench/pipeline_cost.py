"""The pipeline bench: what measuring costs a worker and the master, and that points do not depend on the request rate.

    scripts/bench/pipeline --seconds 8 --rounds 3

Two workers do GETs as fast as they can, one with the suite's measuring and one without, on one core at the same time,
so that whatever else runs there disturbs both alike; they are compared by the second of processor time. Then seconds of
a run of 50 endpoints at several rates, with a clock moved by hand.
Exit code 0: on target; 1: off target; 2: the run is worth nothing.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from bench.command import BenchParser, any_number, conclude
from bench.filling import SO_FAR, endpoints_of, record
from bench.locusts import START_SECONDS, WARM_S, cpu_s, locust
from bench.pinned import Cores, get, process
from locallab.arguments import whole_number

from configs.targets import load_targets
from metrics.outbox import LIVE
from metrics.recorder import Recorder
from metrics.run import Run

LEAST_SHARE = 0.95
ENDPOINTS = 50
RATES = (100, 1_000, 10_000)
"""Requests a second; at each of them every endpoint has some in every second."""
READERS = {"alone": "endless_reader.py", "measured": "measured_reader.py"}
USERS = 20


def main() -> None:
    """Run the bench and print its figures."""
    parser = BenchParser("pipeline", __doc__)
    parser.takes("--seconds", any_number(1, 120), 8.0, "how long each is measured")
    parser.takes("--rounds", whole_number(1, 20), 3, "rounds of the workers")
    parser.add_argument("--part", choices=["worker", "points", "both"], default="both")
    asked = parser.parse_args()
    cores = Cores.of_this_process()
    figures: dict[str, Any] = {"cores": str(cores)}
    if asked.part != "points":
        figures["workers"] = [measure_pair(cores, asked.seconds) for _ in range(asked.rounds)]
    if asked.part != "worker":
        figures["points"] = {rate: measure_points(rate, int(asked.seconds)) for rate in RATES}
    conclude(asked, figures, as_text(figures), verdict(figures)[0])


def measure_pair(cores: Cores, seconds: float) -> dict[str, dict[str, float]]:
    """Have both workers read for some seconds on one core at the same time; give what became of each."""
    with ExitStack() as stack:
        pair = {name: stack.enter_context(reader(file, cores)) for name, file in READERS.items()}
        deadline = time.monotonic() + START_SECONDS
        while any(get(f"{each.url}/count") < USERS * 5 for each in pair.values()):
            if time.monotonic() > deadline or any(each.has_ended() for each in pair.values()):
                sys.exit("pipeline: a worker did not start")
            time.sleep(0.1)
        time.sleep(WARM_S)
        before = {name: each.look() for name, each in pair.items()}
        time.sleep(seconds)
        return {name: between(before[name], each.look()) for name, each in pair.items()}


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Rates and shares of a core between two looks."""
    passed = {name: after[name] - before[name] for name in before}
    took, seen = passed.pop("time"), passed.pop("reads")
    return {
        "reads_a_s": round(seen / took, 1),
        "reads_a_core_s": round(seen / passed["worker"], 1),
        **{f"{name}_core": round(used / took, 3) for name, used in passed.items()},
    }


@dataclass(frozen=True)
class Reader:
    """A Locust of one master and one worker, and the target that it alone reads from."""

    url: str
    target: int
    master: subprocess.Popen[str]
    worker: subprocess.Popen[str]

    def has_ended(self) -> bool:
        """Whether one of its processes is gone."""
        return self.master.poll() is not None or self.worker.poll() is not None

    def look(self) -> dict[str, float]:
        """The time, the reads so far, and the processor time that each process has used."""
        pids = {"worker": self.worker.pid, "master": self.master.pid, "target": self.target}
        used = {name: cpu_s(psutil.Process(pid)) for name, pid in pids.items()}
        return {"time": time.monotonic(), "reads": float(get(f"{self.url}/count")), **used}


@contextmanager
def reader(file: str, cores: Cores) -> Iterator[Reader]:
    """Start one: the worker on one core, everything else on the other."""
    with (
        process("bench.fixed_answers", cores.server, {}, "--port", "0") as (target, url),
        tempfile.TemporaryDirectory(prefix="pipeline-bench-") as directory,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        bus = str(free.getsockname()[1])
        free.close()
        of_master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", bus, "--expect-workers", "1"]
        of_master += ["--headless", "--host", url, "--users", str(USERS), "--spawn-rate", str(USERS), "--only-summary"]
        of_worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", bus]
        results = {"LAB_RESULTS_DIR": directory}
        with (
            locust(file, of_master, cores.server, results, Path(directory) / "master.log") as master,
            locust(file, of_worker, cores.client, results, Path(directory) / "worker.log") as worker,
        ):
            yield Reader(url, target, master, worker)


class Counted:
    """A run's writer that counts."""

    points_written = points_waiting = points_lost = bytes_waiting = 0
    lost_because = ""
    delay_s = 0.0

    def __init__(self) -> None:
        self.points = 0

    def start(self) -> None:
        """Nothing is to be started."""

    def submit(self, lines: Sequence[str], bucket: str = LIVE) -> None:
        """Count."""
        self.points += len(lines)

    def close(self) -> None:
        """Nothing is held."""


def measure_points(rate: int, seconds: int) -> dict[str, float]:
    """Give the points of a second at this rate, once all outcomes have been seen, and the master's time for them."""
    chance, clock, writer = random.Random(1), [1_800_000_000.0], Counted()
    began = clock[0]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("bench", 1, "", load_targets(), writer, began)
    offered = endpoints_of(ENDPOINTS)
    points, used = 0, 0.0
    for second in range(seconds + 4):
        for number in range(rate):
            clock[0] = began + second + number / rate
            record(recorder, offered[number % ENDPOINTS], 1.0, chance, clock[0])
        for endpoint in offered if second == 0 else ():
            recorder.record(*endpoint, exception=TimeoutError(), context={"scenario": "CrmUser"})
        clock[0] = began + second + 0.99
        delta, before, start = recorder.take(), writer.points, time.process_time()
        run.report("w", delta, clock[0])
        run.tick(USERS, clock[0] + 0.1, so_far=SO_FAR)
        if second >= 4:
            points, used = writer.points - before, used + time.process_time() - start
    return {"points_a_s": points, "master_ms_a_s": round(1000 * used / seconds, 1)}


def share(figures: dict[str, Any]) -> float:
    """Give the measured worker's rate as a share of the other's, by processor time: the middle one of all rounds."""
    return float(median(e["measured"]["reads_a_core_s"] / e["alone"]["reads_a_core_s"] for e in figures["workers"]))


def verdict(figures: dict[str, Any]) -> tuple[int, str]:
    """Judge."""
    off = []
    if "workers" in figures:
        if any(run["worker_core"] < run["target_core"] for each in figures["workers"] for run in each.values()):
            return 2, "invalid: the target bounded what a worker could reach; try again on a quiet machine"
        if share(figures) < LEAST_SHARE:
            off.append("worker")
    if len({each["points_a_s"] for each in figures.get("points", {}).values()}) > 1:
        off.append("points")
    return (1, f"off target: {' and '.join(off)}") if off else (0, "on target")


def as_text(figures: dict[str, Any]) -> str:
    """Write the figures for people."""
    lines = []
    for number, each in enumerate(figures.get("workers", ()), 1):
        rates = ", ".join(
            f"{name} {run['reads_a_s']:.0f} reads/s with {run['worker_core']:.0%} of its core (master "
            f"{run['master_core']:.0%})"
            for name, run in each.items()
        )
        lines.append(f"round {number}   {rates}")
    if "workers" in figures:
        lines.append(f"worker    {share(figures):.1%} of Locust alone (least: {LEAST_SHARE:.0%})")
    for rate, each in figures.get("points", {}).items():
        lines.append(f"{rate:>6}/s   {each['points_a_s']} points/s, {each['master_ms_a_s']} ms of the master's time")
    return "\n".join([*lines, verdict(figures)[1]])


if __name__ == "__main__":
    main()
