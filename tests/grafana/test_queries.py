"""Every query of every dashboard answers with data, on a real InfluxDB that holds a run as the suite writes it."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from grafana.build import FOLDER
from metrics.recorder import Recorder
from metrics.run import Ending, Run
from metrics.targets import Targets
from tests.support.influx import Influx, running_influx

RUN_ID = "20261123-041530-3fa2"
STARTED = 1_795_000_000
SECONDS = 20
ENDPOINTS = [
    ("POST", "POST /api/auth/login", 80.0),
    ("GET", "GET /api/crm/contacts", 30.0),
    ("CALL", "answer", 60.0),
    ("CALL", "connect", 20.0),
    ("CALL", "first audio", 400.0),
    ("CALL", "turn", 700.0),
]
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
PANEL_QUERIES = [
    (f"{name}: {panel['title']}: {target['refId']}", panel, target)
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
]


class Lines:
    """What a run needs of a writer; keeps the lines."""

    points_written = 0
    points_lost = 0
    points_waiting = 0
    bytes_waiting = 0
    delay_s = 0.0
    lost_because = ""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def start(self) -> None:
        pass

    def submit(self, lines: Any, bucket: str = "live") -> None:
        if bucket == "live":
            self.kept += lines

    def close(self) -> None:
        pass


class Clock:
    """A clock that the test moves."""

    now = float(STARTED)

    def __call__(self) -> float:
        return self.now


def a_run() -> list[str]:
    """The lines of a run of two workers with every endpoint in each second, one failure among them."""
    lines, clock, cpu = Lines(), Clock(), Clock()
    run = Run(RUN_ID, 1, "http://backend:8001", Targets(), lines, clock.now)
    workers = {name: Recorder(clock, cpu) for name in ("worker-a", "worker-b")}
    for second in range(SECONDS):
        clock.now = STARTED + second + 0.5
        for recorder in workers.values():
            for request_type, name, latency in ENDPOINTS:
                failed = ValueError("an answer that is not right") if (second, name) == (5, "turn") else None
                recorder.record(request_type, name, latency + second, exception=failed)
        clock.now += 0.4
        cpu.now += 0.3
        for worker, recorder in workers.items():
            run.report(worker, recorder.take(), clock.now)
        run.tick(10, clock.now)
    run.finish(Ending(planned=[], workers_lost=[], cpu_warning=False, task_errors={}), 0, clock.now)
    return lines.kept


@pytest.fixture(scope="module")
def influx() -> Iterator[Influx]:
    with running_influx() as server:
        url = f"{server.url}/api/v2/write?org={server.org}&bucket={server.bucket}&precision=ms"
        body = "\n".join(a_run()).encode()
        request = urllib.request.Request(url, body, {"Authorization": f"Token {server.token}"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 204
        yield server


def interpolate(query: str, chosen: str = ".*", interval: str = "1s") -> str:
    """The query as Grafana's server sends it, for the run's own time range."""
    times = f"time >= {STARTED - 60}000ms and time <= {STARTED + SECONDS + 60}000ms"
    query = query.replace("$timeFilter", times).replace("$__interval", interval)
    query = query.replace("$run", chosen).replace("$area", ".*")
    assert "$" not in query.replace("$/", "")
    return query


@pytest.mark.parametrize(("panel", "target"), [each[1:] for each in PANEL_QUERIES], ids=[e[0] for e in PANEL_QUERIES])
@pytest.mark.parametrize("chosen", [".*", f"({RUN_ID})"], ids=["all", "one run"])
def test_a_panels_query_answers_with_values(
    influx: Influx, panel: dict[str, Any], target: dict[str, Any], chosen: str
) -> None:
    rows = influx.query(interpolate(target["query"], chosen))
    assert rows, panel["title"]
    values = [value for row in rows for name, value in row.items() if name != "time"]
    assert any(value is not None for value in values)
    if target["resultFormat"] == "table":
        assert None not in values
    for tag in re.findall(r"\$tag_(\w+)", target.get("alias", "")):
        assert all(row[tag] for row in rows)


@pytest.mark.parametrize(("panel", "target"), [each[1:] for each in PANEL_QUERIES], ids=[e[0] for e in PANEL_QUERIES])
def test_a_panels_query_answers_with_wider_intervals_too(
    influx: Influx, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    assert influx.query(interpolate(target["query"], interval="30s"))


@pytest.mark.parametrize("name", BOARDS)
def test_pickers_offer_what_is_there(influx: Influx, name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        offered = {row["value"] for row in influx.query(variable["query"])}
        expected = {"run": {RUN_ID}, "area": {"authentication", "crm", "telephony"}}
        assert offered == expected[variable["name"]]


@pytest.mark.parametrize("name", BOARDS)
def test_annotations_show_start_stop_and_verdict(influx: Influx, name: str) -> None:
    (annotation,) = BOARDS[name]["annotations"]["list"]
    target = annotation["target"]
    rows = influx.query(interpolate(target["query"]))
    assert sorted(row[target["tagsColumn"]] for row in rows) == ["run,start", "run,stop", "run,verdict"]
    assert all(row[target["textColumn"]] for row in rows)


def value_of(influx: Influx, title: str, column: str = "last") -> list[Any]:
    panel = next(panel for board in BOARDS.values() for panel in board["panels"] if panel["title"] == title)
    return [row[column] for row in influx.query(interpolate(panel["targets"][0]["query"]))]


def test_the_figures_are_the_runs_own(influx: Influx) -> None:
    requests = SECONDS * len(ENDPOINTS) * 2
    assert value_of(influx, "Errors so far") == [pytest.approx(100 * 2 / requests)]
    assert value_of(influx, "Turn p95 so far") == [pytest.approx(700 + SECONDS - 2, rel=0.005)]
    (verdict,) = value_of(influx, "Verdict", "text")
    assert verdict.startswith(("pass", "fail", "invalid"))


def test_the_endpoint_table_has_a_row_for_each(influx: Influx) -> None:
    for title, types in (("Calls so far", {"CALL"}), ("Endpoints so far", {"GET", "POST"})):
        counts = dict(zip(value_of(influx, title, "name"), value_of(influx, title, "requests"), strict=True))
        assert counts == {name: SECONDS * 2 for kind, name, _ in ENDPOINTS if kind in types}


def test_failures_are_shown_by_kind(influx: Influx) -> None:
    assert value_of(influx, "Failures by kind", "outcome") == ["content"]
