"""The stand-in for InfluxDB's image, as processes: set up from the same variables, with the same `influx` command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from compose.offline.influxdb.engine import free_port
from compose.offline.influxdb.entrypoint import SetupError, retention_seconds

ROOT = Path(__file__).parents[4]
TOKEN_SCRIPT = ROOT / "influx" / "init" / "10-tokens.sh"
OPERATOR = "operator-token-from-a-file"


class StandIn:
    """The folders and variables of a container, and the processes that would run in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        for name in ("data", "scripts", "bin", "run/suite", "run/grafana"):
            (home / name).mkdir(parents=True)
        (home / "token").write_text(OPERATOR + "\n")
        (home / "password").write_text("a-password")
        influx = home / "bin" / "influx"
        influx.write_text(f'#!/bin/sh\nexec {sys.executable} -m compose.offline.influxdb.cli "$@"\n')
        influx.chmod(0o755)
        self.environment = {
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "INFLUXD_HOME": str(home / "data"),
            "INFLUXD_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "INFLUXD_INIT_PORT": str(free_port()),
            "INFLUX_CONFIGS_PATH": str(home / "influx-configs"),
            "INIT_SCRIPTS": str(home / "scripts"),
            "DOCKER_INFLUXDB_INIT_MODE": "setup",
            "DOCKER_INFLUXDB_INIT_USERNAME": "lab",
            "DOCKER_INFLUXDB_INIT_PASSWORD_FILE": str(home / "password"),
            "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN_FILE": str(home / "token"),
            "DOCKER_INFLUXDB_INIT_ORG": "lab",
            "DOCKER_INFLUXDB_INIT_BUCKET": "lab",
            "DOCKER_INFLUXDB_INIT_RETENTION": "30d",
        }

    def script(self, text: str, name: str = "10.sh") -> None:
        path = self.home / "scripts" / name
        path.write_text(text)
        path.chmod(0o755)

    @contextmanager
    def running(self) -> Iterator[list[str]]:
        """The server, once it serves or has ended; the lines it printed until then."""
        command = [sys.executable, "-m", "compose.offline.influxdb.entrypoint"]
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line.strip())
                if line.startswith("serving"):
                    break
            try:
                yield lines
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == (0 if lines and lines[-1].startswith("serving") else 1)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, check=False, capture_output=True, text=True)

    def call(self, path: str, token: str, body: bytes | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"Authorization": f"Token {token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def query(self, statement: str, token: str = OPERATOR) -> Any:
        status, content = self.call("/query?" + urllib.parse.urlencode({"db": "lab", "q": statement}), token)
        assert status == 200, content
        return json.loads(content)["results"][0]["series"][0]["values"]


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


def test_the_labs_own_script_gives_the_suite_a_token_that_writes_and_grafana_one_that_reads(stand_in: StandIn) -> None:
    stand_in.script(TOKEN_SCRIPT.read_text().replace("/run/lab", str(stand_in.home / "run")))
    with stand_in.running() as lines:
        assert lines == [f"running {stand_in.home}/scripts/10.sh", f"serving port {stand_in.port}"]
        write, read = stand_in.home / "run/suite/influx-write-token", stand_in.home / "run/grafana/influx-read-token"
        assert (write.stat().st_mode & 0o777, read.stat().st_mode & 0o777) == (0o400, 0o444)
        points = "/api/v2/write?org=lab&bucket=lab&precision=s"
        assert stand_in.call(points, write.read_text(), b"m v=1")[0] == 204
        assert stand_in.call(points, read.read_text(), b"m v=1")[0] == 403
        assert stand_in.query("SELECT v FROM m", read.read_text())[0][1] == 1
        summaries = "/api/v2/write?org=lab&bucket=lab/runs&precision=s"
        assert stand_in.call(summaries, write.read_text(), b"s v=2")[0] == 204
        assert stand_in.call(summaries, read.read_text(), b"s v=2")[0] == 403
        assert stand_in.query('SELECT v FROM "runs"."s"', read.read_text())[0][1] == 2
        policies = {row[0]: row[1] for row in stand_in.query("SHOW RETENTION POLICIES ON lab")}
        assert policies == {"autogen": "720h0m0s", "runs": "8760h0m0s"}, "live points 30 days, summaries a year"


def test_a_restart_keeps_points_and_tokens_and_runs_no_script_again(stand_in: StandIn) -> None:
    stand_in.script("#!/bin/sh\nexit 0\n")
    with stand_in.running():
        assert stand_in.call("/api/v2/write?org=lab&bucket=lab&precision=s", OPERATOR, b"m v=1")[0] == 204
    stand_in.script("#!/bin/sh\nexit 1\n")
    with stand_in.running() as lines:
        assert lines == [f"serving port {stand_in.port}"]
        assert stand_in.query("SELECT v FROM m")[0][1] == 1


def test_a_script_that_fails_undoes_the_set_up(stand_in: StandIn) -> None:
    stand_in.script("#!/bin/sh\nexit 7\n")
    with stand_in.running() as lines:
        assert lines == [f"running {stand_in.home}/scripts/10.sh"]
    assert list((stand_in.home / "data").glob("*.json")) == []
    assert not (stand_in.home / "data" / "engine").exists()
    stand_in.script("#!/bin/sh\nexit 0\n")
    with stand_in.running() as lines:
        assert len(lines) == 2


def test_scripts_that_are_not_executable_are_left_alone(stand_in: StandIn) -> None:
    stand_in.script("#!/bin/sh\nexit 7\n")
    (stand_in.home / "scripts" / "10.sh").chmod(0o644)
    with stand_in.running() as lines:
        assert lines == [f"serving port {stand_in.port}"]


@pytest.mark.parametrize("missing", ["ORG", "BUCKET", "USERNAME", "PASSWORD_FILE", "ADMIN_TOKEN_FILE"])
def test_a_missing_variable_ends_the_start_by_its_name(stand_in: StandIn, missing: str) -> None:
    variable = f"DOCKER_INFLUXDB_INIT_{missing}"
    del stand_in.environment[variable]
    ended = stand_in.run(sys.executable, "-m", "compose.offline.influxdb.entrypoint")
    assert ended.returncode == 1
    assert f"{variable.removesuffix('_FILE')} is not set" in ended.stderr


def test_influx_ping_says_whether_the_server_is_there(stand_in: StandIn) -> None:
    assert stand_in.run("influx", "ping").returncode == 1, "nothing runs yet, and there is no profile"
    with stand_in.running():
        assert stand_in.run("influx", "ping").stdout == "OK\n"
    silent = stand_in.run("influx", "ping")
    assert silent.returncode == 1
    assert re.match(r"Error: http://localhost:\d+ does not answer", silent.stderr)


def test_influx_auth_create_says_why_it_cannot(stand_in: StandIn) -> None:
    with stand_in.running():
        refused = stand_in.run("influx", "auth", "create", "--json", "--read-bucket", "0" * 16)
    assert refused.returncode == 1
    assert "bucket 0000000000000000 not found" in refused.stderr


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("0", 0), ("30d", 2_592_000), ("1w2d", 777_600), ("90s", 90)])
def test_retentions_are_durations(text: str, seconds: int) -> None:
    assert retention_seconds(text) == seconds


@pytest.mark.parametrize("text", ["30", "d", "1y", "-1d", "1d "])
def test_other_retentions_are_refused(text: str) -> None:
    with pytest.raises(SetupError, match="takes a duration"):
        retention_seconds(text)
