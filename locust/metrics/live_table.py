"""The table that stands on a terminal while a run goes on, below whatever else is written there."""

from __future__ import annotations

import io
import logging
import select
import sys
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metrics.progress import ALL, Row, Snapshot, heading, targets_so_far
from metrics.results import figure

COLUMNS = ("req/s", "fail/s", "p50 now", "p95 now", "requests", "failed", "%", "p50", "p95")
"""Of the last second, and then of the run so far. All of them fit 80 columns."""


class Above(io.TextIOBase):
    """A stream whose lines go above the table, as they are: none is wrapped or coloured."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = ""

    def write(self, text: str) -> int:
        """Write the lines that are whole, and keep what is begun."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._console.out(line, highlight=False)
        return len(text)

    def end(self) -> str:
        """What was begun and not ended."""
        begun, self._begun = self._begun, ""
        return begun


class LiveTable:
    """Draws snapshots in place. What is logged or printed meanwhile goes above the table, as it would without it."""

    def __init__(self, terminal: TextIO) -> None:
        """Take the terminal: nothing is drawn until the first snapshot."""
        self._terminal = terminal
        self._console = Console(file=terminal, force_terminal=True)
        self._above = Above(self._console)
        self._live: Live | None = None
        self._streams = sys.stdout, sys.stderr
        self._moved: list[logging.StreamHandler[TextIO]] = []

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot, unless the terminal takes nothing now: a terminal that was stopped must not stop the run."""
        if not select.select([], [self._terminal], [], 0)[1]:
            return
        if self._live is None:
            self._live = self._begin()
        self._live.update(picture(snapshot), refresh=True)

    def _begin(self) -> Live:
        live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        live.start()
        self._streams = sys.stdout, sys.stderr
        sys.stdout = self._above
        if sys.stderr.isatty():
            sys.stderr = self._above
        # Handlers of the log keep the stream that they were made with.
        known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
        for handler in {handler for logger in (logging.root, *known) for handler in logger.handlers}:
            if isinstance(handler, logging.StreamHandler) and handler.stream is self._streams[1] is not sys.stderr:
                self._moved.append(handler)
                handler.setStream(sys.stderr)
        return live

    def close(self) -> None:
        """Take the table away, and give everything its stream back."""
        if self._live is None:
            return
        self._live.stop()
        self._live = None
        sys.stdout, sys.stderr = self._streams
        for handler in self._moved:
            handler.setStream(sys.stderr)
        self._moved.clear()
        self._terminal.write(self._above.end())


def picture(snapshot: Snapshot) -> RenderableType:
    """What the table shows of a snapshot."""
    head = Table.grid(padding=(0, 1))
    title = Text.assemble((f"run {snapshot.run_id}", "bold"), "  ", heading(snapshot))
    if snapshot.planned_s:
        head.add_row(ProgressBar(total=snapshot.planned_s, completed=snapshot.elapsed_s, width=24), title)
    else:
        head.add_row(title)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column("ms")
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in snapshot.rows:
        table.add_row(*_cells(row), style="bold" if row.name == ALL else "")
    return Group(head, table, Text(targets_so_far(snapshot), style="bold red" if snapshot.missed else "green"))


def _cells(row: Row) -> list[Text]:
    red = "red" if row.failures else ""
    return [
        Text(row.name),
        Text(f"{row.rate:,}"),
        Text(f"{row.failing:,}", style="red" if row.failing else ""),
        *(Text(figure(value)) for value in row.now),
        Text(f"{row.requests:,}"),
        Text(f"{row.failures:,}", style=red),
        Text(figure(row.error_percent), style=red),
        *(Text(figure(value)) for value in row.so_far),
    ]
