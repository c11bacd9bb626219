"""Checks a lab behind the interception overlay: vendors' libraries reach doubles, nothing gets out, a run says so.

`scripts/compose-smoke` runs it against the lab that it has brought up, with COMPOSE_FILE naming docker-compose.yml and
compose/intercept.yml: `intercept_check.py SERVICE…`. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from compose_check import (
    RUN_SECONDS,
    CheckError,
    Json,
    check_containers,
    compose,
    docker,
    exit_code,
    fail_on,
    newest_verdict,
    run_once,
    say,
)

STRAY_RUN_SECONDS = 8
STRAY = "telemetry.example.org"
"""Nobody's in the lab, and nobody's outside of it (RFC 2606)."""
PLATFORM = ("-f", "docker-compose.yml", "-f", "compose/intercept.yml", "-f", "compose/platform.yml")
VENDORS = (
    *("api.twilio.com", "agent.deepgram.com", "api.deepgram.com", "api.elevenlabs.io"),
    *("api.openai.com", "api.sendgrid.com", "api.stripe.com"),
)
READ_METRICS = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())"
TRY_ADDRESS = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"
CALL_LATER = f"import sys, time, urllib.request as u; time.sleep({STRAY_RUN_SECONDS / 2}); u.urlopen(sys.argv[1])"
OUTSIDE_PORT = 8000
RETRY = """
import socket, sys, time
end = time.monotonic() + 10
while True:
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
"""


def sentinel() -> Json:
    """What the sentinel has counted."""
    url = "http://127.0.0.1:8053/__lab/metrics"
    found: Json = json.loads(compose("exec", "--no-TTY", "sentinel", "python3", "-c", READ_METRICS, url))["sentinel"]
    return found


def network_faults(networks: Iterable[Json], containers: Iterable[Json]) -> list[str]:
    """What `docker network inspect` and `docker inspect` show of ways out."""
    known = {network["Name"]: network for network in networks}
    inside = {name for name, network in known.items() if network["Internal"]}
    unmasked = "com.docker.network.bridge.enable_ip_masquerade"
    pages = {name for name in set(known) - inside if known[name]["Options"].get(unmasked) == "false"}
    faults = [f"network {name} has a way out" for name in sorted(set(known) - inside - pages)]
    for container in containers:
        joined = set(container["NetworkSettings"]["Networks"]) - {"none"}
        if joined and not joined & inside:
            faults.append(f"{container['Name'].lstrip('/')} is not on the internal network")
        if joined - inside - pages:
            faults.append(f"{container['Name'].lstrip('/')} is on {', '.join(sorted(joined - inside - pages))}")
    return faults


def traffic_faults(seen: Json) -> list[str]:
    """What is wrong with the sentinel's counts when every vendor has been called, and nobody else."""
    faults = [f"{name} was not looked up" for name in VENDORS if name not in seen["lookups"]["double"]["names"]]
    faults += [f"{name} was looked up" for name in seen["lookups"]["outside"]["names"]]
    return faults + [f"a connection to {host} was refused" for host in seen["refused"]["hosts"]]


def run_faults(interception: Json) -> list[str]:
    """What is wrong with a quiet run's `interception`."""
    faults = [f"{name} was looked up" for name in interception["lookups"]["outside"]]
    faults += [f"a connection to {host} was refused" for host in interception["refused"]]
    if interception["left"] != 0:
        faults.append(f"left is {interception['left']}: {interception['unknown']}")
    return faults + ([] if interception["lookups"]["double"] else ["the backend looked up no vendor's name"])


def check_networks() -> None:
    """Every container is on the internal network, and on no network with a way out."""
    ids = compose("ps", "--all", "--quiet").split()
    containers: list[Json] = json.loads(docker("inspect", *ids))
    names = {name for one in containers for name in one["NetworkSettings"]["Networks"]} - {"none"}
    fail_on(network_faults(json.loads(docker("network", "inspect", *names)), containers))
    say(f"{len(containers)} containers on the internal network, none on one with a way out")


