"""Retentions as InfluxDB writes them: `30d`, `1d12h`; `0` or nothing keeps points for ever."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds_of(text: str) -> int:
    """The seconds of a retention, 0 for ever; raises ValueError for anything else."""
    if not re.fullmatch(r"(\d+[smhdw])*|0", text):
        raise ValueError(f"a retention is a duration such as 30d or 12h, not {text!r}")
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))
