"""Whole runs of the real Locust against a real target, alone and distributed, with a real InfluxDB."""

import csv
import itertools
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from configs.targets import TARGETS_FILE
from tests.support.http_target import running_target
from tests.support.influx import Influx
from tests.support.locust_process import LOCUSTFILE, ROOT, Locust, running
from tests.support.ports import free_port
from tests.support.waiting import wait_until

HEADLESS = ["--headless", "-r", "50"]


def nearest_rank(values: list[float], quantile: float) -> float:
    return sorted(values)[max(1, math.ceil(quantile * len(values))) - 1]


def locust_rows(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(newline="") as file:
        return {(row["Type"], row["Name"]): row for row in csv.DictReader(file)}


def distributed(directory: Path, target: str, *arguments: str, workers: int = 2, **environment: str) -> list[Locust]:
    port = str(free_port())
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    started = [
        Locust(directory, *master, "--expect-workers", str(workers), "--host", target, *arguments, **environment)
    ]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
    started += [Locust(directory, *worker, **environment) for _ in range(workers)]
    return started


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, target: str, influx: Influx) -> tuple[Locust, int]:
    """One distributed run with everything switched on, which several tests look at."""
    directory = tmp_path_factory.mktemp("measured")
    processes = distributed(
        directory,
        target,
        *HEADLESS,
        *("-u", "12", "-t", "5s", "Reader", "Failing", "Planned"),
        workers=4,
        TEST_INFLUX=influx.url,
        TEST_RUN_ID="measured",
    )
    with running(*processes):
        code = processes[0].finish()
        assert [process.finish() for process in processes[1:]] == [0, 0, 0, 0]
    return processes[0], code


def test_counts_equal_the_raw_samples_and_locusts_own(measured: tuple[Locust, int]) -> None:
    run, code = measured
    verdict, samples = run.verdict(), run.samples()
    assert code == 0, run.output
    assert verdict["verdict"] == "pass"
    assert verdict["generator"]["workers"] == 4
    assert len(samples) > 100
    assert verdict["totals"]["requests"] == len(samples)
    assert verdict["totals"]["failures"] == sum(failed for *_, failed, _ in samples)
    assert {name: counts["requests"] for name, counts in verdict["scenarios"].items()} == Counter(s[5] for s in samples)
    rows = locust_rows(run.results / "measured" / "lab_stats.csv")
    counted = Counter((request_type, name) for _, request_type, name, *_ in samples)
    assert {key: int(row["Request Count"]) for key, row in rows.items() if key[1] != "Aggregated"} == counted
    assert int(rows[("", "Aggregated")]["Request Count"]) == len(samples)


def test_percentiles_in_influxdb_are_those_of_the_raw_samples(measured: tuple[Locust, int], influx: Influx) -> None:
    latencies: dict[str, list[float]] = defaultdict(list)
    for _, _, name, ms, *_ in measured[0].samples():
        latencies[name.replace("\\", "/")].append(ms)
    rows = influx.query("SELECT * FROM requests WHERE run_id = 'measured' GROUP BY \"name\"")
    last = {row["name"]: row for row in rows}
    assert set(last) == set(latencies)
    for name, values in latencies.items():
        assert last[name]["count_total"] == len(values)
        for field, quantile in {"p50_total": 0.5, "p90_total": 0.9, "p95_total": 0.95, "p99_total": 0.99}.items():
            assert last[name][field] == pytest.approx(nearest_rank(values, quantile), rel=0.002, abs=0.001), (
                name,
                field,
            )
        assert last[name]["avg_total"] == pytest.approx(sum(values) / len(values), rel=0.002, abs=0.001)
        assert last[name]["max_total"] == pytest.approx(max(values), abs=0.001)


def test_each_second_in_influxdb_is_that_second_of_all_workers(measured: tuple[Locust, int], influx: Influx) -> None:
    seconds: dict[int, list[float]] = defaultdict(list)
    for ended, _, _, ms, *_ in measured[0].samples():
        seconds[int(ended) * 1000].append(ms)
    rows = influx.query("SELECT * FROM overall WHERE run_id = 'measured'")
    assert sum(row["count"] for row in rows) == sum(map(len, seconds.values()))
    times = [row["time"] for row in rows]
    assert times == list(range(times[0], times[-1] + 1000, 1000)), "one point for every second"
    compared = 0
    for row in rows:
        values = seconds[row["time"]]
        # The test's own clock is read a little later: a request on the edge can be in the next second there.
        if values and row["count"] == len(values):
            compared += 1
            assert row["p95"] == pytest.approx(nearest_rank(values, 0.95), rel=0.002)
            assert row["max"] == pytest.approx(max(values), abs=0.001)
    assert compared >= 2