@contextmanager
def somebody_outside() -> Iterator[str]:
    """A web server in a container outside of the lab, on the engine's own network; its address."""
    image = compose("config", "--images").split()
    doubles = next(name for name in image if name.endswith("/doubles"))
    serve = ["python3", "-m", "http.server", str(OUTSIDE_PORT)]
    container = docker("run", "--detach", "--rm", "--init", "--workdir", "/tmp", doubles, *serve)  # noqa: S108
    try:
        address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container)
        # It can be reached by whoever is not in the lab: else that nobody in there does would prove nothing.
        docker("exec", container, "python3", "-c", RETRY, address, str(OUTSIDE_PORT))
        yield address
    finally:
        docker("stop", "--time", "1", container)


def check_literal_addresses() -> None:
    """Without a name, too, nobody gets out: neither from the internal network nor from the one that shows pages."""
    with somebody_outside() as address:
        for service in ("backend", "locust-master"):
            command = ["exec", "--no-TTY", service, "python3", "-c", TRY_ADDRESS, address, str(OUTSIDE_PORT)]
            done = subprocess.run(["docker", "compose", *command], check=False, capture_output=True, text=True)
            if done.returncode == 0:
                raise CheckError(f"{service} reached {address}, which is outside of the lab")
            if "TimeoutError" not in done.stderr and "unreachable" not in done.stderr:
                raise CheckError(f"whether {service} can reach {address} was not seen: {done.stderr.strip()[-200:]}")
    say(f"a literal address outside ({address}) is reached neither from the backend nor from the master")


def check_vendors() -> None:
    """Each vendor's library, at its default address, is answered by a double over TLS, and by nobody else."""
    lines = compose("run", "--rm", "--no-TTY", "sdk-client").splitlines()
    for line in lines:
        say(line)
    seen = sentinel()
    fail_on(traffic_faults(seen))
    say(
        f"{len(lines)} calls answered; {seen['lookups']['double']['total']} lookups, none of another name, none refused"
    )


def check_stray() -> None:
    """A call to a name that is nobody's is refused and counted."""
    before = sentinel()["refused"]["hosts"].get(f"{STRAY}:443", 0)
    say(compose("run", "--rm", "--no-TTY", "sdk-client", "leave", STRAY).strip())
    seen = sentinel()
    if (
        seen["refused"]["hosts"].get(f"{STRAY}:443", 0) != before + 1
        or STRAY not in seen["lookups"]["outside"]["names"]
    ):
        raise CheckError(f"the sentinel did not count the call to {STRAY}: {seen['refused']}, {seen['lookups']}")


def check_quiet_run() -> Json:
    """A run whose backend calls the vendors' own names says that nothing left."""
    stats = run_once(RUN_SECONDS)
    fail_on([f"{error['method']} {error['name']} failed: {error['error']}" for error in stats["errors"]])
    verdict = newest_verdict()
    interception = verdict["interception"]
    fail_on(run_faults(interception))
    looked_up = sum(interception["lookups"]["double"].values())
    say(f"verdict: {verdict['verdict']}; left {interception['left']}, refused 0, {looked_up} lookups of vendors' names")
    return verdict


def check_stray_run(quiet: Json) -> None:
    """A run in which something tries to leave is invalid, and says what it was."""
    command = ["docker", "compose", "exec", "--no-TTY", "backend", "python3", "-c", CALL_LATER, f"https://{STRAY}/"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as call:
        run_once(STRAY_RUN_SECONDS)
        _, failure = call.communicate(timeout=60)
    if "ConnectionResetError" not in failure:
        raise CheckError(
            f"the backend's call to {STRAY} was not refused: {failure.strip()[-200:] or 'it was answered'}"
        )
    verdict = newest_verdict(after=quiet["run_id"])
    named = [
        reason for reason in verdict["reasons"] if reason.startswith("something tried to leave") and STRAY in reason
    ]
    if verdict["verdict"] == "pass" or not named:
        raise CheckError(f"a run in which {STRAY} was called ended with {verdict['verdict']}: {verdict['reasons']}")
    say(f"verdict: {verdict['verdict']}: {named[0]}")


def check_platform_file() -> None:
    """The overlay for an image of one's own fits the others."""
    compose(*PLATFORM, "config", "--quiet")
    say("compose/platform.yml fits")


def check_interception(services: Sequence[str]) -> None:
    """Interception does its work, from the networks to the verdict of a run."""
    check_containers(services)
    check_networks()
    check_literal_addresses()
    check_vendors()
    check_stray()
    check_stray_run(check_quiet_run())
    check_platform_file()


if __name__ == "__main__":
    sys.exit(exit_code(check_interception, sys.argv[1:]))
