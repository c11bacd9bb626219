"""What every dashboard in the repository promises, read from its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import runtime, variants
from grafana_foundation_sdk.cog.plugins import register_default_plugins

from grafana import endpoints, looks, targets
from grafana.build import DASHBOARDS, FOLDER, encode
from grafana.influxql import AnnotationQuery, InfluxQuery
from metrics.areas import AREAS
from metrics.generator import HELD_UP_PERCENT, SATURATED_PERCENT
from metrics.lines import BOUNDS_MS
from metrics.outcome import OUTCOMES
from tests.support.dashboards import BOARDS, PANELS, Json, panel_of, panels_of, variables_in

ROOT = Path(__file__).parents[2]
each_board = pytest.mark.parametrize("name", BOARDS)
each_panel = pytest.mark.parametrize(("name", "panel"), PANELS)
TIMES = {"s": 1, "m": 60, "h": 3600}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in `value`."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)


def query_of(fields: dict[str, Any]) -> variants.Dataquery:
    """The one type of query that the SDK cannot read: of a panel, or of an annotation."""
    if fields.get("fromAnnotations"):
        return AnnotationQuery(fields["query"], fields["textColumn"], fields["tagsColumn"])
    return InfluxQuery(fields["query"], fields["refId"], fields.get("alias", ""), fields["resultFormat"] == "table")


def test_the_repository_holds_what_the_code_builds() -> None:
    assert {name: encode(build()) for name, build in DASHBOARDS.items()} == {
        path.stem: path.read_text() for path in FOLDER.iterdir()
    }, "run `python -m grafana.build`"


@each_board
def test_a_dashboard_reads_back_as_it_was_written(name: str) -> None:
    """The SDK drops what it does not know, so what survives is of Grafana's own shape."""
    register_default_plugins()
    runtime.Runtime().register_dataquery_variant(runtime.DataqueryConfig("influxdb", query_of))
    text = (FOLDER / f"{name}.json").read_text()
    assert encode(type(DASHBOARDS[name]()).from_json(json.loads(text))) == text


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
def test_a_panel_says_what_it_shows(name: str, panel: Json) -> None:
    assert panel["title"]
    assert len(panel["title"]) <= 5.8 * panel["gridPos"]["w"], "longer titles are clipped"
    assert panel["description"].rstrip().endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]


@each_board
def test_titles_on_a_dashboard_differ(name: str) -> None:
    titles = [panel["title"] for panel in panels_of(BOARDS[name])]
    assert len(set(titles)) == len(titles)


@each_panel
def test_every_query_of_a_panel_has_a_time_filter_and_takes_several_values(name: str, panel: Json) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        assert "$timeFilter" in target["query"]
        used = variables_in(target["query"])
        assert name == "runs" or "run" in used
        assert all(f"=~ /^${variable}$/" in target["query"] for variable in used), "multi-value variables are regexes"


@each_panel
def test_series_of_a_panel_are_told_apart(name: str, panel: Json) -> None:
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    if panel["type"] == "timeseries":
        assert all(target["alias"] for target in panel["targets"])


@each_board
def test_annotations_have_a_time_filter(name: str) -> None:
    annotations = BOARDS[name]["annotations"]["list"]
    assert [annotation["name"] for annotation in annotations] == ["Runs", "Faults", "Verdicts"]
    assert len({annotation["iconColor"] for annotation in annotations}) == 3
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
    queries = [target["query"] for panel in panels_of(board) for target in panel["targets"]]
    queries += [variable["query"] for variable in board["templating"]["list"]]
    assert variables_in(" ".join(queries)) == {variable["name"] for variable in board["templating"]["list"]}


@each_board
def test_dashboards_lead_to_one_another_with_the_time_and_the_choices(name: str) -> None:
    (link,) = BOARDS[name]["links"]
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert set(link["tags"]) <= set(BOARDS[name]["tags"])


@each_panel
def test_links_lead_to_a_dashboard_and_set_variables_that_it_has(name: str, panel: Json) -> None:
    for url in re.findall(r'"url": "([^"]+)"', str(panel["fieldConfig"]).replace("'", '"')):
        uid, _, query = url.removeprefix("/d/").partition("?")
        has = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= has


def drawn(name: str, title: str) -> list[float]:
    """The limits that the panel of this title shows."""
    steps = panel_of(name, title)["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [step["value"] for step in steps if step.get("value")]


@pytest.mark.parametrize(
    ("name", "title", "target"),
    [
        ("live-run", "Errors so far", "error rate"),
        ("live-run", "p95 now", "regression: p95"),
        ("live-run", "p95 so far", "regression: p95"),
        ("live-run", "First audio p95", "voice first audio p95"),
        ("live-run", "Turn p95", "voice turn p95"),
        ("live-run", "Latency so far", "regression: p95"),
        ("live-run", "Authentication, average", "authentication average"),
        ("live-run", "CRM, average", "CRM average"),
        ("live-run", "Calendar, average", "calendar average"),
        ("live-run", "Search, average", "search average"),
        ("live-run", "WebSocket, average", "WebSocket connection average"),
        ("live-run", "Critical path, errors", "critical path error rate"),
        ("endpoints", "p95 so far", "regression: p95"),
        ("endpoints", "Percentiles so far", "regression: p95"),
        ("calls", "First audio", "voice first audio p95"),
        ("calls", "Turn", "voice turn p95"),
        ("calls", "Turn: vendor and platform", "voice turn p95"),
        ("runs", "Latency of runs", "regression: p95"),
        ("runs", "Errors of runs", "error rate"),
    ],
)
def test_a_target_is_drawn_where_there_is_one(name: str, title: str, target: str) -> None:
    assert drawn(name, title) == [targets.limit(target)]


def test_the_generators_lines_are_the_verdicts_own_bounds() -> None:
    assert drawn("generator", "CPU of each worker") == [SATURATED_PERCENT]
    for whose in ("Workers", "Doubles"):
        assert drawn("generator", f"{whose} held up") == [HELD_UP_PERCENT]


def test_every_outcome_and_area_has_a_colour_of_its_own() -> None:
    assert set(looks.OUTCOMES) == set(OUTCOMES)
    assert set(looks.AREAS) == set(AREAS)
    for colors in (looks.OUTCOMES, looks.AREAS, looks.DOUBLES, looks.LATENCIES):
        assert len(set(colors.values())) == len(colors)


def test_a_series_has_the_same_colour_wherever_it_is_drawn() -> None:
    colors: dict[str, set[str]] = {}
    for _, panel in (param.values for param in PANELS):
        assert isinstance(panel, dict)
        for override in panel["fieldConfig"]["overrides"]:
            for each in override["properties"]:
                if each["id"] == "color":
                    colors.setdefault(override["matcher"]["options"], set()).add(each["value"]["fixedColor"])
    assert {name for name, used in colors.items() if len(used) > 1} == set()


def test_the_heatmap_has_a_row_for_each_bucket_that_is_written() -> None:
    query = panel_of("endpoints", "Heatmap")["targets"][0]["query"]
    assert endpoints.BOUNDS_MS == BOUNDS_MS
    assert re.findall(r'sum\("(\w+)"\)', query) == [*(f"le_{bound}" for bound in BOUNDS_MS), "le_inf"]


def test_provisioning_points_at_the_mounted_dashboards() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    provider = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/lab.yml").read_text())["providers"][0]
    mounts = dict(mount.split(":")[1::-1] for mount in compose["services"]["grafana"]["volumes"])
    assert (ROOT / mounts[provider["options"]["path"]]).resolve() == FOLDER
