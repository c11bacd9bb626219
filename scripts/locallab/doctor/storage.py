"""Where a run leaves what it measured: the directory of results, and InfluxDB with its token."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from locallab.doctor.findings import Finding, ok, problem, warning
from metrics.influx import Client, Influx, Unavailable, deliver
from metrics.outbox import LIVE, RUNS

MIB = 1 << 20
ENOUGH_MIB = 1024
LEAST_MIB = 100
"""A long run's histograms, logs and an outbox while InfluxDB is away."""
NO_LINE = "doctor"
"""No point in line protocol. InfluxDB asks for the token and the bucket first, and then writes nothing."""


def results(directory: Path, enough_mib: int = ENOUGH_MIB, least_mib: int = LEAST_MIB) -> list[Finding]:
    """Write a file into the directory, or where it will be made, remove it again, and look how much room there is."""
    place = next(each for each in (directory, *directory.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        return [
            problem(
                "results",
                f"{directory} cannot be written to: {error.strerror}",
                "make it writable for this user, or set LAB_RESULTS_DIR to another directory",
            )
        ]
    free_mib = shutil.disk_usage(place).free // MIB
    room = f"{free_mib:,} MiB are free for results"
    todo = "remove old runs from it, or set LAB_RESULTS_DIR to a larger disk: a full one costs points and the report"
    if free_mib < least_mib:
        disk = problem("disk", room, todo)
    elif free_mib < enough_mib:
        disk = warning("disk", room, todo)
    else:
        disk = ok("disk", room)
    return [ok("results", f"{directory} can be written to"), disk]


def influx(url: str | None, token: str | None, org: str, bucket: str) -> list[Finding]:
    """Say whether InfluxDB would take points from this token, for both buckets, without writing one."""
    if url is None:
        return [ok("InfluxDB", "no INFLUX_URL is set: points stay in the run's directory")]
    if not token:
        return [
            problem("InfluxDB", f"{url} is set without a token", "set INFLUX_TOKEN, or INFLUX_TOKEN_FILE to its file")
        ]
    server = Influx(url, token, org, bucket)
    client = Client(server)
    try:
        return [_bucket(client, server, kind) for kind in (LIVE, RUNS)]
    finally:
        client.close()


def _bucket(client: Client, server: Influx, kind: str) -> Finding:
    name = server.bucket_named(kind)
    try:
        refused = deliver(client.write, kind, [NO_LINE], attempts=1)
    except Unavailable as error:
        todo = (
            f"check that InfluxDB runs at {server.url}, and that the token may write to the bucket {name!r} of the"
            f" organisation {server.org!r}; until then points wait in the run's outbox"
        )
        return problem(f"InfluxDB {kind}", str(error), todo)
    if not refused:
        return problem(
            f"InfluxDB {kind}", f"{server.url} takes what is no point, so it is no InfluxDB", "set INFLUX_URL to one"
        )
    return ok(f"InfluxDB {kind}", f"{server.url} takes points for the bucket {name}")