def test_influxdb_holds_outcomes_areas_users_workers_and_events(measured: tuple[Locust, int], influx: Influx) -> None:
    totals = measured[0].verdict()["totals"]
    where = "WHERE run_id = 'measured'"
    outcomes = influx.query(f"SELECT sum(count) AS n FROM outcomes {where} GROUP BY outcome")
    assert {row["outcome"]: row["n"] for row in outcomes} == totals["outcomes"]
    assert set(totals["outcomes"]) == {"ok", "rejected", "http_5xx", "content"}
    areas = influx.query(f"SELECT sum(count) AS n FROM areas {where} GROUP BY area")
    assert {row["area"]: row["n"] for row in areas} == {
        area: counts["requests"] for area, counts in measured[0].verdict()["areas"].items() if counts["requests"]
    }
    users = influx.query(f'SELECT max("users") AS most, max(workers) AS workers FROM "users" {where}')
    assert (users[0]["most"], users[0]["workers"]) == (12, 4)
    workers = influx.query(
        f"SELECT count(cpu) AS n, max(lag_max) AS lag, max(rss) AS rss FROM workers {where} GROUP BY worker"
    )
    assert {row["worker"] for row in workers} == {"1", "2", "3", "4"}
    assert all(row["lag"] > 0 and row["rss"] > 1_000_000 for row in workers)
    events = influx.query(f"SELECT text, tags FROM events {where}")
    assert sorted(row["tags"] for row in events) == ["run,start", "run,stop", "run,verdict"]
    assert any(row["text"] == "pass" for row in events)


def test_influxdb_holds_buckets_scenarios_and_what_stays_of_a_run(measured: tuple[Locust, int], influx: Influx) -> None:
    verdict, samples = measured[0].verdict(), measured[0].samples()
    where = "WHERE run_id = 'measured'"
    (buckets,) = influx.query(f"SELECT sum(/^le_/) FROM latency_buckets {where}")
    assert sum(count for name, count in buckets.items() if name.startswith("sum_") and count) == len(samples)
    scenarios = influx.query(f'SELECT sum(count) AS n, max("users") AS most FROM scenarios {where} GROUP BY scenario')
    assert {row["scenario"]: row["n"] for row in scenarios} == {
        name: counts["requests"] for name, counts in verdict["scenarios"].items()
    }
    assert sum(row["most"] for row in scenarios) == 12
    (so_far,) = influx.query(f"SELECT last(verdict) AS verdict, last(code) AS code FROM verdict {where}")
    assert (so_far["verdict"], so_far["code"]) == ("pass", 0)
    (summary,) = influx.query(f'SELECT * FROM "runs"."run_summary" {where}')
    assert (summary["verdict"], summary["count"], summary["workers"]) == ("pass", len(samples), 4)
    endpoints = influx.query(f'SELECT * FROM "runs"."endpoint_summary" {where}')
    last = influx.query(f'SELECT last(p99_total) AS p99 FROM requests {where} GROUP BY "type", "name"')
    assert {row["name"]: row["p99"] for row in endpoints} == {row["name"]: row["p99"] for row in last}


def test_influxdb_holds_the_processes_of_master_and_target(measured: tuple[Locust, int], influx: Influx) -> None:
    where = "WHERE run_id = 'measured'"
    rows = influx.query(f"SELECT max(rss) AS rss, max(cpu) AS cpu FROM processes {where} GROUP BY role")
    assert {row["role"] for row in rows} == {"master", "target"}
    assert all(row["rss"] > 1_000_000 and row["cpu"] > 0 for row in rows)
    (master,) = influx.query(f"SELECT max(lag_max) AS lag FROM processes {where} AND role = 'master'")
    assert master["lag"] > 0


def test_a_run_is_there_to_be_queried_within_three_seconds_of_its_first_request(
    tmp_path: Path, target: str, influx: Influx
) -> None:
    processes = distributed(
        tmp_path, target, *HEADLESS, "-u", "4", "Reader", TEST_INFLUX=influx.url, TEST_RUN_ID="prompt"
    )
    query = 'SELECT sum(count) AS n FROM requests WHERE run_id =~ /^prompt$/ AND time > now() - 15m GROUP BY "name"'
    with running(*processes):
        wait_until(lambda: bool(influx.query(query)), "points of the run")
        seen = time.time()
    first = min(ended - ms / 1000 for ended, _, _, ms, *_ in processes[0].samples())
    assert seen - first < 3


