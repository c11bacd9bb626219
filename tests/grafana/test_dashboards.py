"""What every dashboard in the repository promises, read from its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana import targets
from grafana.build import DASHBOARDS, FOLDER, decode, encode
from metrics.verdict import SATURATED_PERCENT

ROOT = Path(__file__).parents[2]
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
each_board = pytest.mark.parametrize("name", BOARDS)
each_panel = pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=[f"{name}: {panel['title']}" for name, panel in PANELS]
)
TIMES = {"s": 1, "m": 60, "h": 3600}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in `value`."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)


def test_the_repository_holds_what_the_code_builds() -> None:
    assert {name: encode(build()) for name, build in DASHBOARDS.items()} == {
        path.stem: path.read_text() for path in FOLDER.iterdir()
    }, "run `python -m grafana.build`"


@each_board
def test_a_dashboard_reads_back_as_it_was_written(name: str) -> None:
    """The SDK drops what it does not know, so what survives is of Grafana's own shape."""
    text = (FOLDER / f"{name}.json").read_text()
    assert encode(decode(text)) == text


@each_board
def test_a_dashboard_has_its_uid_and_words(name: str) -> None:
    board = BOARDS[name]
    assert board["uid"] == name
    assert board["title"]
    assert board["description"].endswith(".")
    assert board["editable"] is False


@each_board
def test_panel_ids_are_unique(name: str) -> None:
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert sorted(ids) == list(range(1, len(ids) + 1))


@each_board
def test_panels_neither_overlap_nor_leave_the_grid(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        x, y = at.get("x", 0), at.get("y", 0)
        assert x + at["w"] <= 24
        cells = {(x + across, y + down) for across in range(at["w"]) for down in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@each_panel
def test_a_panel_says_what_it_shows(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["title"]) <= 32, "longer titles are clipped"
    assert panel["description"].rstrip().endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]


@each_panel
def test_every_query_of_a_panel_has_a_time_filter(name: str, panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        assert "$timeFilter" in target["query"]
        assert "=~ /^$run$/" in target["query"], "multi-value variables are regexes"


@each_board
def test_annotations_have_a_time_filter(name: str) -> None:
    annotations = BOARDS[name]["annotations"]["list"]
    assert annotations
    assert all("$timeFilter" in annotation["target"]["query"] for annotation in annotations)


@each_board
def test_every_data_source_is_the_provisioned_one(name: str) -> None:
    provisioned = yaml.safe_load((ROOT / "grafana/provisioning/datasources/influxdb.yml").read_text())
    known = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    used = {
        (node["datasource"]["type"], node["datasource"]["uid"])
        for node in nodes(BOARDS[name])
        if isinstance(node.get("datasource"), dict)
    }
    assert used == known


@each_board
def test_the_refresh_is_allowed_and_offered(name: str) -> None:
    """Grafana clamps a page to its minimum without a word."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    minimum = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_MIN_REFRESH_INTERVAL"]
    board = BOARDS[name]

    def seconds(text: str) -> int:
        return int(text[:-1]) * TIMES[text[-1]]

    assert all(seconds(interval) >= seconds(minimum) for interval in board["timepicker"]["refresh_intervals"])
    assert board["refresh"] in board["timepicker"]["refresh_intervals"]


@each_board
def test_every_variable_that_is_used_is_defined_and_every_one_defined_is_used(name: str) -> None:
    board = BOARDS[name]
    built_in = {"timeFilter", "__interval", "__range"}
    queries = " ".join(target["query"] for panel in board["panels"] for target in panel["targets"])
    defined = {variable["name"] for variable in board["templating"]["list"]}
    assert set(re.findall(r"\$(\w+)", queries)) - built_in == defined


def drawn(title: str) -> list[float]:
    """The limits that the panel of this title shows."""
    panel = next(panel for _, panel in PANELS if panel["title"] == title)
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step.get("value")]


@pytest.mark.parametrize(
    ("title", "target"),
    [
        ("Errors so far", "error rate"),
        ("p95 so far", "regression: p95"),
        ("Turn p95 so far", "voice turn p95"),
        ("Latency so far", "regression: p95"),
        ("Authentication, average so far", "authentication average"),
        ("CRM, average so far", "CRM average"),
        ("First audio", "voice first audio p95"),
        ("Turn", "voice turn p95"),
    ],
)
def test_a_target_is_drawn_where_there_is_one(title: str, target: str) -> None:
    assert drawn(title) == [targets.limit(target)]


def test_the_cpu_line_is_the_verdicts_own_bound() -> None:
    assert drawn("CPU of each worker") == [SATURATED_PERCENT]


def test_provisioning_points_at_the_mounted_dashboards() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    provider = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/lab.yml").read_text())["providers"][0]
    mounts = dict(mount.split(":")[1::-1] for mount in compose["services"]["grafana"]["volumes"])
    assert (ROOT / mounts[provider["options"]["path"]]).resolve() == FOLDER
