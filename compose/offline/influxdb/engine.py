"""Starts a real InfluxDB 1.x (`influxd` of Debian's package `influxdb`) that only loopback can reach."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS = 60.0


def environment(data: Path, port: int) -> dict[str, str]:
    """The `INFLUXDB_*` variables of an engine that serves HTTP on 127.0.0.1:`port` and keeps its files under `data`."""
    return {
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_BIND_ADDRESS": "127.0.0.1:0",  # its RPC service, which nothing here uses
        "INFLUXDB_META_DIR": str(data / "meta"),
        "INFLUXDB_DATA_DIR": str(data / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(data / "wal"),
        "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_HTTP_LOG_ENABLED": "false",
        "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        "INFLUXDB_LOGGING_LEVEL": "warn",
        "INFLUXDB_LOGGING_SUPPRESS_LOGO": "true",
    }


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start(data: Path, port: int) -> subprocess.Popen[bytes]:
    """Starts the engine and waits until it answers.

    Raises FileNotFoundError without `influxd`, RuntimeError when it ends or does not answer within `START_SECONDS`.
    """
    variables = os.environ | environment(data, port)
    # An empty configuration file: the variables above say it all, and the system's own file is left out of it.
    process = subprocess.Popen(["influxd", "-config", os.devnull], env=variables)  # noqa: S603, S607
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        if process.poll() is not None:
            raise RuntimeError(f"influxd ended with code {process.returncode} before it served 127.0.0.1:{port}")
        if time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"influxd does not serve 127.0.0.1:{port} after {START_SECONDS:.0f} s")
        time.sleep(0.05)
    return process


def answers(port: int) -> bool:
    """Whether an InfluxDB answers a ping on 127.0.0.1:`port`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.NO_CONTENT
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
