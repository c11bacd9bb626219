"""Names the runs of one Locust process: the first as it was told, later ones so that no two are the same."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path

RUN_ID = re.compile(r"(?!latest$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""The names that a run can have, each a directory in `results`, where `latest` is the link to the newest."""
AUTOMATIC_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


class RunIds:
    """The ids of a process's runs, one after the other; `on_page` when they are started on Locust's page."""

    def __init__(self, results_dir: Path, first: str) -> None:
        self.on_page = False
        self.taken = 0
        """How many runs have begun."""
        self._results_dir = results_dir
        self._first = first
        self._upcoming: tuple[str, int] | None = None

    @property
    def refused(self) -> str | None:
        """The name that was asked for, where a run has it already."""
        return self._first if self._is_known(self._first) else None

    def upcoming(self) -> str:
        """The id that the next run will have."""
        if self._upcoming is None:
            self._upcoming = self._next()
        return self._upcoming[0]

    def take(self) -> str:
        """The id of the run that begins now."""
        run_id = self.upcoming()
        assert self._upcoming is not None
        self.taken, self._upcoming = self._upcoming[1], None
        return run_id

    def _next(self) -> tuple[str, int]:
        number = self.taken + 1
        if AUTOMATIC_ID.fullmatch(self._first) and (self.on_page or number > 1):
            return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(2), number
        run_id = self._first if number == 1 else f"{self._first}-{number}"
        while self._is_known(run_id):
            number += 1
            run_id = f"{self._first}-{number}"
        return run_id, number

    def _is_known(self, run_id: str) -> bool:
        """Whether a run of that name has ended, or was killed and left its points."""
        return any((self._results_dir / run_id / name).exists() for name in ("verdict.json", "outbox"))
