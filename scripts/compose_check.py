"""Checks a composed lab from outside: its containers, a short run through Locust's HTTP API, and what InfluxDB holds.

`scripts/compose-smoke` runs it against the lab that it has brought up: `compose_check.py SERVICE…`, with the services
that should be there. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

USERS, SPAWN_RATE, RUN_SECONDS = 9, 3, 20
WORKERS = 2
CALL_STEPS = ("answer", "connect", "first audio", "turn")
ONE_SHOT = ("secrets", "certificates")
Json = dict[str, Any]
Found = TypeVar("Found")


class CheckError(Exception):
    """Something about the lab is not as it should be; the message is one sentence."""


def compose(*arguments: str) -> str:
    """What `docker compose` prints for these arguments."""
    done = subprocess.run(["docker", "compose", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise CheckError(f"docker compose {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def call(url: str, form: Mapping[str, str] | None = None, token: str = "") -> Any:
    """The JSON that `url` answers; a form is posted."""
    body = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, body, {"Authorization": f"Token {token}"} if token else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the lab's own pages
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise CheckError(f"{url} does not answer as it should: {error}") from error


def wait_for(what: str, seconds: float, look: Callable[[], Found | None]) -> Found:
    """What `look` gives once it gives something; asks twice a second."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise CheckError(f"{what} did not come about within {seconds:.0f} s")
        time.sleep(0.5)
    return found


def container_faults(containers: Iterable[Json], services: Sequence[str]) -> list[str]:
    """What is wrong with the containers of `docker compose ps --all --format json`."""
    faults, seen = [], []
    for one in containers:
        seen.append(one["Service"])
        if one["Service"] in ONE_SHOT:
            if one["State"] != "exited" or one["ExitCode"] != 0:
                faults.append(f"{one['Name']} is {one['State']} with code {one['ExitCode']}")
        elif one["Health"] != "healthy":
            faults.append(f"{one['Name']} is {one['Health'] or one['State']}")
        for port in one.get("Publishers") or []:
            if port["PublishedPort"] and port["URL"] != "127.0.0.1":
                faults.append(f"{one['Name']} publishes port {port['PublishedPort']} on {port['URL']}")
    for service in services:
        wanted = WORKERS if service == "locust-worker" else 1
        if seen.count(service) != wanted:
            faults.append(f"{service} has {seen.count(service)} containers, not {wanted}")
    return faults


def rights_faults(inspected: Iterable[Json]) -> list[str]:
    """What the containers of `docker inspect` may that they should not."""
    faults = []
    for one in inspected:
        name, host = one["Name"].lstrip("/"), one["HostConfig"]
        if one["Config"]["User"].partition(":")[0] in ("", "0", "root"):
            faults.append(f"{name} runs as root")
        if not host["ReadonlyRootfs"]:
            faults.append(f"{name} can write to its image")
        if host["CapDrop"] != ["ALL"] or host["CapAdd"]:
            faults.append(f"{name} has capabilities")
        if not any(option.startswith("no-new-privileges") for option in host["SecurityOpt"] or []):
            faults.append(f"{name} may gain privileges")
        if not host["Memory"]:
            faults.append(f"{name} has no memory limit")
    return faults


def run_faults(stats: Json) -> list[str]:
    """What is wrong with a run, by Locust's own `/stats/requests`."""
    requests = {(row["method"], row["name"]): row["num_requests"] for row in stats["stats"]}
    faults = [f"{error['method']} {error['name']} failed: {error['error']}" for error in stats["errors"]]
    faults += [f"no call came to its {step}" for step in CALL_STEPS if not requests.get(("CALL", step))]
    for area in ("/api/auth/", "/api/crm/"):
        if not any(area in name and count for (_, name), count in requests.items()):
            faults.append(f"nothing was asked of {area}")
    return faults


def published(service: str, port: int) -> str:
    """The address on this machine where a service's port is published."""
    return "http://" + compose("port", service, str(port)).strip()


def say(text: str) -> None:
    """One line about what was found."""
    sys.stdout.write(f"      {text}\n")
    sys.stdout.flush()


def fail_on(faults: Sequence[str]) -> None:
    """Raises when there is a fault, with all of them."""
    if faults:
        raise CheckError("; ".join(faults))


def check_containers(services: Sequence[str]) -> None:
    """Every service is well, reachable from this machine alone, and without rights that it does not need."""
    lines = compose("ps", "--all", "--no-trunc", "--format", "json").splitlines()
    containers = [json.loads(line) for line in lines]
    fail_on(container_faults(containers, services))
    ids = [container["ID"] for container in containers]
    inspected = subprocess.run(["docker", "inspect", *ids], check=True, capture_output=True, text=True).stdout
    fail_on(rights_faults(json.loads(inspected)))
    say(f"{len(containers)} containers: well, on loopback only, no root, read-only, no capabilities")


