"""Builds the dashboards to JSON and the alert rules to YAML, after a change of the code or of a target.

    python -m grafana.build

from the repository's root.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import alerts, calls, doubles, endpoints, generator, live_run, runs

FOLDER = Path(__file__).parent / "dashboards"
ALERTS = Path(__file__).parent / "provisioning" / "alerting" / "targets.yml"
DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "live-run": live_run.build,
    "endpoints": endpoints.build,
    "calls": calls.build,
    "doubles": doubles.build,
    "generator": generator.build,
    "runs": runs.build,
}


def encode(board: Dashboard) -> str:
    """A dashboard as the text of its file."""
    return json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes each file, and names it."""
    files = {FOLDER / f"{name}.json": encode(build()) for name, build in DASHBOARDS.items()} | {ALERTS: alerts.build()}
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
