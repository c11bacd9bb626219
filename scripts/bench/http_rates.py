"""The HTTP bench: how many contact reads a second the reference backend answers, and what the suite's measuring costs.

    scripts/bench/http --seconds 8 --rounds 3

One core each for client and server. First the backend alone, asked over many connections; then the suite's own CRM
reader and a bare FastHttpUser that does the same GETs, in turns, compared within each round.
Exit code 0: on target; 1: off target; 2: the run is worth nothing.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psutil
import uvloop
from bench.command import BenchParser, any_number, conclude
from bench.locusts import START_SECONDS, WARM_S, cpu_s, locust
from bench.many_connections import ask_for
from bench.pinned import Cores, get, process, waited_ms
from locallab.arguments import whole_number

LEAST_READS_A_S = 8_000
LEAST_SHARE = 0.8
CONNECTIONS = 32
USERS = 10
FULL = 0.95  # of a core: whoever uses so much is what bounds the rate
READ = "GET /api/crm/contacts/{contact_id}"
BACKEND = {"BACKEND_BCRYPT_ROUNDS": "4", "BACKEND_RATE_LIMIT_REQUESTS": "0", "BACKEND_ACCESS_TOKEN_S": "86400"}
READERS = {"bare": "bare_reader.py", "suite": "suite_reader.py"}


def main() -> None:
    """Run the bench and print its figures."""
    parser = BenchParser("http", __doc__)
    parser.takes("--seconds", any_number(1, 120), 8.0, "how long each is measured")
    parser.takes("--rounds", whole_number(1, 20), 3, "rounds of the readers")
    parser.add_argument("--part", choices=["backend", "readers", "both"], default="both")
    asked = parser.parse_args()
    cores = Cores.of_this_process()
    figures: dict[str, Any] = {"cores": str(cores)}
    with process("mock_services.backend", cores.server, BACKEND, "--port", "0") as (backend, url):
        os.sched_setaffinity(0, {cores.client})
        if asked.part != "readers":
            figures["backend"] = measure_backend(backend, url, asked.seconds)
        if asked.part != "backend":
            figures["readers"] = [
                {name: measure_reader(name, backend, url, asked.seconds, cores.client) for name in READERS}
                for _ in range(asked.rounds)
            ]
    conclude(asked, figures, as_text(figures), verdict(figures)[0])


def measure_backend(backend: int, url: str, seconds: float) -> dict[str, Any]:
    """Read one contact over many connections; give the rate, and what both sides used of their cores."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    headers, path = make_contact(url)
    server = psutil.Process(backend)
    began, used, own, waited = time.monotonic(), cpu_s(server), own_cpu_s(), waited_ms(backend)
    answers = uvloop.run(ask_for(place.hostname, place.port, path, headers, CONNECTIONS, WARM_S, seconds))
    took = time.monotonic() - began
    return {
        "reads_a_s": round(answers.count / seconds),
        "refused": answers.others,
        "p50_ms": round(answers.percentile_ms(0.5), 2),
        "p99_ms": round(answers.percentile_ms(0.99), 2),
        "server_core": round((cpu_s(server) - used) / took, 3),
        "client_core": round((own_cpu_s() - own) / took, 3),
        "waited": round((waited_ms(backend) - waited) / took / 1000, 3),
    }


def measure_reader(name: str, backend: int, url: str, seconds: float, core: int) -> dict[str, Any]:
    """Have Locust read for some seconds; give the rate that the backend saw, and what both sides used."""
    with tempfile.TemporaryDirectory(prefix="http-bench-") as results, reader_of(name, url, core, results) as started:
        reader, server = psutil.Process(started.pid), psutil.Process(backend)
        first = reads(url)
        deadline = time.monotonic() + START_SECONDS
        while reads(url) < first + USERS * 5:
            if time.monotonic() > deadline or started.poll() is not None:
                sys.exit(f"http: the {name} reader did not start; its own words are above")
            time.sleep(0.1)
        time.sleep(WARM_S)
        began, count, used, own = time.monotonic(), reads(url), cpu_s(server), cpu_s(reader)
        time.sleep(seconds)
        took, seen = time.monotonic() - began, reads(url) - count
        return {
            "reads_a_s": round(seen / took, 1),
            "reads_a_core_s": round(seen / (cpu_s(reader) - own), 1),
            "client_core": round((cpu_s(reader) - own) / took, 3),
            "server_core": round((cpu_s(server) - used) / took, 3),
        }


