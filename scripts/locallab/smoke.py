"""`./scripts/smoke`: the whole lab for half a minute, as processes on loopback, ending with the verdict's exit code."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from configs.named_targets import NAMED_TARGETS
from configs.profiles import PROFILES_FILE, ProfileError, load_profiles, seconds_of
from locallab import stack
from locallab.arguments import is_address, whole_number
from locallab.bootstrap import ROOT, USAGE_EXIT
from locallab.ports import claimed
from locallab.processes import (
    POLL_S,
    LabError,
    Running,
    Spec,
    check_port,
    ignore_interrupts,
    shown,
    signal_group,
    start,
    stop,
    wait_ready,
)
from metrics.report import amend, point_latest_at
from metrics.run_ids import RUN_ID
from metrics.wording import counted
from utils.command_line import Parser, refuse
from utils.output import exit_code_of

INVALID_EXIT = 2
FINISH_S = 60  # after the run time: users end their calls, what was made is removed, reports are written
PREPARE_S = 60  # before it: workers join, accounts are made
DEFAULT_PROFILE = "smoke"
TOO_EARLY = "interrupted before the run began"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the smoke test; give the verdict's code: 0 pass, 1 a target missed, 2 invalid, 3 wrong usage."""
    try:
        return _run(_parse(argv))
    except LabError as problem:
        refuse(str(problem))
    except KeyboardInterrupt:
        sys.stderr.write(f"{TOO_EARLY}\n")
        return INVALID_EXIT


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    try:
        profiles = load_profiles(Path(os.environ.get("LAB_PROFILES_FILE") or PROFILES_FILE))
    except ProfileError as error:
        refuse(str(error))
    parser = Parser(prog="./scripts/smoke", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="CLASS", help="user classes to run (default: all)")
    parser.add_argument(
        "--target", metavar="URL", help="a backend to test (default: LOAD_TEST_BASE_URL or LAB_TARGET, or the lab's)"
    )
    parser.add_argument("--profile", metavar="NAME", help="a load profile (default: LAB_PROFILE, or smoke)")
    parser.add_argument("--users", type=whole_number(1, 10_000), help="virtual users, instead of the profile's")
    parser.add_argument("--run-time", metavar="T", help="for how long: 30s, 2m, 1h30m; instead of the profile's")
    parser.add_argument("--workers", type=whole_number(1, 64), default=2, help="Locust workers (default: 2)")
    parser.add_argument(
        "--tags", nargs="+", default=[], metavar="TAG", help="run only the tasks with one of these tags"
    )
    parser.add_argument("--influx", metavar="URL", help="an InfluxDB to write to (its token in INFLUX_TOKEN)")
    parser.add_argument(
        "--progress",
        choices=("auto", "table", "lines", "off"),
        help="how the run is shown while it goes on (default: LAB_PROGRESS, or by the terminal)",
    )
    options = parser.parse_args(argv)
    said = "--profile" if options.profile else "LAB_PROFILE"
    name = options.profile or os.environ.get("LAB_PROFILE") or DEFAULT_PROFILE
    if name not in profiles:
        parser.error(f"{said} is {name!r}; it takes one of {', '.join(sorted(profiles))}")
    run_time_s = None if options.run_time is None else _seconds(parser, options.run_time)
    options.load = profiles[name].resized(options.users, run_time_s)
    named = "--target" if options.target else "LOAD_TEST_BASE_URL"
    options.target = options.target or os.environ.get("LOAD_TEST_BASE_URL") or _named_target(parser)
    for name, url in ((named, options.target), ("--influx", options.influx)):
        if url is not None and "@" in url:
            parser.error(f"{name} holds a user name or a password; give the address alone")
        if url is not None and not is_address(url):
            parser.error(f"{name} is {url!r}; it takes an http:// or https:// address such as http://127.0.0.1:8001")
    return options


