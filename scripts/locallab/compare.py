"""`./scripts/compare RUN_A RUN_B`: whether the second run is worse than the first, by their stored histograms.

Exit codes: 0 no worse, 1 worse, 2 not enough data to say or a run that is invalid, 3 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from locallab.bootstrap import ROOT
from metrics.compare import ALL, BETTER, INVALID, NO_WORSE, TOO_FEW, WORSE, Comparison, Row, Rules, Side, compare
from metrics.page import markdown_cell
from metrics.results import figure
from metrics.stored import FILE_NAME, StoredRun, StoredRunError, read_stored_run
from utils.command_line import Parser, refuse
from utils.output import exit_code_of

COLOURS = {WORSE: "bold red", INVALID: "bold red", BETTER: "green", NO_WORSE: "green"}
UNWRAPPED = 10_000
"""As wide as no table is: what reads a pipe looks for whole names, each in a line."""
COLUMNS = ("endpoint", "requests", "p50 ms", "p95 ms", "errors %", "answer")


def main(argv: Sequence[str] | None = None) -> int:
    """Compare two runs; the exit code."""
    options = _parse(argv)
    try:
        first, second = (read_stored_run(_directory(name)) for name in (options.first, options.second))
    except StoredRunError as error:
        refuse(str(error))
    rules = Rules(
        options.level,
        options.min_change_percent,
        options.min_change_ms,
        options.min_error_points,
        options.coverage,
        options.allow_invalid,
    )
    found = compare(first, second, rules, options.intended)
    if options.json:
        print(json.dumps(found.facts(), indent=2, ensure_ascii=False))
    elif options.markdown:
        print(markdown(found))
    else:
        console = Console()
        show(found, console if console.is_terminal else Console(width=UNWRAPPED))
    return found.exit_code


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    rules = Rules()
    parser = Parser(prog="./scripts/compare", description=__doc__)
    parser.add_argument("first", metavar="RUN_A", help="a run's id or directory: what the other is compared with")
    parser.add_argument("second", metavar="RUN_B", help="the other run's id or directory")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything as JSON")
    form.add_argument("--markdown", action="store_true", help="a table for a comment on a pull request")
    parser.add_argument("--intended", action="store_true", help="latencies from the intended start, not from the send")
    parser.add_argument("--allow-invalid", action="store_true", help="compare runs also that are invalid")
    percent, number = _number(0, 100), _number(0, 1e9)
    for name, takes, default, says in (
        ("--level", _number(1e-9, 0.5), rules.level, "how often chance may be taken for a difference"),
        ("--min-change-percent", _number(0, 1e6), rules.percent, "a smaller change of a latency is none"),
        ("--min-change-ms", number, rules.ms, "nor is one of fewer ms"),
        ("--min-error-points", percent, rules.error_points, "a smaller change of failures in a hundred is none"),
        ("--coverage", percent, rules.coverage_percent, "percent of all requests that an answer must rest on"),
    ):
        parser.add_argument(name, type=takes, default=default, help=f"{says} (default: %(default)g)")
    return parser.parse_args(argv)


def _number(lowest: float, highest: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not lowest <= number <= highest:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from {lowest:g} to {highest:g}")
        return number

    return parse


def _directory(name: str) -> Path:
    """A path as it is, and a run's id below the lab's results."""
    path = Path(name)
    if path.exists() or os.sep in name:
        return path
    return Path(os.environ.get("LAB_RESULTS_DIR") or ROOT / "results") / name / FILE_NAME


def _cells(row: Row) -> tuple[str, ...]:
    name = " ".join(row.endpoint).strip()
    pairs = [
        _pair(row, "", lambda side: side.requests),
        _pair(row, "p50", lambda side: side.p50),
        _pair(row, "p95", lambda side: side.p95),
        _pair(row, "errors", lambda side: side.error_percent if side.requests else None),
    ]
    return (name, *pairs, row.answer)


def _pair(row: Row, measure: str, value: Callable[[Side], float | None]) -> str:
    """Both runs' figures and, where they differ, by how many percent."""
    before, after = value(row.first), value(row.second)
    if before is None and after is None:
        return "–"
    text = f"{figure(before)} → {figure(after)}"
    if measure in row.changes and before and after is not None:
        text += f" ({100 * (after - before) / before:+.0f} %)"
    return text


def _verdicts(found: Comparison) -> list[str]:
    """Both runs' own verdicts, with what made them so."""
    return [
        f"{which} run {run.run_id}: {_verdict(run)}"
        for which, run in (("first", found.first), ("second", found.second))
    ]


def _verdict(run: StoredRun) -> str:
    if run.verdict is None:
        return f"no verdict beside its {FILE_NAME}, so nobody knows whether it is valid"
    name = run.verdict.verdict
    if run.verdict.is_invalid and name != INVALID:
        name += f" and {INVALID}"
    first = [*run.verdict.invalid, *run.verdict.reasons][:1]
    more = len(run.verdict.reasons) - 1
    return name + "".join(f", since {reason}" for reason in first) + (f" (and {more} more)" if more > 0 else "")


def _summary(found: Comparison) -> str:
    if found.answer == INVALID:
        names = " and ".join(run.run_id for run in found.invalid)
        return (
            f"{INVALID}: {found.second.run_id} against {found.first.run_id}; {names} did not show what was to be "
            "shown, so neither does this: run it again, or compare all the same with --allow-invalid"
        )
    return (
        f"{found.answer}: {found.second.run_id} against {found.first.run_id}; endpoints with an answer hold "
        f"{found.covered_percent:.0f} % of the requests"
    )


def _notes(found: Comparison) -> list[str]:
    """What a reader should know before believing it."""
    notes = []
    first, second = found.first, found.second
    if first.run_id != second.run_id and first.seed != second.seed:
        notes.append(f"the runs had different seeds, {first.seed} and {second.seed}, so their requests differ as well")
    if found.invalid and found.answer != INVALID:
        names = " and ".join(run.run_id for run in found.invalid)
        notes.append(f"{names} did not show what was to be shown (--allow-invalid): believe no figure here unseen")
    if found.answer == TOO_FEW:
        notes.append(
            f"an answer must rest on {found.rules.coverage_percent:g} % of the requests: "
            "run both for longer or with more users"
        )
    return notes


def show(found: Comparison, console: Console) -> None:
    """The comparison as a table on a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in {"endpoint", "answer"} else "right", overflow="fold")
    for row in found.rows:
        style = COLOURS.get(row.answer, "" if row.endpoint == ALL else "dim")
        table.add_row(*(Text(cell) for cell in _cells(row)), style=style)
    console.print(table)
    console.print()
    for sentence in _verdicts(found):
        console.print(Text(sentence), soft_wrap=True)
    console.print(Text(_summary(found), style=COLOURS.get(found.answer, "yellow")), soft_wrap=True)
    for note in _notes(found):
        console.print(Text(f"note: {note}"), soft_wrap=True)


def markdown(found: Comparison) -> str:
    """The comparison as a table in Markdown."""
    lines = [f"**{markdown_cell(_summary(found))}**", ""]
    lines += [*(f"- {markdown_cell(sentence)}" for sentence in _verdicts(found)), ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    lines += [f"| {' | '.join(map(markdown_cell, _cells(row)))} |" for row in found.rows]
    return "\n".join([*lines, "", *(f"- {markdown_cell(note)}" for note in _notes(found))]).rstrip()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
