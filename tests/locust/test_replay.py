"""`scripts/replay` says what became of the points that waited, in words and as an exit code."""

from pathlib import Path

import pytest

from configs.settings import load_settings
from metrics.outbox import LIVE, RUNS, Outbox
from tests.support.influx import TOKEN, Influx, running_influx
from tests.support.ports import free_port
from utils import replay


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_RESULTS_DIR", str(tmp_path))
    monkeypatch.setenv("INFLUX_TOKEN", TOKEN)
    monkeypatch.delenv("INFLUX_URL", raising=False)
    return tmp_path


def waits(results: Path, run_id: str, *lines: str) -> Path:
    """Points of a run that nobody has delivered."""
    outbox = Outbox(results / run_id / "outbox")
    outbox.append(LIVE, [f"{line} 1700000000000" for line in lines])
    outbox.append(RUNS, [f"kept,run_id={run_id} v=1i 1700000000000"])
    outbox.close()
    return outbox.directory


def points(influx: Influx, query: str) -> list[int]:
    return [row["v"] for row in influx.query(query)]


def test_one_run_or_all_of_them_are_written(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = waits(results, "a", "m,run_id=a v=1i"), waits(results, "b", "m,run_id=b v=2i")
    (results / "latest").symlink_to("b")
    with running_influx() as influx:
        monkeypatch.setenv("INFLUX_URL", influx.url)
        assert replay.main(["latest"]) == 0
        assert (first.exists(), second.exists()) == (True, False)
        assert replay.main([]) == 0
        assert points(influx, "SELECT v FROM m") == [1, 2] or points(influx, "SELECT v FROM m") == [2, 1]
        assert points(influx, 'SELECT v FROM "runs"."kept"') == [1, 1]
        assert replay.main(["a"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "b: 2 points written",
        "a: 2 points written",
        f"no points of run a wait in {results}",
    ]


def test_a_run_that_does_not_exist_is_told_from_one_without_points(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "a").mkdir()
    assert replay.main(["a"]) == 0
    assert replay.main(["b"]) == replay.main(["latest"]) == 3
    said = capsys.readouterr()
    assert said.out == f"no points of run a wait in {results}\n"
    assert said.err.splitlines()[0] == f"there is no run b in {results}: LAB_RESULTS_DIR says where runs are"


def test_refused_points_are_named_and_the_rest_is_written(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = waits(results, "a", "m,run_id=a v=1i", "m,run_id= v=2i")
    with running_influx() as influx:
        monkeypatch.setenv("INFLUX_URL", influx.url)
        assert replay.main(["a"]) == 1
        assert points(influx, "SELECT v FROM m") == [1]
    said = capsys.readouterr()
    assert said.out == "a: 2 points written\n"
    assert said.err.startswith("a: 1 point refused (InfluxDB answers 400: ")
    assert (outbox / "refused.txt").read_text().endswith("m,run_id= v=2i 1700000000000\n")


def test_without_an_influxdb_the_points_go_on_waiting(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = waits(results, "a", "m,run_id=a v=1i")
    assert replay.main(["a"]) == 3
    assert capsys.readouterr().err.startswith("INFLUX_URL is not set: ")
    load_settings.cache_clear()
    monkeypatch.setenv("INFLUX_URL", f"http://127.0.0.1:{free_port()}")
    assert replay.main(["a"]) == 2
    assert f"2 points still wait in {outbox}" in capsys.readouterr().err
    again = Outbox(outbox)
    assert again.waiting == 2
    again.close()


def test_a_run_that_goes_on_is_left_alone(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:1")
    running = Outbox(results / "a" / "outbox")
    running.append(LIVE, ["m,run_id=a v=1i 1700000000000"])
    assert replay.main(["a"]) == 2
    assert "a: " in (said := capsys.readouterr().err)
    assert "is in use: its run goes on" in said
    running.close()


@pytest.mark.parametrize("name", ["..", ".", "../..", "a/../a", ""])
def test_a_way_to_somewhere_else_is_no_run(results: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (results / "a").mkdir()
    assert replay.main([name]) == 3
    assert capsys.readouterr().err.startswith(f"there is no run {name} in {results}")
