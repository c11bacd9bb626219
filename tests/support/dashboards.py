"""The dashboards as the repository holds them, and their queries as Grafana sends them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from grafana.build import FOLDER

Json = dict[str, Any]
BOARDS: dict[str, Json] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


def panels_of(board: Json) -> list[Json]:
    """Its panels, without the titles of rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


PANELS = [
    pytest.param(name, panel, id=f"{name}: {panel['title']}") for name in BOARDS for panel in panels_of(BOARDS[name])
]
"""Every panel of every dashboard: the dashboard's name and the panel."""


def panel_of(name: str, title: str) -> Json:
    """The panel of this title."""
    (found,) = [panel for panel in panels_of(BOARDS[name]) if panel["title"] == title]
    return found


def variables_in(text: str) -> set[str]:
    """The names of the variables that a query uses, without Grafana's own."""
    return set(re.findall(r"\$(\w+)", text)) - {"timeFilter", "__interval"}


def interpolate(query: str, chosen: Mapping[str, str], times: tuple[int, int], interval: str = "1s") -> str:
    """The query as Grafana's server sends it: `times` in ms, and a pattern for each variable; `.*` for the others."""
    query = query.replace("$timeFilter", f"time >= {times[0]}ms and time <= {times[1]}ms")
    query = query.replace("$__interval", interval)
    for name in variables_in(query):
        query = query.replace(f"${name}", chosen.get(name, ".*"))
    return query
