#!/usr/bin/env python3
"""A gate for CI on the CSV of any Locust run: `python scripts/check_results.py PREFIX_stats.csv`.

Holds the aggregated row to the regression gates. Exit codes: 0 all gates are met, 1 one is not, 2 the run made too few
requests to judge, 3 wrong usage or a file that is no such CSV. Standard library only.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "locust"))

from metrics.wording import counted
from utils.output import exit_code_of

MET, MISSED, TOO_FEW, WRONG_USAGE = 0, 1, 2, 3
REQUESTS, FAILURES, AVERAGE, P95 = "Request Count", "Failure Count", "Average Response Time", "95%"
TOTAL = "Aggregated"
PERCENTILE = "95th percentile"


class CsvError(ValueError):
    """The file is not what Locust writes; the text is one sentence that says why."""


@dataclass(frozen=True)
class Totals:
    """The aggregated row: counts, and latencies in ms (None when there was no request)."""

    requests: int
    failures: int
    average_ms: float | None
    p95_ms: float | None


class Parser(argparse.ArgumentParser):
    """Leaves with the lab's code for wrong usage, after one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with 3."""
        self.exit(WRONG_USAGE, f"{self.prog}: {message}\n")


def bound(text: str) -> float:
    """A number from 0; ValueError for anything else."""
    number = float(text)
    if not math.isfinite(number) or number < 0:
        raise ValueError(text)
    return number


def percentage(text: str) -> float:
    """A number from 0 to 100; ValueError for anything else."""
    number = bound(text)
    if number > 100:
        raise ValueError(text)
    return number


def count(text: str) -> int:
    """A whole number from 0; ValueError for anything else."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def read_totals(path: Path) -> Totals:
    """The aggregated row of a Locust `_stats.csv`; raises CsvError."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or []
            if missing := [name for name in ("Name", REQUESTS, FAILURES, AVERAGE, P95) if name not in columns]:
                raise CsvError(f"{path} is not the statistics of a Locust run: it has no column {missing[0]!r}")
            totals = [row for row in rows if row["Name"] == TOTAL and not row.get("Type")]
    except OSError as error:
        raise CsvError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CsvError(f"{path} is not a CSV file: {error}") from error
    if len(totals) != 1:
        raise CsvError(
            f"{path} has {len(totals)} rows named {TOTAL}, but a Locust run has one: the file is cut or mixed"
        )
    found = _totals(path, totals[0])
    if found.failures > found.requests:
        counts = f"{counted(found.failures, 'failure')} in {counted(found.requests, 'request')}"
        raise CsvError(f"{path} has {counts}: the file is cut or mixed")
    return found


def _totals(path: Path, row: dict[str, str]) -> Totals:
    column = ""
    try:
        column = REQUESTS
        requests = count(row[column])
        column = FAILURES
        failures = count(row[column])
        if requests == 0:
            return Totals(requests, failures, None, None)
        column = AVERAGE
        average = bound(row[column])
        column = P95
        return Totals(requests, failures, average, bound(row[column]))
    except (TypeError, ValueError) as error:
        raise CsvError(
            f"{path} holds {row[column]!r} as the {TOTAL} row's {column!r}, which is no such number"
        ) from error


def rounding_ms(percentile_ms: float) -> float:
    """By how much at most Locust's percentile differs from a time that it stands for: it keeps two digits of it."""
    for bound_ms, step_ms in ((100, 1), (1000, 10), (10_000, 100)):
        if percentile_ms < bound_ms:
            return step_ms / 2
    return 500


def judge(totals: Totals, max_average_ms: float, max_error_percent: float, max_p95_ms: float) -> list[tuple[bool, str]]:
    """Each gate: whether it is met, and the sentence that says so."""
    errors = 100 * totals.failures / totals.requests
    gates = [
        ("average response time", totals.average_ms, max_average_ms, "ms"),
        ("failed requests", errors, max_error_percent, "%"),
        (PERCENTILE, totals.p95_ms, max_p95_ms, "ms"),
    ]
    verdicts = []
    for name, value, limit, unit in gates:
        assert value is not None  # there were requests
        met = value <= limit
        word = "met" if met else "MISSED"
        sentence = f"{word}: {name} {value:,.2f} {unit}, at most {limit:,g} {unit}"
        if name == PERCENTILE and abs(value - limit) <= (off := rounding_ms(value)):
            sentence += f" (rounded by Locust to two digits: it may be {value - off:,g} to {value + off:,g} {unit})"
        verdicts.append((met, sentence))
    return verdicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge one file; the exit code."""
    parser = Parser(prog="check_results.py", description=__doc__)
    parser.add_argument("csv", type=Path, metavar="PREFIX_stats.csv", help="the statistics that Locust wrote")
    names = ("--max-average-ms", "--max-avg-ms")
    parser.add_argument(*names, type=bound, default=2000.0, help="gate: average in ms (default: 2000)")
    parser.add_argument("--max-error-percent", type=percentage, default=2.0, help="gate: failures in %% (default: 2)")
    parser.add_argument("--max-p95-ms", type=bound, default=5000.0, help="gate: 95th percentile in ms (default: 5000)")
    parser.add_argument("--min-requests", type=count, default=1, help="fewer cannot be judged (default: 1)")
    options = parser.parse_args(arguments)
    try:
        totals = read_totals(options.csv)
    except CsvError as error:
        parser.error(str(error))
    least = max(1, options.min_requests)
    if totals.requests < least:
        print(f"invalid: {counted(totals.requests, 'request')}, at least {least} are needed to judge the run")
        return TOO_FEW
    verdicts = judge(totals, options.max_average_ms, options.max_error_percent, options.max_p95_ms)
    for _, sentence in verdicts:
        print(sentence)
    met = all(met for met, _ in verdicts)
    print(f"{'pass' if met else 'fail'}: {counted(totals.requests, 'request')}")
    return MET if met else MISSED


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
