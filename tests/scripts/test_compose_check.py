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
        "NanoCpus": 1_000_000_000,
    },
}
VERDICT: dict[str, Any] = {
    "verdict": "pass",
    "reasons": [],
    "reconciliation": [{"kind": kind, "double": 2} for kind in compose_check.TWO_SIDED],
    "targets": [{"name": "voice turn p95", "requests": 2}, {"name": "WebSocket connection average", "requests": 1}],
}


def test_a_lab_that_is_well_has_no_fault() -> None:
    assert compose_check.container_faults(WELL, SERVICES) == []
    assert compose_check.rights_faults([INSPECTED]) == []
    assert compose_check.smoke_faults(VERDICT) == []
    assert compose_check.secret_faults(["s3cret"], {"container a": "{}"}, {"image b": "COPY locust /lab"}) == []


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
        ("HostConfig", {"NanoCpus": 0}, "lab-backend-1 has no limit on cores"),
    ],
)
def test_a_right_too_many_is_named(where: str, differs: dict[str, Any], fault: str) -> None:
    inspected: dict[str, Any] = copy.deepcopy(INSPECTED)
    inspected[where] |= differs
    assert compose_check.rights_faults([inspected]) == [fault]


@pytest.mark.parametrize(
    ("inspected", "history", "fault"),
    [
        ('{"Env": ["TOKEN=s3cret"]}', "COPY a b", "container a shows a secret"),
        ("{}", "RUN echo s3cret", "image b shows a secret"),
        ("{}", "ENV INFLUX_TOKEN=other", "image b was made with INFLUX_TOKEN=other"),
    ],
)
def test_a_secret_that_is_shown_is_found_and_not_repeated(inspected: str, history: str, fault: str) -> None:
    (found,) = compose_check.secret_faults(["s3cret"], {"container a": inspected}, {"image b": history})
    assert found == fault


def without(key: str, name: str) -> Callable[[dict[str, Any]], None]:
    def drop(verdict: dict[str, Any]) -> None:
        verdict[key] = [each for each in verdict[key] if name not in each.values()]

    return drop


def failed(verdict: dict[str, Any]) -> None:
    verdict |= {"verdict": "fail", "reasons": ["too slow"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (failed, "the verdict is fail: ['too slow']"),
        (without("reconciliation", "calls"), "there were no calls"),
        (without("reconciliation", "call-status webhooks"), "there were no call-status webhooks"),
        (without("targets", "voice turn p95"), "nothing was measured of voice turn"),
        (without("targets", "WebSocket connection average"), "nothing was measured of WebSocket connection"),
    ],
)
def test_a_smoke_test_that_did_not_do_its_work_is_named(change: Callable[[dict[str, Any]], None], fault: str) -> None:
    verdict = copy.deepcopy(VERDICT)
    change(verdict)
    assert compose_check.smoke_faults(verdict) == [fault]


def test_without_docker_the_check_fails_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert compose_check.exit_code(compose_check.check_lab, SERVICES) == 1
    assert capsys.readouterr().err == "compose-smoke: docker compose ps ended with 1: no daemon.\n"
