"""Checks a composed lab from outside: its containers and secrets, the smoke test in it, and what InfluxDB holds.

`scripts/compose-smoke` runs it against the lab that it has brought up: `compose_check.py SERVICE…`, with the services
that should be there. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
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
ONE_SHOT = ("secrets", "certificates")
LIVE_PLATFORM = "https://app.thanotopolis.com"
"""Nobody connects to it: it is refused by its name."""
READ_SECRETS = 'for file in /run/lab/*/*; do cat "$file"; echo; done'
SPELLED_OUT = re.compile(r"\b\w*(?:password|token|secret|api_?key)\w*\s*=\s*\S+", re.IGNORECASE)
TWO_SIDED = ("calls", "incoming-call webhooks", "call-status webhooks", "mails")
WRONG_USAGE = 3
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


def docker(*arguments: str) -> str:
    """What `docker` prints for these arguments."""
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise CheckError(f"docker {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


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
        if not host["NanoCpus"]:
            faults.append(f"{name} has no limit on cores")
    return faults


def secret_faults(secrets: Iterable[str], inspected: Mapping[str, str], histories: Mapping[str, str]) -> list[str]:
    """Where a secret is shown: in what `docker inspect` says of containers, or in how images were made."""
    shown = {**inspected, **histories}
    faults = [f"{name} shows a secret" for name, text in shown.items() if any(secret in text for secret in secrets)]
    for name, text in histories.items():
        faults += [f"{name} was made with {found}" for found in SPELLED_OUT.findall(text)]
    return faults


def smoke_faults(verdict: Json) -> list[str]:
    """What is wrong with a run of the smoke test, by its verdict.json: it did not pass, or left something out."""
    faults = [] if verdict["verdict"] == "pass" else [f"the verdict is {verdict['verdict']}: {verdict['reasons']}"]
    counted = {each["kind"]: each for each in verdict["reconciliation"] or ()}
    for kind in TWO_SIDED:
        if not counted.get(kind, {}).get("double"):
            faults.append(f"there were no {kind}")
    for group in ("voice turn", "WebSocket connection"):
        if not any(target["name"].startswith(group) and target["requests"] for target in verdict["targets"]):
            faults.append(f"nothing was measured of {group}")
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
    fail_on(rights_faults(json.loads(docker("inspect", *ids))))
    say(f"{len(containers)} containers: well, on loopback only, no root, read-only, no capabilities, bounded")


def check_secrets() -> None:
    """What was made at the first start is nowhere to be read but in its volumes."""
    secrets = compose("exec", "--no-TTY", "influxdb", "sh", "-c", READ_SECRETS).split()
    if len(secrets) < 4:
        raise CheckError(f"there are {len(secrets)} secrets in the volumes, not 4 or more")
    ids = compose("ps", "--all", "--quiet").split()
    inspected = {f"container {one[:12]}": docker("inspect", one) for one in ids}
    images = sorted(set(compose("--profile", "*", "config", "--images").split()))
    own = [image for image in images if image.endswith(("/suite", "/doubles"))]
    histories = {f"image {one}": docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", one) for one in own}
    fail_on(secret_faults(secrets, inspected, histories))
    say(f"{len(secrets)} secrets: in no `docker inspect`, and in the history of none of {', '.join(own)}")


def run_smoke() -> Json:
    """`docker compose run --rm smoke` passes, by its exit code and by the verdict that it leaves, which is given."""
    began = time.monotonic()
    done = subprocess.run(
        ["docker", "compose", "run", "--rm", "--no-TTY", "smoke"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        said = done.stdout or done.stderr  # the verdict is on standard output, Locust's tables are not
        raise CheckError(f"the smoke test ended with {done.returncode}: {said[-2000:]}")
    verdict = newest_verdict()
    fail_on(smoke_faults(verdict))
    counted = [f"{each['double']} {each['kind']}" for each in verdict["reconciliation"]]
    requests, took_s = verdict["totals"]["requests"], time.monotonic() - began
    say(f"smoke: {verdict['verdict']} after {took_s:.0f} s; {requests} requests, {', '.join(counted)}")
    return verdict


def check_guard() -> None:
    """The live platform is refused, and `up` too ends with the smoke test's code; its container gives the results."""
    smoke = ("docker", "compose", "--profile", "smoke")
    done = subprocess.run(
        [*smoke, "up", "--exit-code-from", "smoke", "smoke"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"LOAD_TEST_BASE_URL": LIVE_PLATFORM},
    )
    # Not what `up` showed: it can miss the words of a container that ends at once.
    said = compose("--profile", "smoke", "logs", "smoke")
    if done.returncode != WRONG_USAGE or "LAB_ALLOW_HOSTS" not in said:
        raise CheckError(f"{LIVE_PLATFORM} was not refused: exit code {done.returncode}, {said[-300:]}")
    with tempfile.TemporaryDirectory() as folder:
        compose("--profile", "smoke", "cp", "smoke:/lab/results", folder)
        if not (Path(folder) / "results" / "latest" / "verdict.json").exists():
            raise CheckError("the smoke test's container has no results")
    compose("--profile", "smoke", "rm", "--force", "smoke")
    say(f"{LIVE_PLATFORM} is refused with exit code {done.returncode}")


