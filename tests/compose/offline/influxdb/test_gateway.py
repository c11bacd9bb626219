"""The gateway is driven by `influxdb-client` and plain HTTP, in front of a real InfluxDB 1.x."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from compose.offline.influxdb import engine
from compose.offline.influxdb.gateway import Gateway
from compose.offline.influxdb.influx2 import Influx2

OPERATOR = "operator-token"
NOW = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = engine.free_port()
    process = engine.start(tmp_path_factory.mktemp("influxd"), port)
    yield port
    process.terminate()
    process.wait(30)


class Lab:
    """A gateway that is serving, and the `Influx2` behind it."""

    def __init__(self, influx: Influx2) -> None:
        self.influx = influx
        self.server = Gateway(("127.0.0.1", 0), influx)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def client(self, token: str = OPERATOR, **options: Any) -> InfluxDBClient:
        return InfluxDBClient(f"http://127.0.0.1:{self.server.server_port}", token, org="lab", **options)

    def write(
        self, lines: str, token: str = OPERATOR, bucket: str = "lab", precision: str = "ns", **options: Any
    ) -> None:
        with self.client(token, **options) as client, client.write_api(SYNCHRONOUS) as api:
            api.write(bucket, record=lines, write_precision=precision)

    def query(self, q: str, db: str = "lab", authorization: str = f"Token {OPERATOR}") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port)
        form = urllib.parse.urlencode({"q": q, "db": db, "epoch": "ns"})
        headers = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/query", form, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port)
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None

    def rows(self, q: str, db: str = "lab") -> list[list[Any]]:
        status, content = self.query(q, db)
        assert status == 200, content
        (result,) = content["results"]
        return [row for series in result.get("series", []) for row in series["values"]]


@pytest.fixture
def lab(influxd: int) -> Iterator[Lab]:
    influx = Influx2("127.0.0.1", influxd)
    influx.statement('DROP DATABASE "lab"')
    influx.setup(org="lab", bucket="lab", token=OPERATOR, retention_seconds=0)
    one = Lab(influx)
    yield one
    one.close()


@pytest.mark.parametrize(("precision", "divisor"), [("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9)])
def test_every_precision_of_v2_stores_the_same_instant(lab: Lab, precision: str, divisor: int) -> None:
    lab.write(f"m v=1 {NOW // divisor}", precision=precision)
    assert lab.rows("SELECT v FROM m") == [[NOW, 1]]


def test_gzip_bodies_are_unpacked(lab: Lab) -> None:
    lab.write("\n".join(f"m v={n} {NOW + n}" for n in range(2000)), enable_gzip=True)
    assert lab.rows("SELECT count(v) FROM m") == [[0, 2000]]


def test_a_bucket_db_slash_rp_is_a_retention_policy_of_the_database(lab: Lab) -> None:
    with lab.client() as client:
        client.buckets_api().create_bucket(bucket_name="lab/agg", org="lab")
        assert client.buckets_api().find_bucket_by_name("lab/agg").retention_rules[0].every_seconds == 0
    lab.write(f"m v=1 {NOW}", bucket="lab/agg")
    assert lab.rows("SELECT v FROM m") == []
    assert lab.rows('SELECT v FROM "agg"."m"') == [[NOW, 1]]


@pytest.mark.parametrize(
    ("problem", "lines", "token", "bucket", "status"),
    [
        ("a wrong token", f"m v=1 {NOW}", "guess", "lab", 401),
        ("an unknown bucket", f"m v=1 {NOW}", OPERATOR, "nowhere", 404),
        ("no line protocol", "not a point", OPERATOR, "lab", 400),
        ("an empty tag value", f"m,t= v=1 {NOW}", OPERATOR, "lab", 400),
        ("a field that changes type", f'm v=1 {NOW}\nm v="x" {NOW + 1}', OPERATOR, "lab", 422),
    ],
)
def test_writes_fail_as_in_v2(lab: Lab, problem: str, lines: str, token: str, bucket: str, status: int) -> None:
    with pytest.raises(ApiException) as refused:
        lab.write(lines, token=token, bucket=bucket)
    assert refused.value.status == status, problem
    assert set(json.loads(refused.value.body)) == {"code", "message"}


def test_an_unknown_organisation_is_named(lab: Lab) -> None:
    with lab.client() as client, client.write_api(SYNCHRONOUS) as api, pytest.raises(ApiException) as refused:
        api.write("lab", org="other", record=f"m v=1 {NOW}")
    assert json.loads(refused.value.body)["message"] == 'organization name "other" not found'
    assert refused.value.status == 404


def test_a_token_does_what_it_was_made_for_and_no_more(lab: Lab) -> None:
    bucket = lab.influx.bucket("lab").id
    writer, _ = lab.influx.create_token("writer", read=[], write=[bucket])
    reader, _ = lab.influx.create_token("reader", read=[bucket], write=[])
    lab.write(f"m v=1 {NOW}", token=writer)
    with pytest.raises(ApiException) as refused:
        lab.write(f"m v=2 {NOW}", token=reader)
    assert refused.value.status == 403
    assert lab.query("SELECT v FROM m", authorization=f"Token {reader}")[0] == 200
    assert lab.query("SELECT v FROM m", authorization=f"Token {writer}")[0] == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Token {OPERATOR}", 200),
        ("Basic " + base64.b64encode(f"anyone:{OPERATOR}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(b"anyone:guess").decode(), 401),
        ("Basic \u00ff", 401),
        (f"Bearer {OPERATOR}", 401),
        ("", 401),
    ],
)
def test_query_takes_token_or_basic_but_not_bearer(lab: Lab, authorization: str, status: int) -> None:
    assert lab.query("SHOW MEASUREMENTS", authorization=authorization)[0] == status


@pytest.mark.parametrize(
    "statement",
    ["CREATE DATABASE x", "DROP DATABASE lab", "select * into b from m", "SHOW MEASUREMENTS; DROP USER u"],
)
def test_statements_that_v2_lacks_are_not_run(lab: Lab, statement: str) -> None:
    status, content = lab.query(statement)
    assert status == 200
    assert content["results"][0]["error"].startswith("not implemented: ")
    assert ["lab"] in lab.rows("SHOW DATABASES")


def test_ping_health_and_ready_answer_without_a_token(lab: Lab) -> None:
    assert lab.get("/ping") == (204, None)
    assert lab.get("/health")[1]["status"] == "pass"
    assert lab.get("/ready")[1]["status"] == "ready"


def test_a_dead_engine_is_an_error_and_not_a_success() -> None:
    with socket.socket() as free:  # bound and not listening: a connection to it is refused
        free.bind(("127.0.0.1", 0))
        one = Lab(Influx2("127.0.0.1", free.getsockname()[1]))
        try:
            status, content = one.get("/health")
        finally:
            one.close()
    assert status == 500
    assert content["message"].startswith("the engine does not answer")


def test_tokens_and_buckets_outlive_a_restart(influxd: int, tmp_path: Path) -> None:
    first = Influx2("127.0.0.1", influxd, tmp_path / "state.json")
    first.setup(org="lab", bucket="kept", token=OPERATOR, retention_seconds=7200)
    reader, _ = first.create_token("reader", read=[first.bucket("kept").id], write=[])
    second = Influx2("127.0.0.1", influxd, tmp_path / "state.json")
    assert (second.org, second.tokens, second.buckets) == (first.org, first.tokens, first.buckets)
    assert reader in second.tokens
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("error", "reported"), [(BrokenPipeError(32, "Broken pipe"), False), (KeyError("x"), True)])
def test_a_client_that_leaves_before_its_answer_is_no_fault_of_the_gateway(
    lab: Lab, capsys: pytest.CaptureFixture[str], error: Exception, reported: bool
) -> None:
    try:
        raise error
    except (OSError, KeyError):
        lab.server.handle_error(None, ("127.0.0.1", 1))
    assert ("Traceback" in capsys.readouterr().err) is reported
