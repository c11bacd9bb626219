"""`./scripts/doctor`: looks, before a run, at everything that would spoil it, and says what to do about it.

Nothing is started, loaded or left behind. Exit codes: 0 a run can begin, 1 there is a problem, 3 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from configs.profiles import ProfileError, load_profiles
from configs.settings import SettingsError, load_settings
from configs.targets import load_targets
from locallab.arguments import is_address, whole_number
from locallab.bootstrap import ROOT
from locallab.doctor.examination import Asked, Examination, Group
from locallab.doctor.page import as_json, conclusion, has_problem, show
from locallab.processes import LabError
from locallab.stack import Ports
from metrics.targets import TargetError
from mock_services.core.faults.settings import read_file
from utils.command_line import Parser, refuse
from utils.output import exit_code_of

DEFAULT_PROFILE = "smoke"


def main(argv: Sequence[str] | None = None) -> int:
    """Examine; 0 when a run can begin, 1 when something has to be put right first."""
    options = _parse(argv)
    return _examine(_examination(options), as_document=options.json)


def _check_faults() -> None:
    """Refuse what a double would refuse when it starts."""
    given = os.environ.get("LAB_FAULTS")
    try:
        if given:
            read_file(ROOT / given)  # a run's doubles start there
    except ValueError as error:
        refuse(f"LAB_FAULTS is {given!r}: {error}")


def _examination(options: argparse.Namespace) -> Examination:
    _check_faults()
    try:
        settings = load_settings()
        load_targets(settings.targets_file)  # a run refuses what it cannot read
        profiles = load_profiles(settings.profiles_file)
        name = options.profile or settings.profile_name or DEFAULT_PROFILE
        if name not in profiles:
            refuse(f"--profile is {name!r}; it takes one of {', '.join(sorted(profiles))}")
        asked = Asked(
            users=options.users or profiles[name].most_users,
            workers=options.workers,
            target=options.target,
            influx=options.influx,
            docker=options.docker,
            burst=options.burst,
            authority=options.authority,
            door=options.door,
        )
        return Examination(asked, settings, Ports.from_environment())
    except (SettingsError, ProfileError, TargetError, LabError) as error:
        refuse(str(error))


def _examine(examination: Examination, *, as_document: bool) -> int:
    groups: list[Group] = []
    console = Console(highlight=False)
    for group in examination.groups():
        groups.append(group)
        if not as_document:
            show(group, console)
    if as_document:
        print(as_json(examination.base_url, groups))
    else:
        console.print(conclusion(groups), soft_wrap=True)
    return 1 if has_problem(groups) else 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="./scripts/doctor", description=__doc__)
    parser.add_argument(
        "--target", metavar="URL", help="a backend to test (default: LOAD_TEST_BASE_URL or LAB_TARGET, or the lab's)"
    )
    parser.add_argument("--influx", metavar="URL", type=_address, help="an InfluxDB (its token in INFLUX_TOKEN)")
    parser.add_argument("--profile", metavar="NAME", help="the load profile to come (default: LAB_PROFILE, or smoke)")
    parser.add_argument("--users", type=whole_number(1, 10_000), help="virtual users to come, instead of the profile's")
    parser.add_argument("--workers", type=whole_number(1, 64), default=2, help="Locust workers to come (default: 2)")
    parser.add_argument("--docker", action="store_true", help="look at Docker and Compose as well")
    parser.add_argument(
        "--burst", type=whole_number(0, 1_000), default=0, metavar="N", help="try the rate limit: N requests in a row"
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", dest="authority", help="the lab's authority, ca.pem")
    parser.add_argument(
        "--door", type=_door, metavar="HOST:PORT", help="a TLS port of the doubles, to look at with --ca"
    )
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    options = parser.parse_args(argv)
    if options.door and not options.authority:
        parser.error("--door is looked at with the authority that --ca names: give both")
    return options


def _address(text: str) -> str:
    if "@" in text or not is_address(text):
        raise argparse.ArgumentTypeError("it takes an http:// or https:// address such as http://127.0.0.1:8086")
    return text.rstrip("/")


def _door(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no HOST:PORT")
    return host, whole_number(1, 65_535)(port)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