def test_latency_from_the_intended_start_is_kept_beside_the_other(measured: tuple[Locust, int], influx: Influx) -> None:
    row = influx.query(
        "SELECT last(p50_total) AS sent, last(intended_p50_total) AS due FROM requests WHERE type = 'CALL'"
    )[0]
    assert row["sent"] == pytest.approx(10, rel=0.001)
    assert row["due"] == pytest.approx(110, rel=0.001)


def test_a_run_ends_with_one_block_and_all_its_files(measured: tuple[Locust, int]) -> None:
    run, _ = measured
    assert run.output.count("pass: measured\n") == 1
    assert run.output.rstrip().endswith(f"report: {run.results / 'measured' / 'report.html'}")
    assert {path.name for path in (run.results / "measured").iterdir()} == {
        *("verdict.json", "report.html", "junit.xml", "summary.md", "histograms.json", "failures.jsonl"),
        *("lab_stats.csv", "lab_failures.csv", "lab_exceptions.csv"),
    }
    assert (run.results / "latest").readlink() == Path("measured")
    assert "seed 7" in run.output


@pytest.fixture(scope="module")
def short_runs(tmp_path_factory: pytest.TempPathFactory, target: str) -> Iterator[dict[str, Locust]]:
    """Runs that need little of the machine, started together; a test waits for the end of its own."""
    directory = tmp_path_factory.mktemp
    alone = ["--host", target, *HEADLESS, "-u", "4"]
    nobody = f"http://127.0.0.1:{free_port()}"
    hole = socket.create_server(("127.0.0.1", 0))  # connects, and never answers
    silent = f"http://127.0.0.1:{hole.getsockname()[1]}"
    runs = {
        "silent influx": Locust(directory("silent"), *alone, "-t", "4s", "Reader", TEST_INFLUX=silent),
        "no influx": Locust(directory("down"), *alone, "-t", "3s", "Reader", TEST_INFLUX=nobody),
        "idle": Locust(directory("idle"), *alone, "-t", "2s", "Reader", "Idle"),
        "refused": Locust(directory("refused"), *alone, "-t", "1s", "Reader", TEST_REFUSE="yes"),
    }
    with hole, running(*runs.values()):
        yield runs


