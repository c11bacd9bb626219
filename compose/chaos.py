"""Keeps a schedule of faults on the doubles, and takes it away when it is told to end: `chaos.py FILE URL…`.

The schedule says itself when it begins: with `starts = "run"` each double begins it with the first request of a run
(docs/faults.md). A double that was restarted has forgotten it, and is given it again. What comes into force, and what
no longer is, is printed. Standard library only.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

LOOK_EVERY_S = 1.0
TIMEOUT_S = 5.0
WRONG_USAGE = 3
IS_SET = Path(tempfile.gettempdir()) / "set"
"""What the container's healthcheck looks for."""
Json = dict[str, Any]


class Refused(Exception):
    """A double does not take the schedule; the text is its sentence."""


class Ended(Exception):
    """This process has been told to end."""


def ask(method: str, double: str, body: bytes | None = None) -> Json:
    """What a double answers about its faults. Raises Refused for a schedule that is wrong, OSError for no answer."""
    kind = {"Content-Type": "application/toml"} if body is not None else {}
    request = urllib.request.Request(f"{double}/__lab/faults", body, kind, method=method)  # noqa: S310 - the lab's own
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")  # type: ignore[no-any-return]
    except http.client.HTTPException as error:  # it was restarted while it answered
        raise ConnectionError(f"{double} broke its answer off") from error
    except urllib.error.HTTPError as error:
        raise Refused(f"{double} answers {error.code}: {error.read().decode(errors='replace').strip()}") from error


def is_set(shown: Json) -> bool:
    """Whether any service of a double has something set."""
    return any(
        any(service["conditions"][kind] for kind in ("faults", "latency", "limits")) for service in services(shown)
    )


def services(shown: Json) -> Iterator[Json]:
    """Each service of a double, as it shows itself."""
    found: dict[str, Json] = shown["services"]
    yield from found.values()


def in_force(shown: Json) -> set[str]:
    """The names of the faults in force."""
    return {name for service in services(shown) for name in service["in_force"]}


class Double:
    """One double, and what was last seen of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.concerned: bool | None = None
        """Whether the schedule has something for its services; None until it has answered."""
        self._in_force: set[str] = set()

    def look(self, schedule: bytes) -> None:
        """Give it the schedule if it has none, and say what has changed. Raises as `ask` does."""
        shown = ask("GET", self.url)
        if self.concerned is None or (self.concerned and not is_set(shown)):
            again = "" if self.concerned is None else " again"
            shown = ask("PUT", self.url, schedule)
            self.concerned = is_set(shown)
            say(
                f"{self.url} has its part of the schedule{again}" if self.concerned else f"{self.url} has no part in it"
            )
        now = in_force(shown)
        for name in sorted(now - self._in_force):
            say(f"in force: {name}")
        for name in sorted(self._in_force - now):
            hits = sum(service["counts"].get(name, {}).get("hits", 0) for service in services(shown))
            say(f"over: {name}, {hits} {'hit' if hits == 1 else 'hits'}")
        self._in_force = now


def say(text: str) -> None:
    """One line for the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def keep(schedule: bytes, doubles: Sequence[Double], set_mark: Path = IS_SET) -> None:
    """Look after the doubles for ever; a double that does not answer is asked again. Raises Refused."""
    away: set[str] = set()
    while True:
        for double in doubles:
            try:
                double.look(schedule)
                away.discard(double.url)
            except OSError as error:
                if double.url not in away:
                    say(f"{double.url} does not answer: {error}")
                away.add(double.url)
        if all(double.concerned is not None for double in doubles):
            set_mark.touch()
        time.sleep(LOOK_EVERY_S)


def take_away(doubles: Sequence[Double]) -> None:
    """Leave the doubles without faults, each whatever the others say; one that is gone already has none."""
    for double in doubles:
        try:
            ask("DELETE", double.url)
        except Refused as error:
            say(f"{error}; it may still have its faults: start it anew")
        except OSError as error:
            say(f"{double.url} does not answer: {error}")


def main(arguments: Sequence[str]) -> int:
    """0 when told to end, 3 for wrong usage or a schedule that is refused."""
    if len(arguments) < 2:
        sys.stderr.write("usage: chaos.py FILE URL…\n")
        return WRONG_USAGE
    try:
        schedule = Path(arguments[0]).read_bytes()
    except OSError as error:
        sys.stderr.write(
            f"{arguments[0]} cannot be read: {error.strerror}; LAB_CHAOS names a file of compose/faults/\n"
        )
        return WRONG_USAGE

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    doubles = [Double(url) for url in arguments[1:]]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        keep(schedule, doubles)
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        take_away([double for double in doubles if double.concerned])  # from those that took the schedule
        return WRONG_USAGE
    except Ended:
        for number in (signal.SIGTERM, signal.SIGINT):  # told once more, it still leaves no fault behind
            signal.signal(number, signal.SIG_IGN)
        say("taking the faults away")
        take_away(doubles)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
