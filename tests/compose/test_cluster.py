"""compose/cluster.yml opens the lab to other machines' workers, and compose/worker.yml is such a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.support.compose_files import assert_few_rights

ROOT = Path(__file__).parents[2]


def load(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return read


BASE = load("docker-compose.yml")["services"]
OPENED = load("compose/cluster.yml")["services"]
(WORKER,) = load("compose/worker.yml")["services"].values()
BUS = "5557"


def test_only_what_workers_need_is_opened_and_only_where_an_address_is_named() -> None:
    ports = {name: service["ports"] for name, service in OPENED.items()}
    assert {name: [port.split(":")[-2:] for port in listed] for name, listed in ports.items()} == {
        "locust-master": [[BUS, BUS]],
        "backend": [["8001", "8001"]],
        "twilio": [["8010", "8010"]],
    }
    assert all(port.startswith("${LAB_MASTER_ADDRESS:") for listed in ports.values() for port in listed)
    assert ports["locust-master"][0].startswith("${LAB_MASTER_ADDRESS:?"), "without an address there is no lab"
    assert all(set(service) == {"ports"} for service in OPENED.values())


def test_a_worker_elsewhere_has_no_more_rights_than_one_here() -> None:
    assert_few_rights(WORKER)
    assert "ports" not in WORKER
    here = BASE["locust-worker"]
    for key in ("image", "tmpfs", "ulimits", "mem_limit", "cpus", "stop_grace_period", "healthcheck", "deploy"):
        assert WORKER[key] == here[key], key


def test_a_worker_elsewhere_finds_by_the_labs_names_what_is_opened() -> None:
    assert WORKER["command"][:-1] == BASE["locust-worker"]["command"][:-1]
    assert WORKER["command"][-1].startswith("${LAB_MASTER_ADDRESS:?")
    named = {host.split(":")[0] for host in WORKER["extra_hosts"] if "LAB_MASTER_ADDRESS" in host}
    assert named == set(OPENED) - {"locust-master"}


def test_a_worker_elsewhere_is_told_what_one_here_is_told() -> None:
    """The vendors' keys are for the backend, and the vendors' counts are for the master."""
    here = BASE["locust-worker"]["environment"]
    assert WORKER["environment"].items() <= here.items()
    unneeded = {"LAB_VENDORS_URL", "DEEPGRAM_API_KEY", "TWILIO_PHONE_NUMBER"}
    keys = {name for name in here if name.startswith(("SENDGRID", "OPENAI", "STRIPE", "ELEVENLABS"))}
    assert set(here) - set(WORKER["environment"]) == unneeded | keys
