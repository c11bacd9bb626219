"""InfluxDB is killed in a run, and the master with points that it could not deliver: every second is there once."""

import csv
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

from tests.locust.metrics.test_locust_runs import distributed
from tests.support.influx import TOKEN, Influx, killable_influx
from tests.support.locust_process import ROOT, Locust, running
from tests.support.waiting import wait_until

HEADLESS = ["--headless", "-r", "50", "-u", "12"]


def waiting(run: Locust) -> int:
    """Bytes that wait in the run's outbox."""
    return sum(path.stat().st_size for path in (run.results / "survivor" / "outbox").glob("*.gz"))


def seconds(influx: Influx) -> dict[int, int]:
    """Requests by second as InfluxDB has them, and that no second is missing between the first and the last."""
    rows = influx.query("SELECT count FROM overall WHERE run_id = 'survivor'")
    times = [row["time"] for row in rows]
    assert times == list(range(times[0], times[-1] + 1000, 1000)), "every second, once"
    return {row["time"]: row["count"] for row in rows}


def test_an_influxdb_that_is_killed_in_a_run_has_every_second_when_it_is_back(tmp_path: Path, target: str) -> None:
    with killable_influx() as killable:
        processes = distributed(
            tmp_path,
            target,
            *HEADLESS,
            *("-t", "12s", "Reader", "Failing"),
            TEST_INFLUX=killable.influx.url,
            TEST_RUN_ID="survivor",
        )
        run = processes[0]
        with running(*processes):
            wait_until(lambda: len(run.samples()) > 200, "requests")
            killable.kill()
            size = waiting(run)
            wait_until(lambda: waiting(run) > size + 2000, "points that wait")
            killable.start()
            assert run.finish() == 0, run.output
        assert "points wait in " in run.output
        assert f"InfluxDB at {killable.influx.url} answers again" in run.output
        generator = run.verdict()["generator"]
        assert (generator["points_lost"], generator["points_waiting"]) == (0, 0)
        with (run.results / "survivor" / "lab_stats.csv").open(newline="") as file:
            locusts_own = {row["Name"]: int(row["Request Count"]) for row in csv.DictReader(file)}
        assert sum(seconds(killable.influx).values()) == locusts_own.pop("Aggregated") == len(run.samples())
        rows = killable.influx.query("SELECT sum(count) AS n FROM requests WHERE run_id = 'survivor' GROUP BY \"name\"")
        assert {row["name"]: row["n"] for row in rows} == {
            name.replace("\\", "/"): count for name, count in locusts_own.items()
        }


def test_a_master_that_is_killed_leaves_its_points_for_a_replay(tmp_path: Path, target: str) -> None:
    with killable_influx() as killable:
        processes = distributed(
            tmp_path, target, *HEADLESS, "Reader", TEST_INFLUX=killable.influx.url, TEST_RUN_ID="survivor"
        )
        run = processes[0]
        with running(*processes):
            wait_until(lambda: len(run.samples()) > 200, "requests")
            killable.kill()
            size = waiting(run)
            wait_until(lambda: waiting(run) > size + 6000, "points that wait")
            run.process.send_signal(signal.SIGKILL)
            run.finish()
        killable.start()
        variables = {
            "LAB_RESULTS_DIR": str(run.results),
            "INFLUX_URL": killable.influx.url,
            "INFLUX_TOKEN": TOKEN,
        }
        for said in (": ", "no points wait in "):  # the second time there is nothing left to do
            replay = subprocess.run(
                [ROOT / "scripts" / "replay"], env=os.environ | variables, capture_output=True, text=True, check=True
            )
            assert said in replay.stdout
            assert replay.stderr == ""
        held = seconds(killable.influx)
        merged = Counter(int(sample[0]) * 1000 for sample in run.samples())
        # What the master had merged: all but the last three seconds (of the last one only a part was reported).
        whole = [second for second in held if second <= max(merged) - 3000]
        assert len(whole) >= 4
        assert len(whole) >= len([second for second in merged if second <= max(merged) - 3000])
        # The test's own clock is read a little later: a request on the edge can be in the next second there.
        assert abs(sum(held[second] for second in whole) - sum(merged[second] for second in whole)) <= 3
