"""Builds every dashboard to JSON: `python -m grafana.build`, from the repository's root, after a change of the code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import influxql, live_run

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS: dict[str, Callable[[], Dashboard]] = {"live-run": live_run.build}


def encode(board: Dashboard) -> str:
    """A dashboard as the text of its file."""
    return json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def decode(text: str) -> Dashboard:
    """The dashboard of a file's text, with every query of a type that the SDK or this package knows."""
    register_default_plugins()
    influxql.register()
    return Dashboard.from_json(json.loads(text))


def main() -> None:
    """Writes each dashboard's file, and names it."""
    for name, build in DASHBOARDS.items():
        path = FOLDER / f"{name}.json"
        path.write_text(encode(build()), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
