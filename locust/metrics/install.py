"""Joins the measurement layer to Locust: `install` is what a locustfile calls, once, when it is imported.

A worker records its requests and adds what it recorded to each of Locust's reports to the master
(`metrics.worker_role`). The master, or the one process of a run without workers, merges, writes to InfluxDB, and at the
end decides and reports (`metrics.master_role`).
"""

# mypy: allow-untyped-calls
# gevent and parts of Locust have no annotations.

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import locust
from locust import runners
from metrics.interrupts import Interrupts
from metrics.master_role import MasterRole
from metrics.measurement import NOTHING_AROUND, Measurement
from metrics.surroundings import Surroundings
from metrics.targets import Targets
from metrics.worker_role import WorkerRole

REPORT_INTERVAL_S = 1.0


def install(
    *,
    results_dir: Path,
    run_id: str,
    seed: int,
    targets: Targets,
    influx_url: str | None = None,
    influx_token: str = "",
    influx_org: str = "",
    influx_bucket: str = "",
    surroundings: Surroundings = NOTHING_AROUND,
    progress: str = "auto",
    secrets: Sequence[str] = (),
) -> Measurement:
    """Measure every run of this Locust process. A second call in a process returns what the first one made.

    `results_dir` gets a directory a run. A headless run is named `run_id`; on Locust's page each start is a run of its
    own, named `run_id` with a number, or afresh where `run_id` is a time stamp. Without `influx_url` points
    stay in that directory. `surroundings` says what is looked at beside the requests, `progress` how a headless run is
    shown while it goes on: a mode of `metrics.display`. `secrets` are values that no kept failure may hold.
    """
    installed: Measurement | None = getattr(locust.events, "lab_measurement", None)
    if installed is not None:
        return installed
    influx: dict[str, str] | None = None
    if influx_url:
        influx = {"url": influx_url, "token": influx_token, "org": influx_org, "bucket": influx_bucket}
    measurement = Measurement(results_dir, run_id, seed, targets, influx, progress, surroundings, secrets)
    setattr(locust.events, "lab_measurement", measurement)  # noqa: B010 - Locust's own class knows no such attribute
    locust.events.init.add_listener(functools.partial(take_role, measurement))
    runners.WORKER_REPORT_INTERVAL = REPORT_INTERVAL_S
    return measurement


def is_installed() -> bool:
    """Tell whether the runs of this Locust process are measured."""
    return hasattr(locust.events, "lab_measurement")


def take_role(measurement: Measurement, environment: Any, runner: Any, web_ui: Any, **_rest: Any) -> None:
    """Take the role that Locust gave this process: a listener of its `init` event."""
    Interrupts().listen()
    environment.events.cpu_warning.add_listener(measurement.alarms.on_cpu_warning)
    if isinstance(runner, runners.WorkerRunner):
        WorkerRole(measurement, environment, runner).listen()
    else:
        MasterRole(measurement, environment, runner, web_ui).listen()
