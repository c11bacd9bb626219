"""Every query of every dashboard and alert answers with data, on a real InfluxDB that real runs have filled."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.build import ALERTS
from grafana.targets import TARGETS_FILE
from tests.support.dashboards import BOARDS, PANELS, Json, interpolate, panel_of
from tests.support.influx import Influx, running_influx
from tests.support.ports import free_port
from tests.support.postgres import running_postgres
from tests.support.suite_lab import Lab, Suite, ended, running_lab

PROFILES = """
[before]
users = 6
spawn_rate = 6
run_time = "3s"

[after]
users = 30
spawn_rate = 30
run_time = "14s"
arrivals_per_second = 8
"""
FAULTS = {
    "backend": """
        starts = "run"
        [[faults]]
        name = "unavailable"
        description = "Some requests fail, for a while."
        path = "/api/c*"
        kind = "status"
        status = 503
        probability = 0.3
        from_s = 3
        for_s = 4
        """,
    "vendors": """
        [[faults]]
        name = "slow mail"
        description = "Mail takes its time."
        service = "sendgrid"
        kind = "delay"
        delay = "20"
        """,
}
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Filled:
    """An InfluxDB that holds two runs, `before` and `after`, and what they came to."""

    influx: Influx
    lab: Lab
    times: tuple[int, int]

    def ask(self, query: str, chosen: Mapping[str, str] | None = None, interval: str = "1s") -> list[Json]:
        """The rows that a dashboard's query gives."""
        return self.influx.query(interpolate(query, chosen or {}, self.times, interval))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    directory = tmp_path_factory.mktemp("lab")
    (directory / "profiles.toml").write_text(PROFILES)
    (directory / "targets.toml").write_text(re.sub(r'window = ".*"', 'window = "3 s"', TARGETS_FILE.read_text()))
    with running_influx() as influx, running_postgres() as dsn, running_lab(directory) as lab:
        for double, faults in FAULTS.items():
            put_faults(getattr(lab, double), faults)
        run(lab, directory, influx, "before", workers=0)
        run(lab, directory, influx, "after", workers=2, LAB_POSTGRES_DSN=dsn)
        (start, *_, stop) = [row["time"] for row in influx.query('SELECT "text" FROM "events"')]
        yield Filled(influx, lab, (start - MINUTE_MS, stop + MINUTE_MS))


