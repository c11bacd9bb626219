"""Checks a composed lab past one machine: a worker from elsewhere, its loss in a run, and a stop in a run.

`scripts/compose-smoke` runs it against the lab that it has brought up: `cluster_check.py SERVICE…`. The worker from
elsewhere is a Compose project of its own, which knows nothing but the address that compose/cluster.yml opens; here that
is the address of Docker's own bridge, which no other machine reaches. Standard library only.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence

from compose_check import (
    CheckError,
    Json,
    call,
    compose,
    docker,
    end_of_run,
    exit_code,
    newest_verdict,
    say,
    start_run,
    wait_for,
)

HERE, ELSEWHERE = 3, 1
USERS, RUN_SECONDS = 12, 18
STOP_WITHIN_S = 10
KILLED = 137
OPENED = ("-f", "docker-compose.yml", "-f", "compose/cluster.yml")
WORKERS = ("--project-name", f"{os.environ.get('COMPOSE_PROJECT_NAME', 'lab')}-workers", "-f", "compose/worker.yml")
TAKEN_OVER = re.compile(rf"worker lost: .*; its \d+ users? (?:was|were) begun again on {HERE} others after \d+ s")


def bring_up(services: Sequence[str]) -> None:
    """Opens the lab, with three workers, and has a fourth join it from outside."""
    networks = ("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    os.environ["LAB_MASTER_ADDRESS"] = docker(*networks)
    began = time.monotonic()
    compose(*OPENED, "up", "--detach", "--wait", "--scale", f"locust-worker={HERE}", *services)
    compose(*WORKERS, "up", "--detach", "--wait", "--scale", f"locust-worker={ELSEWHERE}")
    say(
        f"{HERE} workers here and {ELSEWHERE} that knows only {os.environ['LAB_MASTER_ADDRESS']}, "
        f"after {time.monotonic() - began:.0f} s"
    )


def loss_faults(verdict: Json) -> list[str]:
    """What is wrong with the verdict of a run that has lost one of its workers."""
    faults = [] if verdict["verdict"] == "invalid" else [f"the verdict is {verdict['verdict']}: {verdict['reasons']}"]
    if verdict["generator"]["workers"] != HERE + ELSEWHERE:
        faults.append(f"{verdict['generator']['workers']} workers took part")
    if not any(TAKEN_OVER.fullmatch(reason) for reason in verdict["reasons"]):
        faults.append(f"no reason tells of the lost worker and its users: {verdict['reasons']}")
    if verdict["totals"]["failures"]:
        faults.append(f"{verdict['totals']['failures']} requests failed")
    return faults


def wait_for_users(page: str) -> None:
    """Waits until all users of the run that has been started are there."""
    wait_for(f"{USERS} users", 30, lambda: call(f"{page}/stats/requests")["user_count"] == USERS or None)


def check_loss(before: str) -> Json:
    """A worker that is killed in a run is reported, its users go on elsewhere, and the run is invalid."""
    page = start_run(USERS, RUN_SECONDS, HERE + ELSEWHERE)
    wait_for_users(page)
    docker("kill", *compose(*WORKERS, "ps", "--quiet").split())
    end_of_run(page, RUN_SECONDS + 120)
    verdict = newest_verdict(after=before)
    if faults := loss_faults(verdict):
        raise CheckError("; ".join(faults))
    say(f"one killed: {verdict['verdict']}: {verdict['reasons'][0]}")
    return verdict


def check_stop(before: str) -> None:
    """`docker compose stop` in a run ends every container in its own time, with verdict and report written."""
    wait_for_users(start_run(USERS, 600, HERE))
    began = time.monotonic()
    compose("stop")
    took_s = time.monotonic() - began
    ids = compose("ps", "--all", "--quiet").split()
    codes = dict(
        line.split() for line in docker("inspect", "--format", "{{.Name}} {{.State.ExitCode}}", *ids).split("\n")
    )
    killed = [name.lstrip("/") for name, code in codes.items() if int(code) == KILLED]
    if killed or took_s > STOP_WITHIN_S:
        raise CheckError(f"the stop took {took_s:.1f} s, and had to kill {', '.join(killed) or 'nothing'}")
    verdict = newest_verdict(after=before)
    generator = verdict["generator"]
    if generator["workers_lost"] or generator["points_lost"] or not verdict["totals"]["requests"]:
        raise CheckError(f"the run that was stopped has lost something: {generator}")
    judged = verdict["totals"]["requests"]
    say(f"stopped in a run: all ended by themselves within {took_s:.1f} s; {judged} requests judged")


def check_cluster(services: Sequence[str]) -> None:
    """The lab does its work with workers from elsewhere, and loses nothing when one goes or when it is stopped."""
    bring_up(services)
    try:
        lost = check_loss(newest_verdict()["run_id"])
    finally:
        compose(*WORKERS, "down")
    check_stop(lost["run_id"])


if __name__ == "__main__":
    sys.exit(exit_code(check_cluster, sys.argv[1:]))