def _named_target(parser: Parser) -> str | None:
    """The address of the target that LAB_TARGET names; None for the lab's own, which is started here."""
    name = os.environ.get("LAB_TARGET") or "lab"
    if name not in NAMED_TARGETS:
        parser.error(f"LAB_TARGET is {name!r}; it takes one of {', '.join(NAMED_TARGETS)}")
    return None if name == "lab" else NAMED_TARGETS[name].base_url


def _seconds(parser: Parser, text: str) -> int:
    try:
        return seconds_of(text)
    except ValueError as error:
        parser.error(f"--run-time: {error}")


def _run(options: argparse.Namespace) -> int:
    ports = stack.Ports.from_environment()
    run_id = os.environ.get("LAB_RUN_ID") or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
    home = Path(os.environ.get("LAB_RESULTS_DIR") or ROOT / "results")
    if not RUN_ID.fullmatch(run_id):
        raise LabError(
            f"LAB_RUN_ID is {run_id!r}; it takes letters, digits, dots, dashes and underscores, but not 'latest'"
        )
    if (home / run_id).exists():
        raise LabError(f"there is a run {run_id} in {home} already: set LAB_RUN_ID to another name")
    results = home / run_id
    environment = stack.suite_environment(ports, options.target, options.influx, run_id)
    environment["LAB_RESULTS_DIR"] = str(home)
    environment["LAB_PROFILE"] = options.load.name
    if options.progress:
        environment["LAB_PROGRESS"] = options.progress
    stack.check_suite(environment)
    specs = stack.doubles(ports, backend=options.target is None)
    with claimed(ports.needed(backend=options.target is None, page=False)):
        if options.scenarios:
            _check_scenarios(stack.scenarios(environment), options.scenarios)
        _make(results)
        return _run_among(options, ports, specs, environment, results)


def _run_among(
    options: argparse.Namespace,
    ports: stack.Ports,
    specs: Sequence[Spec],
    environment: dict[str, str],
    results: Path,
) -> int:
    """Run the load with the doubles around it; give the verdict's code."""
    processes: list[Running] = []
    try:
        for spec in specs:
            start(spec, results / "logs" / f"{spec.name}.log", processes)
        for running in processes:
            wait_ready(running)
        return _load(options, ports, environment, results, processes)
    except LabError:
        _unmake(results)  # its sentence has the last words of the process that would not start
        raise
    except KeyboardInterrupt:
        return conclude(results, [TOO_EARLY])
    finally:
        ignore_interrupts()
        stop(processes)


def _make(results: Path) -> None:
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise LabError(
            f"LAB_RESULTS_DIR is {str(results.parent)!r}, where {results.name} cannot be made: {refused.strerror};"
            " name a directory that can be written to"
        ) from refused


def _unmake(results: Path) -> None:
    """Leave nothing of a run that was not begun, but for a ledger of what could not be removed again."""
    shutil.rmtree(results / "logs", ignore_errors=True)
    for table in results.glob("lab_*.csv"):  # Locust's, and empty
        table.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a ledger is there
        results.rmdir()