def put_faults(address: str, faults: str) -> None:
    headers = {"content-type": "application/toml"}
    request = urllib.request.Request(f"http://{address}/__lab/faults", faults.encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def run(lab: Lab, directory: Path, influx: Influx, run_id: str, *, workers: int, **settings: str) -> None:
    environment = lab.environment(
        LAB_RUN_ID=run_id,
        LAB_PROFILE=run_id,
        LAB_PROFILES_FILE=str(directory / "profiles.toml"),
        LAB_TARGETS_FILE=str(directory / "targets.toml"),
        INFLUX_URL=influx.url,
        INFLUX_TOKEN=influx.token,
        INFLUX_ORG=influx.org,
        INFLUX_BUCKET=influx.bucket,
        **settings,
    )
    port = str(free_port())
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    master += ["--expect-workers", str(workers)]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    suite = Suite(environment, "--headless", "--only-summary", *(master if workers else []))
    with ended(suite, *(Suite(environment, *worker) for _ in range(workers))):
        suite.finish(120)
        assert (lab.results / run_id / "verdict.json").exists(), suite.output


CHOICES: dict[str, dict[str, str]] = {
    "as it opens": {"endpoint": "\\/api\\/auth\\/login", "method": "POST", "run": ".*", "baseline": "before"},
    "one run": {"endpoint": "\\/api\\/auth\\/login", "method": "POST", "run": "after", "baseline": "before"},
    "two runs": {"endpoint": "\\/api\\/auth\\/login", "method": "POST", "run": "(before|after)", "baseline": "before"},
}


@pytest.mark.parametrize("chosen", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_a_panels_queries_answer_with_values(filled: Filled, name: str, panel: Json, chosen: dict[str, str]) -> None:
    for target in panel["targets"]:
        rows = filled.ask(target["query"], chosen)
        assert rows, target["query"]
        assert any(value is not None for row in rows for value in values_of(row)), target["query"]
        for tag in re.findall(r"\$tag_(\w+)", target.get("alias", "")):
            assert all(row[tag] for row in rows)


def values_of(row: Json) -> list[Any]:
    tags = {"time", "type", "name", "area", "target", "outcome", "worker", "process", "double", "operation", "status"}
    return [value for column, value in row.items() if column not in tags]


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_a_panels_queries_answer_with_wider_intervals_too(filled: Filled, name: str, panel: Json) -> None:
    for target in panel["targets"]:
        assert filled.ask(target["query"], CHOICES["as it opens"], interval="30s")


@pytest.mark.parametrize("name", BOARDS)
def test_pickers_offer_what_is_there(filled: Filled, name: str) -> None:
    expected = {
        "run": {"before", "after"},
        "baseline": {"before", "after"},
        "area": {"authentication", "crm", "calendar", "telephony", "conversations"},
        "scenario": {"AuthUser", "CrmUser", "CalendarUser", "TelephonyUser", "WebSocketUser"},
        "endpoint": {"/api/auth/login", "/api/crm/contacts", "turn"},
        "method": {"POST"},
        "double": {"backend", "twilio", "deepgram", "openai", "elevenlabs", "stripe", "sendgrid"},
    }
    for variable in BOARDS[name]["templating"]["list"]:
        offered = {row["value"] for row in filled.ask(variable["query"], CHOICES["as it opens"])}
        assert offered >= expected[variable["name"]], variable["name"]


@pytest.mark.parametrize("name", BOARDS)
def test_annotations_show_starts_and_stops_faults_and_verdicts(filled: Filled, name: str) -> None:
    shown = {}
    for annotation in BOARDS[name]["annotations"]["list"]:
        target = annotation["target"]
        rows = filled.ask(target["query"])
        assert all(row[target["textColumn"]] for row in rows)
        shown[annotation["name"]] = {row[target["tagsColumn"]] for row in rows}
    assert shown == {"Runs": {"run,start", "run,stop"}, "Faults": {"run,fault"}, "Verdicts": {"run,verdict"}}


RULES: list[Json] = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def watched(filled: Filled, rule: Json) -> dict[str, float]:
    """What a rule compares with its limit, by run."""
    query = rule["data"][0]["model"]["query"].replace("$$", "$")
    return {row["run_id"]: row["value"] for row in filled.ask(query)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["uid"])
def test_an_alerts_query_gives_a_value_for_each_run_that_is_judged_by_it(filled: Filled, rule: Json) -> None:
    judged = {
        run_id: {target["name"] for target in filled.lab.verdict(run_id)["targets"] if target["value"] is not None}
        for run_id in ("before", "after")
    }
    name = rule["title"].removeprefix("Target missed: ")
    everyone = rule["title"] == name
    assert set(watched(filled, rule)) == {run_id for run_id, names in judged.items() if everyone or name in names}


def test_the_alerts_of_a_run_are_the_targets_that_it_missed(filled: Filled) -> None:
    verdict = filled.lab.verdict("after")
    missed = {target["name"] for target in verdict["targets"] if target["ok"] is False}
    assert "error rate" in missed
    alerts = set()
    for rule in RULES:
        evaluator = rule["data"][2]["model"]["conditions"][0]["evaluator"]
        value, (limit,) = watched(filled, rule).get("after"), evaluator["params"]
        if value is not None and (value < limit if evaluator["type"] == "lt" else value > limit):
            alerts.add(rule["title"].removeprefix("Target missed: "))
    assert alerts - {"The run is invalid"} == missed
    assert ("The run is invalid" in alerts) == (verdict["verdict"] == "invalid")


def value_of(filled: Filled, name: str, title: str, column: str = "last") -> list[Any]:
    query = panel_of(name, title)["targets"][0]["query"]
    return [row[column] for row in filled.ask(query, CHOICES["one run"])]


def test_the_figures_are_the_runs_own(filled: Filled) -> None:
    verdict = filled.lab.verdict("after")
    values = {target["name"]: target["value"] for target in verdict["targets"]}
    assert value_of(filled, "live-run", "Errors so far") == [pytest.approx(values["error rate"], rel=1e-3)]
    assert value_of(filled, "live-run", "p95 so far") == [pytest.approx(values["regression: p95"], rel=1e-3)]
    assert value_of(filled, "live-run", "Turn p95") == [pytest.approx(values["voice turn p95"], rel=1e-3)]
    codes = {"pass": 0, "fail": 1, "invalid": 2}
    assert value_of(filled, "live-run", "Verdict so far") == [codes[verdict["verdict"]]]
    requests = sum(area["requests"] for area in verdict["areas"].values())
    assert sum(value_of(filled, "live-run", "Endpoints so far", "requests")) == requests


def test_a_turn_is_split_into_two_parts_that_are_the_whole(filled: Filled) -> None:
    (whole,) = [row["last"] for row in filled.ask('SELECT last("avg") FROM "turns" WHERE "run_id" = \'after\'')]
    vendor, platform = (
        [value for row in filled.ask(target["query"], CHOICES["one run"]) if (value := row["mean"]) is not None][-1]
        for target in panel_of("calls", "Turn: vendor and platform")["targets"]
    )
    assert vendor > 100, "the voice agent's stub thinks before it speaks"
    assert vendor + platform == pytest.approx(whole, rel=0.01)


def test_calls_that_ended_are_counted(filled: Filled) -> None:
    (completed,) = value_of(filled, "calls", "Completed so far")
    assert completed > 0


def test_failures_are_shown_by_class_and_faults_by_when_they_were_in_force(filled: Filled) -> None:
    assert "http_5xx" in value_of(filled, "live-run", "Failures by class", "outcome")
    (unavailable,) = {row for row in value_of(filled, "doubles", "Faults over time", "fault") if row == "unavailable"}
    states = filled.ask(panel_of("doubles", "Faults over time")["targets"][0]["query"], CHOICES["one run"])
    assert {row["max"] for row in states if row["fault"] == unavailable} >= {0, 1}


def test_one_run_is_held_against_another_by_endpoint(filled: Filled) -> None:
    before, after = (
        {row["name"]: row for row in filled.ask(target["query"], CHOICES["one run"])}
        for target in panel_of("runs", "Endpoints, run against baseline")["targets"]
    )
    both = before["/api/auth/login"] | after["/api/auth/login"]
    assert both["p95 before"] > 0
    assert both["p95 now"] > 0
    assert {row["time"] for row in (*before.values(), *after.values())} == {filled.times[0]}, "else they do not merge"
