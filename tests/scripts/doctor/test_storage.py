"""Where results go: a directory, and a real InfluxDB with good and bad tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from locallab.doctor import storage
from locallab.doctor.findings import Level

from tests.support.http_target import running_target
from tests.support.influx import Influx, running_influx


@pytest.fixture(scope="module")
def influx() -> Iterator[Influx]:
    with running_influx() as running:
        yield running


def levels(*arguments: str | None) -> list[Level]:
    url, token, *rest = arguments
    org, bucket = rest or ("lab", "lab")
    return [found.level for found in storage.influx(url, token, str(org), str(bucket))]


def test_a_directory_that_is_not_there_yet_is_well(tmp_path: Path) -> None:
    written, disk = storage.results(tmp_path / "not" / "yet", enough_mib=0)
    assert (written.level, disk.level) == (Level.OK, Level.OK)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_to_is_a_problem() -> None:
    """No user may make files in /proc, not even root."""
    (found,) = storage.results(Path("/proc/results"))
    assert found.level is Level.PROBLEM
    assert "LAB_RESULTS_DIR" in found.todo


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    plenty = 1 << 40
    assert storage.results(tmp_path, enough_mib=plenty)[1].level is Level.WARNING
    assert storage.results(tmp_path, enough_mib=plenty, least_mib=plenty)[1].level is Level.PROBLEM


def test_without_an_influxdb_nothing_is_amiss() -> None:
    assert levels(None, None) == [Level.OK]


def test_a_good_token_is_taken_for_both_buckets_and_nothing_is_written(influx: Influx) -> None:
    assert levels(influx.url, influx.token) == [Level.OK, Level.OK]
    assert influx.query("SHOW MEASUREMENTS") == []


def test_a_wrong_token_is_a_problem(influx: Influx) -> None:
    found, _ = storage.influx(influx.url, "another", "lab", "lab")
    assert found.level is Level.PROBLEM
    assert "401" in found.says
    assert "another" not in found.says + found.todo


def test_a_bucket_that_is_not_there_is_a_problem(influx: Influx) -> None:
    assert levels(influx.url, influx.token, "lab", "nowhere") == [Level.PROBLEM, Level.PROBLEM]


def test_an_influxdb_that_is_down_or_has_no_token() -> None:
    assert levels("http://127.0.0.1:9", "any") == [Level.PROBLEM, Level.PROBLEM]
    assert levels("http://127.0.0.1:9", None) == [Level.PROBLEM]


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "204 was expected, so this is no InfluxDB"), (204, "takes what is no point, so it is no InfluxDB")],
)
def test_what_is_no_influxdb_is_a_problem_however_friendly_it_answers(status: int, said: str) -> None:
    with running_target() as (url, _):
        for found in storage.influx(f"{url}/status/{status}", "token", "lab", "lab"):
            assert found.level is Level.PROBLEM
            assert said in found.says
