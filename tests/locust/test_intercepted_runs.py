"""Whole runs in a lab with a sentinel: what tried to leave is in the verdict, and not to know is no pass."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.resolver
import httpx
import psutil
import pytest

from tests.support.doubles import double
from tests.support.ports import free_port
from tests.support.suite_lab import Lab, Suite, ended, running_lab

SETTINGS = {"LAB_SENTINEL_DNS_PORT": "0", "LAB_SENTINEL_REFUSED_PORTS": "0"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as doubles:
        yield doubles


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[str]:
    with double("sentinel", tmp_path, **SETTINGS) as address:
        yield address


@contextmanager
def running(lab: Lab, sentinel: str, **changes: str) -> Iterator[Suite]:
    """A short run that asks the sentinel, ended at the latest with the block."""
    run = Suite(
        lab.environment(LAB_SENTINEL_URL=f"http://{sentinel}", SIMULATE_EXTERNAL_SERVICES="false", **changes),
        *("--headless", "--only-summary", "--users", "2", "--spawn-rate", "2", "--run-time", "3s"),
        locustfile="scenarios/crm_load_test.py",
    )
    with ended(run):
        yield run


def metrics(sentinel: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{sentinel}/__lab/metrics") as answer:
        found: dict[str, Any] = json.load(answer)["sentinel"]
    return found


def try_to_leave(sentinel: str, host: str) -> int:
    """Look a name up at the sentinel and call where it says, as a program in the lab does; give the port."""
    found = metrics(sentinel)
    names = dns.resolver.Resolver(configure=False)
    names.nameservers, names.port = ["127.0.0.1"], found["dns_port"]
    address = names.resolve(host, "A", search=False)[0].to_text()
    (port,) = found["refused_ports"]
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{address}:{port}/", headers={"Host": host})
    return int(port)


def test_a_run_counts_its_own_time_alone(lab: Lab, sentinel: str) -> None:
    try_to_leave(sentinel, "earlier.example.org")
    with running(lab, sentinel, LAB_RUN_ID="quiet") as run:
        assert run.finish(90) == 0, run.output
    interception = lab.verdict("quiet")["interception"]
    assert (interception["left"], interception["refused"], interception["unknown"]) == (0, {}, "")
    assert "Interception: 0 requests left the lab" in run.output


def test_what_tries_to_leave_in_a_run_makes_it_invalid_unless_it_is_tolerated(lab: Lab, sentinel: str) -> None:
    with running(lab, sentinel, LAB_RUN_ID="stray", LAB_TOLERATED_NAMES="cache.example.org") as run:
        run.read_until("All users spawned")
        port = try_to_leave(sentinel, "telemetry.example.org")
        try_to_leave(sentinel, "cache.example.org")
        assert run.finish(90) == 2, run.output
    verdict = lab.verdict("stray")
    assert verdict["reasons"] == [
        "something tried to leave the lab: 1 lookup and 1 refused connection, to telemetry.example.org"
    ]
    assert verdict["interception"]["refused"] == {f"telemetry.example.org:{port}": 1, f"cache.example.org:{port}": 1}


def test_a_sentinel_that_is_gone_at_the_end_leaves_it_unknown(lab: Lab, tmp_path: Path) -> None:
    with double("sentinel", tmp_path, **SETTINGS) as sentinel, running(lab, sentinel, LAB_RUN_ID="gone") as run:
        run.read_until("All users spawned")
        port = int(sentinel.rpartition(":")[2])
        children = psutil.Process().children(recursive=True)
        (pid,) = (
            child.pid
            for child in children
            if any(found.laddr.port == port for found in child.net_connections() if found.status == psutil.CONN_LISTEN)
        )
        os.kill(pid, signal.SIGTERM)
        assert run.finish(90) == 2, run.output
    verdict = lab.verdict("gone")
    assert verdict["interception"]["left"] is None
    assert verdict["reasons"][0].startswith("whether a request left the lab is not known: the sentinel did not say: ")


def test_a_run_does_not_begin_without_the_sentinel_that_it_was_told_of(lab: Lab) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    for url, sentence in (
        (nobody, f"http://{nobody} does not answer (connection refused)"),
        (lab.twilio, f"LAB_SENTINEL_URL holds http://{lab.twilio}, where no sentinel answers."),
    ):
        with running(lab, url) as run:
            assert run.finish(60) == 3
        assert sentence in run.output
