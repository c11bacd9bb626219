"""What a run is about to make, written down before it is made: so that a run that is killed can still be cleaned up.

`made.jsonl` in the run's directory names the target, the organisations and the people, and holds no password: each
follows from the address and a key of 32 random bytes that lies beside it (`.key`, readable by its owner alone). When
all that can be removed is removed the key is deleted, and with it the way into whatever stays on the target.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

LEDGER, KEY = "made.jsonl", ".key"
KEY_BYTES = 32


class LedgerError(ValueError):
    """A run that cannot be cleaned up by its ledger; the text is one sentence for a person."""


class Ledger:
    """A run's ledger while it is written; a lock on it says that the run goes on, and ends with the process."""

    def __init__(self, directory: Path, base_url: str, twilio_url: str | None, borrowed: str | None) -> None:
        """Begin or go on with a run's ledger: its target, its Twilio double, and the account that it was lent."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = key_of(directory)
        self._file: TextIO = (directory / LEDGER).open("a", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._write("run", base_url=base_url, twilio_url=twilio_url, borrowed=borrowed)

    def password(self, email: str) -> str:
        """The password of an account that this run makes."""
        return password_for(self._key, email)

    def organisation(self, mark: str, subdomain: str, email: str) -> None:
        """Note an organisation that is about to be registered, with its administrator's address."""
        self._write("organisation", mark=mark, subdomain=subdomain, email=email)

    def person(self, mark: str, email: str) -> None:
        """Note someone who is about to be registered."""
        self._write("person", mark=mark, email=email)

    def close(self, all_removed: bool) -> None:
        """End the ledger; when nothing stays that could be removed, the key is not needed any more."""
        self._file.close()
        if all_removed:
            (self._directory / KEY).unlink(missing_ok=True)

    def _write(self, made: str, **facts: Any) -> None:
        self._file.write(json.dumps({"made": made, **facts}) + "\n")
        self._file.flush()


@dataclass(frozen=True)
class Record:
    """What a ledger says of a run that is over."""

    key: bytes
    base_url: str
    twilio_url: str | None
    borrowed: str | None
    marks: list[str]
    organisations: list[dict[str, str]]
    """`mark`, `subdomain` and `email` of each, the administrator's."""
    people: list[dict[str, str]]
    """`mark` and `email` of each."""


def key_of(directory: Path) -> bytes:
    """The run's key; a new one where there is none."""
    path = directory / KEY
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def password_for(key: bytes, email: str) -> str:
    """A password that fits the platform's rule, and that only who has the key can know."""
    digest = hmac.new(key, email.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:24] + "-aA1"


def read_ledger(directory: Path) -> Record | None:
    """Read the ledger of a run that is over; None when its clean-up was complete.

    Raises LedgerError with what to do for a run that is unknown, still under way, or whose ledger cannot be read.
    """
    run_id = directory.name
    try:
        with (directory / LEDGER).open("r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A process that is killed in the middle of a line had not begun to make what the line names.
            entries = [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        raise LedgerError(
            f"There is no run {run_id!r} with a ledger in {directory.parent}: name one of its directories,"
            " or set LAB_RESULTS_DIR to where the run's results are."
        ) from None
    except BlockingIOError:
        raise LedgerError(f"The run {run_id} is still under way: stop it first, and it cleans up itself.") from None
    except (OSError, ValueError) as error:
        raise LedgerError(f"{directory / LEDGER} cannot be read: {error}.") from error
    if not (directory / KEY).exists():
        return None
    runs = [entry for entry in entries if entry["made"] == "run"]
    made = [entry for entry in entries if entry["made"] != "run"]
    if not runs:
        raise LedgerError(f"{directory / LEDGER} names no target: its first line is missing.")
    return Record(
        key=(directory / KEY).read_bytes(),
        base_url=runs[-1]["base_url"],
        twilio_url=runs[-1]["twilio_url"],
        borrowed=runs[-1]["borrowed"],
        marks=sorted({entry["mark"] for entry in made} or {run_id}),
        organisations=[entry for entry in made if entry["made"] == "organisation"],
        people=[entry for entry in made if entry["made"] == "person"],
    )