def reader_of(name: str, url: str, core: int, results: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a Locust without workers."""
    arguments = ["--headless", "--users", str(USERS), "--spawn-rate", str(USERS), "--host", url, "--only-summary"]
    environment = {"LOAD_TEST_BASE_URL": url, "LAB_RESULTS_DIR": results, "LAB_SEED": "1"}
    return locust(READERS[name], arguments, core, environment, Path(results) / "locust.log")


def make_contact(url: str) -> tuple[dict[str, str], str]:
    """Register an organisation with one contact; give the headers and the path to read it with."""
    person = {"admin_username": "bench", "admin_password": "correct horse", "admin_first_name": "Ada"}
    organization = {"name": "Bench", "subdomain": "bench", "full_name": "Bench", "address": {}, "phone": "+15550100000"}
    mail = {"organization_email": "bench@example.com", "admin_email": "bench@example.com", "admin_last_name": "Rose"}
    session = post(f"{url}/api/organizations/register", {**organization, **person, **mail}, {})
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    contact = post(f"{url}/api/crm/contacts", {"business_name": "Rose & Sons", "contact_name": "Ada Rose"}, headers)
    return headers, f"/api/crm/contacts/{contact['id']}"


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """Send JSON and give what comes back."""
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - what the bench started
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def reads(url: str) -> int:
    """Give how many reads the backend has answered well."""
    totals = get(f"{url}/__lab/journal?limit=1")["totals"]
    return int(totals.get(READ, {}).get("200", 0))


def own_cpu_s() -> float:
    """Give the processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def share(figures: dict[str, Any]) -> float:
    """Give the suite's rate as a share of the bare user's: the middle one of all rounds.

    By the second of processor time, of which both have as much as they can use: what else ran then has no say.
    """
    return float(median(round_share(each) for each in figures["readers"]))


def round_share(each: dict[str, Any]) -> float:
    """Give the share of one round."""
    return float(each["suite"]["reads_a_core_s"] / each["bare"]["reads_a_core_s"])


def verdict(figures: dict[str, Any]) -> tuple[int, str]:
    """Judge. A rate says something only if what was measured was what bounded it, and had its core."""
    off = []
    if "backend" in figures:
        backend = figures["backend"]
        if backend["refused"]:
            return 2, f"invalid: {backend['refused']} reads were not answered with 200"
        if backend["reads_a_s"] < LEAST_READS_A_S:
            if backend["server_core"] < FULL:
                return 2, "invalid: the backend had not enough to do, or not its core; try again on a quiet machine"
            off.append("backend")
    if "readers" in figures:
        runs = [run for each in figures["readers"] for run in each.values()]
        if any(run["server_core"] > FULL for run in runs):
            return 2, "invalid: the backend bounded what a reader could reach"
        if share(figures) < LEAST_SHARE:
            off.append("suite")
    return (1, f"off target: {' and '.join(off)}") if off else (0, "on target")


def as_text(figures: dict[str, Any]) -> str:
    """Write the figures for people."""
    lines = []
    if "backend" in figures:
        backend = figures["backend"]
        lines.append(
            f"backend   {backend['reads_a_s']} reads/s, p50 {backend['p50_ms']} ms, p99 {backend['p99_ms']} ms over "
            f"{CONNECTIONS} connections (least: {LEAST_READS_A_S}/s); it used {backend['server_core']:.0%} of its core "
            f"and waited {backend['waited']:.0%} for it, the client used {backend['client_core']:.0%} of its own"
        )
    for number, each in enumerate(figures.get("readers", ()), 1):
        rates = ", ".join(
            f"{name} {run['reads_a_s']:.0f} reads/s with {run['client_core']:.0%} of its core"
            for name, run in each.items()
        )
        lines.append(f"round {number}   {rates}: {round_share(each):.1%} by the second of processor time")
    if "readers" in figures:
        lines.append(f"suite     {share(figures):.1%} of a bare FastHttpUser (least: {LEAST_SHARE:.0%})")
    return "\n".join([*lines, verdict(figures)[1]])


if __name__ == "__main__":
    main()
