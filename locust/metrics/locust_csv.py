"""Locust's own CSV files, complete to the last request.

Locust's `--csv` rewrites its files once a second and only closes them at the end, so what came in the last second of a
run can be missing. These are written by the same class of Locust's once all workers have reported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

from metrics.report import write_atomically


def write_locust_csv(environment: Any, prefix: Path) -> None:
    """Write `<prefix>_stats.csv`, `<prefix>_failures.csv` and `<prefix>_exceptions.csv` from Locust's statistics."""
    source = StatsCSV(environment, PERCENTILES_TO_REPORT)
    parts: dict[str, Callable[[Any], None]] = {
        "stats": source.requests_csv,
        "failures": source.failures_csv,
        "exceptions": source.exceptions_csv,
    }
    for name, write in parts.items():
        text = io.StringIO()
        write(csv.writer(text))
        write_atomically(prefix.with_name(f"{prefix.name}_{name}.csv"), text.getvalue())