def _check_scenarios(known: Sequence[str], asked: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise LabError(f"there is no user class {name!r}; there are {', '.join(known)}")


def _load(
    options: argparse.Namespace,
    ports: stack.Ports,
    environment: dict[str, str],
    results: Path,
    processes: list[Running],
) -> int:
    arguments = ["--headless", "--only-summary", "--expect-workers", str(options.workers)]
    if options.users:
        arguments += ["--users", str(options.users)]
    if options.run_time:
        arguments += ["--run-time", options.run_time]
    arguments += ["--stop-timeout", "20", "--csv", str(results / "lab")]
    arguments += ["--expect-workers-max-wait", "30"]
    arguments += [*(["--tags", *options.tags] if options.tags else []), *options.scenarios]
    print(
        f"{counted(options.load.most_users, 'user')} for {options.load.seconds:.0f} s against "
        f"{environment['LOAD_TEST_BASE_URL']}; "
        f"logs in {shown(results / 'logs')}",
        flush=True,
    )
    master = start(stack.master(ports, environment, arguments, page=False), None, processes)
    for number in range(1, options.workers + 1):
        spec = stack.worker(number, ports, environment)
        start(spec, results / "logs" / f"worker-{number}.log", processes)
    limit_s = PREPARE_S + 2 * options.load.most_users + math.ceil(options.load.seconds) + FINISH_S
    interrupts: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: interrupts.append(number))
    code, reasons = watch(master, processes, limit_s, interrupts)
    if code == USAGE_EXIT:
        _unmake(results)
        return code
    if code is None:
        cleanup = f"./scripts/cleanup {results.name}"
        stopped = f"the run was stopped before it had given its report: {cleanup} removes what it made"
        return conclude(results, [*reasons, stopped])
    if interrupts and not (results / "verdict.json").is_file():
        return conclude(results, [*reasons, TOO_EARLY])  # it has removed the accounts that it had made
    if not (results / "verdict.json").is_file():
        check_port(ports.bus, "Locust master")  # another program may have been quicker to take it
    return settle(results, code, reasons)


def watch(
    master: Running, processes: Sequence[Running], limit_s: float, interrupts: Sequence[int]
) -> tuple[int | None, list[str]]:
    """Wait for the master; give its exit code, and a reason for each other process that ended before it.

    Ctrl-C, SIGTERM, and a run that takes longer than `limit_s` have the master end the run with its full report; a
    second signal is answered, a third does not wait for that, and there is no code.
    """
    ended: dict[str, int] = {}
    reasons: list[str] = []
    deadline = time.monotonic() + limit_s
    asked = answered = False
    while (code := master.process.poll()) is None:
        for running in processes:
            status = running.process.poll()
            if status is not None and running is not master and not (asked or sent_home(running, status)):
                ended.setdefault(running.spec.name, status)
        late = time.monotonic() > deadline
        if len(interrupts) > 2 or (late and asked):
            return None, reasons
        if len(interrupts) > 1 and not answered:
            answered = True
            sys.stderr.write("the run is ending: clean-up and verdict follow; once more leaves without them\n")
        if late:
            reasons.append(f"the run did not end within {limit_s:.0f} s and was interrupted")
        if (late or interrupts) and not asked:
            asked = True
            deadline = time.monotonic() + FINISH_S
            signal_group(master.process.pid, signal.SIGINT)
        time.sleep(POLL_S)
    reasons += [f"the {name} process ended with {status} during the run" for name, status in ended.items()]
    return code, reasons


def sent_home(running: Running, status: int) -> bool:
    """Whether a process ended as Locust's workers do, a moment before their master: 1 says that requests failed."""
    return running.spec.name.startswith("locust worker") and status in {0, 1}


def settle(results: Path, code: int, reasons: Sequence[str]) -> int:
    """Join what was seen of the lab's processes to the run's verdict; a run without one is given an invalid one."""
    if not (results / "verdict.json").is_file():
        reasons = [*reasons, f"Locust ended with {code} and gave no verdict"]
    return conclude(results, reasons)


def conclude(results: Path, reasons: Sequence[str]) -> int:
    """Add the reasons to the run's verdict, an invalid one where it has none, and give the exit code."""
    if reasons:
        try:
            judged = amend(results, reasons)
            point_latest_at(results)
        except OSError as error:
            what = f"the report cannot be written to {shown(results)}: {error.strerror}; make room there"
            sys.stderr.write("".join(f"invalid: {reason}\n" for reason in [*reasons, what]))
            return INVALID_EXIT
    else:
        judged = json.loads((results / "verdict.json").read_text())
    for reason in reasons:
        sys.stderr.write(f"{judged['verdict']}: {reason}\n")
    return {"pass": 0, "fail": 1}.get(judged["verdict"], INVALID_EXIT)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
