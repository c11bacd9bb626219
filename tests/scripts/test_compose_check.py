"""What `scripts/compose-smoke` holds a composed lab to: each thing that can be wrong is found and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import compose_check
import pytest

SERVICES = ["secrets", "backend", "locust-master", "locust-worker"]


def container(name: str, service: str, **differs: Any) -> dict[str, Any]:
    whole = {"Name": name, "Service": service, "State": "running", "Health": "healthy", "ExitCode": 0, "Publishers": []}
    return whole | differs


WELL = [
    container("lab-secrets-1", "secrets", State="exited", Health=""),
    container("lab-backend-1", "backend", Publishers=[{"URL": "127.0.0.1", "PublishedPort": 8001}]),
    container("lab-locust-master-1", "locust-master", Publishers=[{"URL": "", "PublishedPort": 0}]),
    container("lab-locust-worker-1", "locust-worker"),
    container("lab-locust-worker-2", "locust-worker", Publishers=None),
]
INSPECTED = {
    "Name": "/lab-backend-1",
    "Config": {"User": "1000:1000"},
    "HostConfig": {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "SecurityOpt": ["no-new-privileges:true"],
        "Memory": 536870912,
    },
}
STATS: dict[str, Any] = {
    "errors": [],
    "stats": [
        {"method": "POST", "name": "POST /api/auth/login", "num_requests": 5},
        {"method": "GET", "name": "GET /api/crm/contacts", "num_requests": 5},
        *({"method": "CALL", "name": step, "num_requests": 1} for step in compose_check.CALL_STEPS),
        {"method": "", "name": "Aggregated", "num_requests": 14},
    ],
}


def test_a_lab_that_is_well_has_no_fault() -> None:
    assert compose_check.container_faults(WELL, SERVICES) == []
    assert compose_check.rights_faults([INSPECTED]) == []
    assert compose_check.run_faults(STATS) == []


@pytest.mark.parametrize(
    ("place", "differs", "fault"),
    [
        (0, {"State": "running"}, "lab-secrets-1 is running with code 0"),
        (0, {"ExitCode": 1}, "lab-secrets-1 is exited with code 1"),
        (1, {"Health": "unhealthy"}, "lab-backend-1 is unhealthy"),
        (1, {"Health": "", "State": "exited"}, "lab-backend-1 is exited"),
        (1, {"Publishers": [{"URL": "0.0.0.0", "PublishedPort": 80}]}, "lab-backend-1 publishes port 80 on 0.0.0.0"),
        (4, {"Service": "other"}, "locust-worker has 1 containers, not 2"),
    ],
)
def test_a_container_that_is_not_well_is_named(place: int, differs: dict[str, Any], fault: str) -> None:
    containers = copy.deepcopy(WELL)
    containers[place] |= differs
    assert compose_check.container_faults(containers, SERVICES) == [fault]


def test_a_service_without_a_container_is_named() -> None:
    assert compose_check.container_faults(WELL, [*SERVICES, "twilio"]) == ["twilio has 0 containers, not 1"]


@pytest.mark.parametrize(
    ("where", "differs", "fault"),
    [
        ("Config", {"User": ""}, "lab-backend-1 runs as root"),
        ("Config", {"User": "0:0"}, "lab-backend-1 runs as root"),
        ("HostConfig", {"ReadonlyRootfs": False}, "lab-backend-1 can write to its image"),
        ("HostConfig", {"CapDrop": None}, "lab-backend-1 has capabilities"),
        ("HostConfig", {"CapAdd": ["NET_ADMIN"]}, "lab-backend-1 has capabilities"),
        ("HostConfig", {"SecurityOpt": None}, "lab-backend-1 may gain privileges"),
        ("HostConfig", {"Memory": 0}, "lab-backend-1 has no memory limit"),
    ],
)
def test_a_right_too_many_is_named(where: str, differs: dict[str, Any], fault: str) -> None:
    inspected: dict[str, Any] = copy.deepcopy(INSPECTED)
    inspected[where] |= differs
    assert compose_check.rights_faults([inspected]) == [fault]


def failed(stats: dict[str, Any]) -> None:
    stats["errors"].append({"method": "CALL", "name": "turn", "error": "no answer"})


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def drop(stats: dict[str, Any]) -> None:
        next(row for row in stats["stats"] if row["name"] == name)["num_requests"] = 0

    return drop


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (failed, "CALL turn failed: no answer"),
        (without("first audio"), "no call came to its first audio"),
        (without("POST /api/auth/login"), "nothing was asked of /api/auth/"),
        (without("GET /api/crm/contacts"), "nothing was asked of /api/crm/"),
    ],
)
def test_a_run_that_did_not_do_its_work_is_named(change: Callable[[dict[str, Any]], None], fault: str) -> None:
    stats = copy.deepcopy(STATS)
    change(stats)
    assert compose_check.run_faults(stats) == [fault]


def test_without_docker_the_check_fails_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert compose_check.exit_code(compose_check.check_lab, SERVICES) == 1
    assert capsys.readouterr().err == "compose-smoke: docker compose ps ended with 1: no daemon.\n"
