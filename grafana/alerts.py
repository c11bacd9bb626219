"""Alert rules for the targets, as Grafana's file provisioning reads them: one a target, and two for the run itself.

Every rule is three steps: A asks InfluxDB, B takes the newest value of each run, C compares it with the limit. A run
that is over, or none at all, has no data and alerts nobody. In these files `$` begins an environment variable, and
`$$` stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from grafana import live_run
from grafana.influxql import DATASOURCE
from grafana.queries import newest
from grafana.targets import Target, targets

FOLDER = "Load lab"
INTERVAL = "10s"
"""How often rules are asked; Grafana takes multiples of ten seconds."""
LOOK_BACK_S = 60
AT_ONCE = "0s"
RAMP = "2m"
"""For how long a limit that is to be reached may not be: users have to come first."""
Rule = dict[str, object]


def build() -> str:
    """The text of the rules' file."""
    panels = {str(panel.title): panel.id_val or 0 for panel in live_run.build().panels or []}
    rules = [_of_target(target, panels) for target in targets()]
    groups = [_group("Targets", rules), _group("The run itself", _of_the_run(panels))]
    text = yaml.safe_dump({"apiVersion": 1, "groups": groups}, sort_keys=False, allow_unicode=True, width=120)
    return f"# Built from grafana/alerts.py and locust/configs/targets.toml: python -m grafana.build\n{text}"


def _group(name: str, rules: list[Rule]) -> dict[str, object]:
    return {"orgId": 1, "name": name, "folder": FOLDER, "interval": INTERVAL, "rules": rules}


def _of_target(target: Target, panels: Mapping[str, int]) -> Rule:
    tables = {"ms": "Latency targets", "%": "Error targets"}
    side, comparison, for_ = ("under", "lt", RAMP) if target.at_least else ("over", "gt", AT_ONCE)
    return _rule(
        f"target-{_slug(target.name)}",
        f"Target missed: {target.name}",
        newest({"value": "value"}, "targets", f"\"target\" = '{target.name}' AND $timeFilter", by=["run_id"]),
        (comparison, target.limit),
        summary=f"{{{{ $labels.run_id }}}}: {target.name} is {{{{ humanize $values.B.Value }}}} {target.unit}, "
        f"{side} its limit of {target.limit:,g} {target.unit}.",
        panel=panels[tables.get(target.unit, "Load targets")],
        for_=for_,
    )


def _of_the_run(panels: Mapping[str, int]) -> list[Rule]:
    code = newest({"value": "code"}, "verdict", "$timeFilter", by=["run_id"])
    lost = newest({"value": "lost"}, "outbox", "$timeFilter", by=["run_id"])
    return [
        _rule(
            "run-invalid",
            "The run is invalid",
            code,
            ("gt", 1),
            summary="{{ $labels.run_id }} would be invalid were it to end now: its dashboard gives the reasons.",
            panel=panels["Reasons"],
        ),
        _rule(
            "points-lost",
            "Points are lost",
            lost,
            ("gt", 0),
            summary="{{ $labels.run_id }} has lost {{ humanize $values.B.Value }} points, which makes it invalid.",
            panel=panels["Reasons"],
        ),
    ]


def _rule(
    uid: str, title: str, query: str, bound: tuple[str, float], *, summary: str, panel: int, for_: str = AT_ONCE
) -> Rule:
    comparison, limit = bound
    ask = {
        "refId": "A",
        "datasource": {"type": DATASOURCE.type_val, "uid": DATASOURCE.uid},
        "query": query.replace("$", "$$"),
        "rawQuery": True,
        "resultFormat": "time_series",
        "intervalMs": 1000,
        "maxDataPoints": LOOK_BACK_S,
    }
    compare = {"evaluator": {"type": comparison, "params": [limit]}}
    steps = [
        _step(ask, str(DATASOURCE.uid)),
        _step({"refId": "B", "type": "reduce", "expression": "A", "reducer": "last"}),
        _step({"refId": "C", "type": "threshold", "expression": "B", "conditions": [compare]}),
    ]
    return {
        "uid": uid,
        "title": title,
        "condition": "C",
        "data": steps,
        "for": for_,
        "noDataState": "OK",
        "execErrState": "Error",
        "dashboardUid": "live-run",
        "panelId": panel,
        "labels": {"lab": "load"},
        "annotations": {"summary": summary.replace("$", "$$")},
    }


def _step(model: dict[str, object], source: str = "__expr__") -> dict[str, object]:
    if source == "__expr__":
        model = {**model, "datasource": {"type": source, "uid": source}}
    times = {"from": LOOK_BACK_S, "to": 0}
    return {"refId": model["refId"], "datasourceUid": source, "relativeTimeRange": times, "model": model}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
