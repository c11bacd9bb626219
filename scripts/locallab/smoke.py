"""`./scripts/smoke`: the whole lab for half a minute, as processes on loopback, ending with the verdict's exit code."""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import urllib.parse
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from configs.named_targets import NAMED_TARGETS
from configs.profiles import PROFILES_FILE, ProfileError, load_profiles, seconds_of
from locallab import stack
from locallab.bootstrap import ROOT, USAGE_EXIT
from locallab.command_line import Parser, refuse, whole_number
from locallab.processes import LabError, Running, check_port, signal_group, start, stop, wait_ready

INVALID_EXIT = 2
VERDICTS = (0, 1, INVALID_EXIT, USAGE_EXIT)
FINISH_S = 60  # after the run time: users end their calls, what was made is removed, reports are written
PREPARE_S = 60  # before it: workers join, accounts are made
DEFAULT_PROFILE = "smoke"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the smoke test; give the verdict's code: 0 pass, 1 a target missed, 2 invalid, 3 wrong usage."""
    options = _parse(argv)
    try:
        return _run(options)
    except LabError as problem:
        refuse(str(problem))


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
    options = parser.parse_args(argv)
    said = "--profile" if options.profile else "LAB_PROFILE"
    name = options.profile or os.environ.get("LAB_PROFILE") or DEFAULT_PROFILE
    if name not in profiles:
        parser.error(f"{said} is {name!r}; it takes one of {', '.join(sorted(profiles))}")
    run_time_s = _seconds(parser, options.run_time) if options.run_time else None
    options.load = profiles[name].resized(options.users, run_time_s)
    named = "--target" if options.target else "LOAD_TEST_BASE_URL"
    options.target = options.target or os.environ.get("LOAD_TEST_BASE_URL") or _named_target(parser)
    for name, url in ((named, options.target), ("--influx", options.influx)):
        if url is not None and not _is_http(url):
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


def _is_http(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _run(options: argparse.Namespace) -> int:
    ports = stack.Ports.from_environment()
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
    results = ROOT / "results" / run_id
    specs = stack.doubles(ports, backend=options.target is None)
    for spec in specs:
        check_port(spec.port or 0, spec.name)
    check_port(ports.bus, "Locust master")
    environment = stack.suite_environment(ports, options.target, options.influx, run_id)
    environment["LAB_RESULTS_DIR"] = str(ROOT / "results")
    environment["LAB_PROFILE"] = options.load.name
    processes: list[Running] = []
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for spec in specs:
            processes.append(start(spec, results / "logs" / f"{spec.name}.log"))
        for running in processes:
            wait_ready(running)
        return _load(options, ports, environment, results, processes)
    except KeyboardInterrupt:
        return _finish_early(processes)
    finally:
        stop(processes)


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
        f"{options.load.most_users} users for {options.load.seconds:.0f} s against "
        f"{environment['LOAD_TEST_BASE_URL']}; "
        f"logs in {_shown(results / 'logs')}",
        flush=True,
    )
    master = start(stack.master(ports, environment, arguments, page=False), None)
    processes.append(master)
    for number in range(1, options.workers + 1):
        spec = stack.worker(number, ports, environment)
        processes.append(start(spec, results / "logs" / f"worker-{number}.log"))
    code = _watch(master, processes, PREPARE_S + math.ceil(options.load.seconds) + FINISH_S)
    if code != USAGE_EXIT and not (results / "verdict.json").is_file():
        sys.stderr.write(f"Locust ended with {code} and gave no verdict: the run is invalid\n")
        return INVALID_EXIT
    return code


def _watch(master: Running, processes: Sequence[Running], limit_s: int) -> int:
    """Wait for the master, naming at its end every other process that ended before it."""
    try:
        code = master.process.wait(limit_s)
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"the run did not end within {limit_s} s and was stopped: invalid\n")
        return INVALID_EXIT
    if code not in {0, USAGE_EXIT}:
        for running in processes:
            ended = running.process.poll()
            if running is not master and ended not in {None, 0}:
                sys.stderr.write(f"the {running.spec.name} ended with {ended} during the run\n")
    return code if code in VERDICTS else INVALID_EXIT


def _finish_early(processes: Sequence[Running]) -> int:
    """After Ctrl-C: let the master end the run with its full report, and take its verdict."""
    masters = [running for running in processes if running.spec.name == "locust master"]
    if not masters:
        return INVALID_EXIT
    signal_group(masters[0].process.pid, signal.SIGINT)
    return _watch(masters[0], processes, FINISH_S)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _shown(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(main())