def run_once(seconds: int) -> Json:
    """Starts a run on Locust's page, waits for its end, and gives Locust's statistics of it, whatever they say."""
    page = published("locust-master", 8089)

    def workers_ready() -> bool | None:
        ready = [worker for worker in call(f"{page}/stats/requests")["workers"] if worker["state"] == "ready"]
        return True if len(ready) == WORKERS else None

    wait_for(f"{WORKERS} workers ready at the master", 30, workers_ready)
    form = {"user_count": str(USERS), "spawn_rate": str(SPAWN_RATE), "run_time": f"{seconds}s"}
    answer = call(f"{page}/swarm", form)
    if not answer.get("success"):
        raise CheckError(f"Locust refused the run: {answer.get('message', answer)}")
    say(f"a run of {USERS} users for {seconds} s has begun")

    def stats_at_the_end() -> Json | None:
        stats: Json = call(f"{page}/stats/requests")
        return stats if stats["state"] == "stopped" else None

    return wait_for("the end of the run", seconds + 120, stats_at_the_end)


def run_load() -> Json:
    """A run without a failure, in which calls were made; Locust's statistics of it."""
    stats = run_once(RUN_SECONDS)
    fail_on(run_faults(stats))
    total = stats["stats"][-1]
    steps = [f"{row['name']} {row['num_requests']}" for row in stats["stats"] if row["method"] == "CALL"]
    say(f"{total['num_requests']} requests, no failure; calls: {', '.join(sorted(steps))}")
    return stats


def check_points(requests: int) -> None:
    """InfluxDB holds the whole run: as many requests as Locust counted, and the verdict."""
    url = published("influxdb", 8086)
    token = compose("exec", "--no-TTY", "influxdb", "cat", "/run/lab/grafana/influx-read-token")

    def value(query: str) -> Any:
        answer = call(f"{url}/query", {"db": "lab", "q": query}, token)
        series = answer["results"][0].get("series")
        return series[0]["values"][0][1] if series else None

    verdict = wait_for(
        "the verdict in InfluxDB", 60, lambda: value("SELECT last(text) FROM events WHERE kind = 'verdict'")
    )
    stored = value("SELECT last(count_total) FROM overall")
    if stored != requests:
        raise CheckError(f"InfluxDB holds {stored} requests, and Locust counted {requests}")
    seconds = value("SELECT count(count_total) FROM overall")
    turn = value("SELECT last(p95_total) FROM requests WHERE type = 'CALL' AND \"name\" = 'turn'")
    say(f"InfluxDB holds all {stored} in {seconds} points; turn p95 {turn:.0f} ms")
    say(f"verdict: {verdict}")
    if verdict.startswith("invalid"):
        raise CheckError(f"the run is invalid: {verdict}")


def newest_verdict(after: str = "") -> Json:
    """The newest run's verdict.json, copied out of the results volume; waits for another run's than `after`."""

    def report() -> Json | None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                compose("cp", "locust-master:/lab/results", folder)
                text = (Path(folder) / "results" / "latest" / "verdict.json").read_text()
            except (CheckError, FileNotFoundError):  # the reports are written after the last point
                return None
        found: Json = json.loads(text)
        return found if found["run_id"] != after else None

    return wait_for("results/latest/verdict.json", 30, report)


def check_results() -> None:
    """The verdict lies in the results volume, and can be copied out of it."""
    verdict = newest_verdict()
    say(f"results/latest/verdict.json of run {verdict['run_id']}: {verdict['verdict']}")


def check_grafana() -> None:
    """Grafana shows the dashboard to a visitor."""
    board = call(f"{published('grafana', 3000)}/api/dashboards/uid/live-run")
    say(f"Grafana has the dashboard {board['dashboard']['title']!r}")


def check_lab(services: Sequence[str]) -> None:
    """The lab does its work, from its containers to the verdict of a run."""
    check_containers(services)
    stats = run_load()
    check_points(stats["stats"][-1]["num_requests"])
    check_results()
    if "grafana" in services:
        check_grafana()


def exit_code(check: Callable[[Sequence[str]], None], services: Sequence[str]) -> int:
    """0 when a check of these services finds nothing, 1 with one sentence when it does."""
    try:
        check(services)
    except CheckError as error:
        sys.stderr.write(f"compose-smoke: {error}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(check_lab, sys.argv[1:]))