def check_chaos() -> None:
    """`--profile chaos` puts the timeline upon the doubles, and its end takes it away."""
    faults = f"{published('vendors', 8020)}/__lab/faults"

    def names() -> list[str]:
        shown: Json = call(faults)["services"]
        return [fault["name"] for service in shown.values() for fault in service["conditions"]["faults"]]

    compose("--profile", "chaos", "up", "--detach", "--wait", "chaos")
    upon = names()
    compose("--profile", "chaos", "rm", "--stop", "--force", "chaos")
    if not upon or names():
        raise CheckError(f"chaos put {upon} upon the vendors, and left {names()}")
    say(f"chaos put {', '.join(upon)} upon the vendors, and took it away")


def start_run(users: int, seconds: int, workers: int) -> str:
    """Starts a run on Locust's page, once so many workers are ready; the page's address."""
    page = published("locust-master", 8089)

    def workers_ready() -> bool | None:
        ready = [worker for worker in call(f"{page}/stats/requests")["workers"] if worker["state"] == "ready"]
        return True if len(ready) == workers else None

    wait_for(f"{workers} workers ready at the master", 30, workers_ready)
    form = {"user_count": str(users), "spawn_rate": str(SPAWN_RATE), "run_time": f"{seconds}s"}
    answer = call(f"{page}/swarm", form)
    if not answer.get("success"):
        raise CheckError(f"Locust refused the run: {answer.get('message', answer)}")
    say(f"a run of {users} users on {workers} workers for {seconds} s has begun")
    return page


def end_of_run(page: str, seconds: float) -> Json:
    """Waits for the end of a run, and gives Locust's statistics of it, whatever they say."""

    def stats_at_the_end() -> Json | None:
        stats: Json = call(f"{page}/stats/requests")
        return stats if stats["state"] == "stopped" else None

    return wait_for("the end of the run", seconds, stats_at_the_end)


def run_once(seconds: int) -> Json:
    """A run on Locust's page from its start to its end; Locust's statistics of it, whatever they say."""
    return end_of_run(start_run(USERS, seconds, WORKERS), seconds + 120)


def check_points(verdict: Json) -> None:
    """InfluxDB holds a whole run: as many requests as its verdict counts, and the verdict."""
    url = published("influxdb", 8086)
    token = compose("exec", "--no-TTY", "influxdb", "cat", "/run/lab/grafana/influx-read-token")
    of_run = f"run_id = '{verdict['run_id']}'"
    requests = verdict["totals"]["requests"]

    def value(what: str, where: str = "") -> Any:
        query = f"SELECT {what} WHERE {of_run}{where}"
        answer = call(f"{url}/query", {"db": "lab", "q": query}, token)
        series = answer["results"][0].get("series")
        return series[0]["values"][0][1] if series else None

    said = wait_for("the verdict in InfluxDB", 60, lambda: value("last(text) FROM events", " AND kind = 'verdict'"))
    stored = value("last(count_total) FROM overall")
    if stored != requests:
        raise CheckError(f"InfluxDB holds {stored} requests, and the verdict counts {requests}")
    seconds = value("count(count_total) FROM overall")
    turn = value("last(p95_total) FROM requests", " AND type = 'CALL' AND \"name\" = 'turn'")
    say(f"InfluxDB holds all {stored} in {seconds} points, and {said!r}; turn p95 {turn:.0f} ms")


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


def check_grafana() -> None:
    """Grafana shows the dashboard to a visitor."""
    board = call(f"{published('grafana', 3000)}/api/dashboards/uid/live-run")
    say(f"Grafana has the dashboard {board['dashboard']['title']!r}")


def check_lab(services: Sequence[str]) -> None:
    """The lab does its work, from its containers to the verdict of a run."""
    check_containers(services)
    check_secrets()
    check_points(run_smoke())
    check_guard()
    check_chaos()
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