@pytest.fixture(scope="module")
def short_runs_of_workers(tmp_path_factory: pytest.TempPathFactory, target: str) -> Iterator[dict[str, Locust]]:
    """Likewise the masters of runs with workers. Beside the others, they would all be slow to start, and be missed."""
    raising = distributed(tmp_path_factory.mktemp("raising"), target, *HEADLESS, "-u", "2", "-t", "2s", "Raising")
    directory, port = tmp_path_factory.mktemp("forked"), str(free_port())
    forks = ["--processes", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    told = ["--host", target, *HEADLESS, "-u", "4", "-t", "3s", "--csv", str(directory / "mine" / "run"), "Reader"]
    forked = Locust(directory, *forks, *told)
    with running(*raising, forked):
        yield {"raising": raising[0], "forked": forked}


def test_points_wait_for_an_influxdb_that_is_down_and_the_run_says_how_many(
    short_runs: dict[str, Locust],
) -> None:
    run = short_runs["no influx"]
    assert run.finish() == 0, run.output
    verdict = run.verdict()
    generator = verdict["generator"]
    assert (generator["points_written"], generator["points_lost"]) == (0, 0)
    assert generator["points_waiting"] > 10
    assert f"{generator['points_waiting']:,} points wait in {run.results}/test/outbox: scripts/replay" in run.output
    assert verdict["totals"]["requests"] == len(run.samples()) > 0


def test_a_scenario_that_runs_nothing_makes_the_run_invalid(short_runs: dict[str, Locust]) -> None:
    run = short_runs["idle"]
    assert run.finish() == 2, run.output
    assert run.verdict()["duration_s"] > 1.9, "a run lasts as long as it was asked to, however long its start took"
    (reason,) = run.verdict()["reasons"]
    assert reason.startswith("scenario Idle ran no task: ")
    assert (run.verdict()["planned_s"], run.verdict()["interrupted"]) == (2, False)


def test_no_run_at_all_is_never_a_pass(short_runs: dict[str, Locust]) -> None:
    run = short_runs["refused"]
    assert run.finish() == 2, run.output
    assert "no run was started, so there is no verdict\n" in run.output
    assert not (run.results / "latest").exists()


def test_exceptions_of_tasks_are_never_a_pass(short_runs_of_workers: dict[str, Locust]) -> None:
    master = short_runs_of_workers["raising"]
    assert master.finish() == 2, master.output
    (reason,) = master.verdict()["reasons"]
    assert reason.startswith("tasks raised ")
    assert "access_token" in reason


def test_workers_of_one_command_report_too_and_a_csv_goes_where_it_was_asked_for(
    short_runs_of_workers: dict[str, Locust],
) -> None:
    run = short_runs_of_workers["forked"]
    assert run.finish() == 0, run.output
    samples = len(run.samples())
    assert run.verdict()["totals"]["requests"] == samples
    prefix = run.results.parent / "mine" / "run"
    for path in (Path(f"{prefix}_stats.csv"), run.results / "latest" / "lab_stats.csv"):
        assert int(locust_rows(path)[("", "Aggregated")]["Request Count"]) == samples
    assert Path(f"{prefix}_stats_history.csv").exists()


def test_a_backend_that_dies_in_the_middle_fails_the_run_and_is_named(tmp_path: Path) -> None:
    with running_target() as (url, process):
        run = Locust(
            tmp_path, "--host", url, *HEADLESS, "-u", "4", "-t", "4s", "Reader", TEST_TARGETS=str(TARGETS_FILE)
        )
        with running(run):
            wait_until(lambda: len(run.samples()) > 30, "requests")
            process.kill()
            assert run.finish() == 1, run.output
    verdict = run.verdict()
    assert verdict["verdict"] == "fail"
    assert verdict["reasons"][0].startswith("backend unreachable: ")
    assert verdict["totals"]["outcomes"]["connection"] > 10
    assert "\n  - backend unreachable: " in run.output


STOPPING = """
[[target]]
name = "collapse"
group = "calendar"
measure = "error_percent"
limit = 50
window = "2 s"
stop = true
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_target_that_is_to_stop_the_run_ends_it_with_its_full_report(
    tmp_path: Path, target: str, workers: int
) -> None:
    (tmp_path / "targets.toml").write_text(STOPPING)
    arguments = [*HEADLESS, "-u", "10", "-t", "5m", "Failing"]
    own = {"TEST_TARGETS": str(tmp_path / "targets.toml")}
    if workers:
        processes = distributed(tmp_path, target, *arguments, workers=workers, **own)
    else:
        processes = [Locust(tmp_path, "--host", target, *arguments, **own)]
    with running(*processes):
        assert processes[0].finish() == 1, processes[0].output
        assert [process.finish() for process in processes[1:]] == [0] * workers
    verdict = processes[0].verdict()
    assert (verdict["verdict"], verdict["interrupted"], verdict["planned_s"]) == ("fail", False, 300)
    assert verdict["duration_s"] < 20
    assert verdict["totals"]["requests"] == len(processes[0].samples())
    assert re.match(r"collapse: 100 % of \d+ requests failed for 2 s from second \d+ on", verdict["broke"])
    assert "The run ends: collapse: " in processes[0].output


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_did_not_reach_its_time_is_invalid(tmp_path: Path, target: str, sent: signal.Signals) -> None:
    run = Locust(tmp_path, "--host", target, *HEADLESS, "-u", "4", "-t", "5m", "Reader")
    with running(run):
        wait_until(lambda: len(run.samples()) > 60, "requests")
        run.process.send_signal(sent)
        assert run.finish() == 2, run.output
    verdict = run.verdict()
    assert (verdict["planned_s"], verdict["interrupted"]) == (300, True)
    (reason,) = verdict["reasons"]
    assert re.fullmatch(r"interrupted after \d+ of 300 s", reason)
    for name in ("report.html", "summary.md"):
        assert " of 5 min planned, interrupted" in (run.results / "latest" / name).read_text()


@pytest.mark.parametrize("signalled", ["alone", "master", "all"])
def test_an_interrupt_ends_an_endless_run_with_its_full_report(tmp_path: Path, target: str, signalled: str) -> None:
    arguments = [*HEADLESS, "-u", "6", "Reader"]
    if signalled == "alone":
        processes = [Locust(tmp_path, "--host", target, *arguments)]
    else:
        processes = distributed(tmp_path, target, *arguments)
    with running(*processes):
        wait_until(lambda: len(processes[0].samples()) > 60, "requests")
        for process in processes if signalled == "all" else processes[:1]:
            process.process.send_signal(signal.SIGINT)
        assert processes[0].finish() == 0, processes[0].output
        for process in processes[1:]:
            process.finish()
    assert processes[0].verdict()["totals"]["requests"] == len(processes[0].samples())


@pytest.mark.parametrize("where", ["alone", "on a worker"])
def test_an_interrupt_in_the_midst_of_a_request_leaves_it_whole(tmp_path: Path, target: str, where: str) -> None:
    arguments = [*HEADLESS, "-u", "6", "Reader"]
    if where == "alone":
        processes = [Locust(tmp_path, "--host", target, *arguments, TEST_INTERRUPTED="40")]
    else:
        processes = distributed(tmp_path, target, *arguments, workers=1, TEST_INTERRUPTED="40")
    with running(*processes):
        processes[-1].finish()
        if where != "alone":
            wait_until(lambda: processes[0].process.poll() is not None, "end of the master")
        assert processes[0].finish() == 0, processes[0].output
    assert "Traceback" not in processes[-1].output
    assert len(processes[0].samples()) >= 40
    assert processes[0].verdict()["totals"]["requests"] == len(processes[0].samples())


def test_a_lost_worker_makes_the_run_invalid_and_the_rest_is_reported(tmp_path: Path, target: str) -> None:
    processes = distributed(tmp_path, target, *HEADLESS, "-u", "4", "Reader")
    master, victim, survivor = processes
    with running(*processes):
        wait_until(
            lambda: sum(path.stat().st_size > 0 for path in master.raw.iterdir()) == 2 and len(master.samples()) > 60,
            "requests",
        )
        victim.process.kill()
        victim.finish()
        master.process.send_signal(signal.SIGINT)
        assert master.finish() == 2, master.output
        survivor.finish()
    assert [reason.partition(" was gone")[0] for reason in master.verdict()["reasons"]] == [
        f"worker lost: {name}" for name in master.verdict()["generator"]["workers_lost"]
    ]
    assert len(master.verdict()["generator"]["workers_lost"]) == 1


def test_each_run_on_the_page_is_a_run_of_its_own(tmp_path: Path, target: str) -> None:
    page = f"http://127.0.0.1:{(port := free_port())}"
    run = Locust(
        tmp_path,
        *("--host", target, "--web-host", "127.0.0.1", "--web-port", str(port), "Reader"),
        TEST_RUN_ID="page",
    )

    def ask(path: str, **form: Any) -> bool:
        body = urllib.parse.urlencode(form).encode() if form else None
        try:
            with urllib.request.urlopen(f"{page}{path}", body, timeout=10):
                return True
        except urllib.error.URLError:
            return False

    with running(run):
        wait_until(lambda: ask("/"), "page")
        for run_id in ("page", "page-2"):
            before = len(run.samples())
            assert ask("/swarm", user_count=3, spawn_rate=10)
            wait_until(lambda: len(run.samples()) > before + 20, "requests")  # noqa: B023 - waited for here
            assert ask("/stop", now=1)
            wait_until((run.results / run_id / "verdict.json").exists, f"report of {run_id}")
            assert run.verdict(run_id)["totals"]["requests"] == len(run.samples()) - before
        run.process.send_signal(signal.SIGTERM)
        assert run.finish() == 0, run.output
    assert (run.results / "latest").readlink() == Path("page-2")
    assert run.output.count("report: ") == 2


def test_results_that_cannot_be_written_are_refused_at_start(tmp_path: Path, target: str) -> None:
    (tmp_path / "results").write_text("a file where the directory should be")
    run = Locust(tmp_path, "--host", target, *HEADLESS, "-t", "1s", "Reader")
    with running(run):
        assert run.finish() == 3, run.output
    assert f"results cannot be written to {run.results}: " in run.output
    assert "Traceback" not in run.output


def test_a_second_install_in_a_process_changes_nothing(tmp_path: Path) -> None:
    code = f"""
import runpy, locust
runpy.run_path({str(LOCUSTFILE)!r})
first = locust.events.lab_measurement
runpy.run_path({str(LOCUSTFILE)!r})
assert locust.events.lab_measurement is first
assert len(locust.events.init._handlers) == 1
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "locust"), "TEST_RESULTS": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_an_influxdb_that_never_answers_costs_the_load_nothing(short_runs: dict[str, Locust]) -> None:
    run = short_runs["silent influx"]
    assert run.finish() == 0, run.output
    assert run.verdict()["generator"]["points_waiting"] > 10
    times = sorted(sample[0] for sample in run.samples())
    longest = max(after - before for before, after in itertools.pairwise(times))
    assert longest < 2, "a write waits for five seconds: the load did not"


def test_the_name_of_a_run_that_is_there_is_refused_at_start(tmp_path: Path, target: str) -> None:
    """Whoever asked for it would read that run's verdict as this one's."""
    (tmp_path / "results" / "nightly" / "outbox").mkdir(parents=True)
    run = Locust(tmp_path, "--headless", "-t", "1s", "--host", target, "Reader", TEST_RUN_ID="nightly")
    with running(run):
        assert run.finish() == 3
    assert f"there is a run nightly in {run.results} already: set LAB_RUN_ID to another name" in run.output
