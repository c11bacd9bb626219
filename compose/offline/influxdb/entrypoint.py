"""Runs the stand-in for the official `influxdb:2` image: an InfluxDB 1.x engine behind the gateway.

It is set up as that image is: `DOCKER_INFLUXDB_INIT_*` variables (with `_FILE` for user name, password and token) and
the executable scripts of `/docker-entrypoint-initdb.d`, which run while only loopback can reach the server. A script
that fails undoes the set-up. Port 8086 (`INFLUXD_HTTP_BIND_ADDRESS`) is served after the set-up is done.
"""

# ruff: noqa: T201 - a command speaks by printing

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose.offline.influxdb import engine
from compose.offline.influxdb.gateway import Gateway
from compose.offline.influxdb.influx2 import Influx2
from compose.offline.influxdb.retention import seconds_of

SCRIPTS = Path(os.environ.get("INIT_SCRIPTS", "/docker-entrypoint-initdb.d"))


class SetupError(Exception):
    """The set-up cannot be done as asked; the message is one sentence for the container's log."""


def setting(name: str, *, required: bool = True) -> str:
    """The value of `DOCKER_INFLUXDB_INIT_<name>`, or the content of the file that its `_FILE` form names."""
    variable = f"DOCKER_INFLUXDB_INIT_{name}"
    value = os.environ.get(variable, "")
    if file := os.environ.get(f"{variable}_FILE"):
        try:
            value = Path(file).read_text().strip()
        except OSError as error:
            raise SetupError(f"{variable}_FILE cannot be read: {error}.") from error
    if required and not value:
        raise SetupError(f"{variable} is not set, and InfluxDB cannot be set up without it.")
    return value


def retention_seconds(text: str) -> int:
    """The seconds of a retention such as `30d` or `1d12h`; an empty one or `0` keeps points for ever (0)."""
    try:
        return seconds_of(text)
    except ValueError:
        sentence = f"DOCKER_INFLUXDB_INIT_RETENTION takes a duration such as 30d or 12h, not {text!r}."
        raise SetupError(sentence) from None


@contextmanager
def serving(address: tuple[str, int], influx: Influx2) -> Iterator[Gateway]:
    """Serves the gateway in a thread for the time of the `with` block."""
    server = Gateway(address, influx)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_cli_config(path: Path, port: int, token: str, org: str) -> None:
    """Writes the profile from which the `influx` command takes its server, token and organisation."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    lines = f'url = "http://localhost:{port}"\n  token = "{token}"\n  org = "{org}"\n  active = true'
    path.write_text(f"[default]\n  {lines}\n")


def set_up(state: Path, engine_port: int, final_port: int) -> None:
    """The first start: organisation, bucket and token, then the scripts. `state` exists only when all of it worked."""
    if (mode := os.environ.get("DOCKER_INFLUXDB_INIT_MODE")) != "setup":
        raise SetupError(f"DOCKER_INFLUXDB_INIT_MODE is {mode!r}, and the stand-in knows only 'setup'.")
    org, bucket = setting("ORG"), setting("BUCKET")
    setting("USERNAME"), setting("PASSWORD")  # required by the real image, whose pages they open
    token = setting("ADMIN_TOKEN")
    init_port = int(os.environ.get("INFLUXD_INIT_PORT", "9999"))
    configs = Path(os.environ.get("INFLUX_CONFIGS_PATH", "/etc/influxdb2/influx-configs"))
    pending = state.with_suffix(".pending")
    pending.unlink(missing_ok=True)
    influx = Influx2("127.0.0.1", engine_port, pending)
    influx.setup(org, bucket, token, retention_seconds(setting("RETENTION", required=False)))
    write_cli_config(configs, init_port, token, org)
    ids = {"DOCKER_INFLUXDB_INIT_ORG_ID": influx.org_id, "DOCKER_INFLUXDB_INIT_BUCKET_ID": influx.bucket(bucket).id}
    with serving(("127.0.0.1", init_port), influx):
        for script in sorted(SCRIPTS.glob("*.sh")):
            if not os.access(script, os.X_OK):
                continue
            print(f"running {script}", flush=True)
            variables = os.environ | ids | {"INFLUX_HOST": f"http://localhost:{init_port}"}
            done = subprocess.run([script], env=variables, check=False)  # noqa: S603 - mounted to be run
            if done.returncode:
                raise SetupError(f"{script} ended with code {done.returncode}.")
    write_cli_config(configs, final_port, token, org)
    pending.rename(state)


def main() -> int:
    """Starts the engine, sets it up when its volume is empty, and serves until SIGTERM or SIGINT; its exit code."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    home = Path(os.environ.get("INFLUXD_HOME", "/var/lib/influxdb2"))
    state, files = home / "influx2.json", home / "engine"
    host, _, port = os.environ.get("INFLUXD_HTTP_BIND_ADDRESS", ":8086").rpartition(":")
    engine_port = engine.free_port()
    influxd = engine.start(files, engine_port)
    try:
        if not state.exists():
            set_up(state, engine_port, int(port))
        # No host means every address, as for the real image: a container's port is published from there.
        with serving((host, int(port)), Influx2("127.0.0.1", engine_port, state)):
            print(f"serving port {port}", flush=True)
            while not stop.wait(0.5):
                if influxd.poll() is not None:
                    print(f"influxd ended with code {influxd.returncode}.", file=sys.stderr)
                    return 1
    except SetupError as error:
        print(error, file=sys.stderr)
        influxd.kill()
        influxd.wait()
        shutil.rmtree(files, ignore_errors=True)
        return 1
    finally:
        influxd.terminate()
        influxd.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
