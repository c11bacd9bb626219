"""The alert rules that Grafana reads at its start: one for each target, of the shape that its provisioning takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from configs.targets import load_targets
from grafana import alerts, targets
from grafana.build import ALERTS
from tests.support.dashboards import BOARDS

GROUPS: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
SUITES = load_targets()


def test_the_repository_holds_what_the_code_builds() -> None:
    assert ALERTS.read_text() == alerts.build(), "run `python -m grafana.build`"


def test_every_target_has_a_rule_with_its_limit_and_its_side() -> None:
    held = {
        rule["title"].removeprefix("Target missed: "): rule["data"][2]["model"]["conditions"][0]["evaluator"]
        for rule in GROUPS[0]["rules"]
    }
    assert held == {
        target.name: {"type": "lt" if target.at_least else "gt", "params": [target.limit]} for target in SUITES.targets
    }


def test_the_dashboards_read_targets_as_the_suite_does() -> None:
    own = [(target.name, target.limit, target.at_least) for target in targets.targets()]
    assert own == [(target.name, target.limit, target.at_least) for target in SUITES.targets]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["name"])
def test_a_group_is_asked_at_an_interval_that_grafana_takes(group: dict[str, Any]) -> None:
    assert group["orgId"] == 1
    assert group["folder"]
    assert int(group["interval"].removesuffix("s")) % 10 == 0


def test_rules_are_told_apart() -> None:
    for key in ("uid", "title"):
        assert len({rule[key] for rule in RULES}) == len(RULES)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", rule["uid"]) for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["uid"])
def test_a_rule_asks_reduces_and_compares(rule: dict[str, Any]) -> None:
    ask, reduce, compare = rule["data"]
    assert [step["refId"] for step in rule["data"]] == ["A", "B", "C"]
    assert [step["datasourceUid"] for step in rule["data"]] == ["influxdb", "__expr__", "__expr__"]
    assert [step["model"]["refId"] for step in rule["data"]] == ["A", "B", "C"]
    assert all(step["relativeTimeRange"]["from"] > step["relativeTimeRange"]["to"] == 0 for step in rule["data"])
    assert ask["model"]["rawQuery"] is True
    assert (reduce["model"]["type"], reduce["model"]["expression"], reduce["model"]["reducer"]) == (
        "reduce",
        "A",
        "last",
    )
    assert (compare["model"]["type"], compare["model"]["expression"]) == ("threshold", "B")
    assert rule["condition"] == "C"
    assert rule["noDataState"] == "OK", "no run is no reason for an alert"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["uid"])
def test_dollars_are_doubled_and_there_are_no_variables(rule: dict[str, Any]) -> None:
    """Grafana reads `$name` in these files as an environment variable, and rules have none of a dashboard's."""
    query, summary = rule["data"][0]["model"]["query"], rule["annotations"]["summary"]
    for text in (query, summary):
        assert "$" not in text.replace("$$", "")
    assert re.findall(r"\$\$(\w+)", query) == ["timeFilter"]
    assert "$$labels.run_id" in summary


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["uid"])
def test_a_rule_leads_to_a_panel(rule: dict[str, Any]) -> None:
    panels = {panel["id"]: panel["type"] for panel in BOARDS[rule["dashboardUid"]]["panels"]}
    assert panels[rule["panelId"]] == "table"
