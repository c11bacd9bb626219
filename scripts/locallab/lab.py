"""`./scripts/lab up | status | down`: the lab kept running as processes on loopback, with Locust's page on 8089.

What runs, and its logs, are noted in `.lab`; `LAB_STATE_DIR` moves them, for a second lab beside the first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from locallab import stack
from locallab.arguments import whole_number
from locallab.bootstrap import ROOT
from locallab.ports import claimed
from locallab.processes import (
    POLL_S,
    STOP_GRACE_S,
    LabError,
    Running,
    Spec,
    answers,
    ignore_interrupts,
    shown,
    signal_group,
    start,
    stop,
    wait_ready,
)
from metrics.wording import counted
from utils.command_line import Parser, refuse
from utils.output import exit_code_of

CLEAN_UP_S = 60  # users end their calls, what they made is removed, the report is written


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one of the three commands; `status` gives 1 where anything is not well."""
    parser = Parser(prog="./scripts/lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up | status | down")
    up = commands.add_parser("up", help="start the lab and leave it running")
    up.add_argument("--target", metavar="URL", help="a backend to test instead of the reference backend")
    up.add_argument("--workers", type=whole_number(1, 64), default=2, help="Locust workers (default: 2)")
    up.add_argument("--influx", metavar="URL", help="an InfluxDB to write to (its token in INFLUX_TOKEN)")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("down", help="stop the lab")
    options = parser.parse_args(argv)
    try:
        if options.command == "up":
            return _up(options.target, options.workers, options.influx)
        return _status() if options.command == "status" else _down()
    except LabError as problem:
        refuse(str(problem))


def _up(target: str | None, workers: int, influx: str | None) -> int:
    ports = stack.Ports.from_environment()
    environment = stack.suite_environment(ports, target, influx, None)
    stack.check_suite(environment)  # first: nobody takes a lab down for another that would then be refused
    _check_down(_read())
    specs = [
        *stack.doubles(ports, backend=target is None),
        stack.master(ports, environment, [], page=True),
        *(stack.worker(number, ports, environment) for number in range(1, workers + 1)),
    ]
    with claimed(ports.needed(backend=target is None, page=True)):
        _start(specs)
    print(f"the lab is up: start a run on http://127.0.0.1:{ports.page}, stop the lab with ./scripts/lab down")
    return 0


def _start(specs: Sequence[Spec]) -> None:
    """Start processes and wait until they are ready; of those that cannot all be, none stays."""
    processes: list[Running] = []
    try:
        for spec in specs:
            start(spec, _log(spec.name), processes, outlive=True)
            _write(processes)
        for running in processes:
            wait_ready(running)
    except BaseException:
        ignore_interrupts()
        stop(processes)
        _state().unlink(missing_ok=True)
        raise


def _check_down(known: Sequence[dict[str, Any]]) -> None:
    """Raise `LabError` where processes of a lab run, and name those that should and do not."""
    ended = [each["name"] for each in known if not _alive(each)]
    if len(ended) == len(known):
        return
    if ended:
        logs = ", ".join(shown(_log(name)) for name in ended)
        raise LabError(
            f"the lab is up, but for what has ended: {', '.join(ended)} (see {logs}); `./scripts/lab down`, and then "
            "`./scripts/lab up`, starts it anew"
        )
    page = next((each["url"] for each in known if each["name"] == "locust master"), None)
    raise LabError(
        f"the lab is up already, with Locust's page on {page}: `./scripts/lab status` says what runs, `./scripts/lab "
        "down` stops it; LAB_STATE_DIR, another directory, and LAB_PORT_OFFSET have a second one beside it"
    )


def running() -> frozenset[int]:
    """Give the numbers of the processes of the lab that was left up, those that have ended left out."""
    return frozenset(each["pid"] for each in _read() if _alive(each))


def _home() -> Path:
    return Path(os.environ.get("LAB_STATE_DIR") or ROOT / ".lab")


def _state() -> Path:
    return _home() / "processes.json"


def _log(name: str) -> Path:
    return _home() / f"{name.replace(' ', '-')}.log"


def _status() -> int:
    known = _read()
    if not known:
        print("the lab is down: ./scripts/lab up starts it")
        return 1
    well = True
    for each in known:
        state = "ended" if not _alive(each) else "ready" if answers(each["url"]) else "not answering"
        well = well and state == "ready"
        where = each["url"] or "-"
        print(f"{each['name']:<18}{each['pid']:>8}  {state:<14}{where}")
    if any(_alive(each) for each in known) and not all(_alive(each) for each in known):
        print("what has ended starts again with ./scripts/lab down, and then ./scripts/lab up")
    return 0 if well else 1


def _down() -> int:
    known = [each for each in _read() if _alive(each)]
    # Locust first: a run under way still needs the doubles, to end its calls and to remove what it made.
    _end([each for each in known if each["name"] == "locust master"], CLEAN_UP_S)
    _end([each for each in known if each["name"] != "locust master"], STOP_GRACE_S)
    _state().unlink(missing_ok=True)
    print(f"stopped {counted(len(known), 'process', 'processes')}" if known else "the lab was down")
    return 0


def _end(known: Sequence[dict[str, Any]], grace_s: float) -> None:
    for each in reversed(known):
        signal_group(each["pid"], signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(_alive(each) for each in known) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for each in known:
        if _alive(each):
            signal_group(each["pid"], signal.SIGKILL)


def _write(processes: Sequence[Running]) -> None:
    known = [
        {"name": p.spec.name, "pid": p.process.pid, "url": p.spec.url, "born": _born(p.process.pid)} for p in processes
    ]
    state = _state()
    state.parent.mkdir(parents=True, exist_ok=True)
    fresh = state.with_suffix(".new")
    fresh.write_text(json.dumps(known, indent=1))
    fresh.replace(state)


def _read() -> list[dict[str, Any]]:
    state = _state()
    try:
        known = json.loads(state.read_text())
    except FileNotFoundError:
        return []
    except ValueError:
        raise LabError(f"{shown(state)} cannot be read: end the lab's processes by hand, delete it") from None
    return list(known)


def _alive(each: dict[str, Any]) -> bool:
    """Whether the very process that was started still runs: its number may have gone to another since."""
    born = _born(each["pid"])
    return born is not None and born == each["born"]


def _born(pid: int) -> str | None:
    """Give when a process started, in the system's own terms; None where there is none (or only its remains)."""
    if not Path("/proc").is_dir():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return ""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
