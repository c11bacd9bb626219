"""The limits that dashboards draw as lines: those of the suite's own targets file, so that the two never differ."""

from __future__ import annotations

import tomllib
from pathlib import Path

TARGETS_FILE = Path(__file__).parents[1] / "locust" / "configs" / "targets.toml"


def limit(name: str) -> float:
    """The limit of the target with this name, in the target's unit (ms or %); KeyError when there is none."""
    targets = tomllib.loads(TARGETS_FILE.read_text(encoding="utf-8"))["target"]
    return float({target["name"]: target["limit"] for target in targets}[name])
