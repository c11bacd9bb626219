"""Locust's own options, held to the lab's rules: what cannot be used is one sentence and exit code 3, before anything.

Locust would end with 1 or 2, which here say "a target was missed" and "the run is invalid", or take the value: a run
time of none for one without an end, and no users for a run of nobody.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from configs.profiles import MOST_USERS, seconds_of
from locust import User
from utils.command_line import refuse


def hold_to_rules(parser: argparse.ArgumentParser, **_rest: Any) -> None:
    """Change what Locust's parser takes and how it refuses: a listener of Locust's `init_command_line_parser`."""

    def refuse_usage(message: str) -> NoReturn:
        refuse(f"{parser.prog}: {' '.join(message.split())}; `{parser.prog} --help` lists what it takes")

    setattr(parser, "error", refuse_usage)  # noqa: B010 - of this parser alone
    for action in parser._actions:  # argparse has no other way to an argument that is there
        if action.dest in RULES:
            action.type = RULES[action.dest]


def run_time(text: str) -> int:
    """How long a run is, in seconds."""
    try:
        return seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def users(text: str) -> int:
    """How many users a run has."""
    if not text.isdecimal() or len(text) > len(str(MOST_USERS)) or not 1 <= int(text) <= MOST_USERS:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 to {MOST_USERS}")
    return int(text)


def user_class(text: str) -> str:
    """The name of a user class; Locust has imported them when it reads its command line."""
    names = sorted(set(_user_classes(User)))
    if text not in names:
        raise argparse.ArgumentTypeError(f"there is no user class {text!r}; there are {', '.join(names)}")
    return text


def csv_prefix(text: str) -> str:
    """Where Locust writes its tables; their directory is made, as Locust would after this."""
    try:
        Path(text).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{str(Path(text).parent)!r} cannot be made: {error.strerror}") from None
    return text


def _user_classes(base: type[User]) -> Iterator[str]:
    for made in base.__subclasses__():
        if not made.abstract:
            yield made.__name__
        yield from _user_classes(made)


RULES: Mapping[str, Callable[[str], object]] = {
    "run_time": run_time,
    "num_users": users,
    "user_classes": user_class,
    "csv_prefix": csv_prefix,
}
"""By the name that Locust gives an option, what it takes here."""
