"""What every service of docker-compose.yml promises, read from the file itself (no Docker needed)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_services.backend.settings import Settings
from tests.support.compose_files import assert_few_rights

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"secrets"}
BY_PROFILE = {"smoke", "chaos"}
"""Services that are up only when their profile, of the same name, is asked for."""
PORTS = {"backend": 8001, "twilio": 8010, "vendors": 8020, "locust-master": 8089, "influxdb": 8086, "grafana": 3000}
each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {*PORTS, "locust-worker", *ONE_SHOT, *BY_PROFILE}


@each_service
def test_what_is_up_by_default_has_no_profile(name: str) -> None:
    assert SERVICES[name].get("profiles") == ([name] if name in BY_PROFILE else None)


def test_the_smoke_service_judges_as_the_master_does() -> None:
    """The same points, results and secrets; and a profile, without which it would not end by itself."""
    smoke, master = SERVICES["smoke"], SERVICES["locust-master"]
    assert smoke["volumes"] == master["volumes"]
    own = {"LAB_PROFILE": "${LAB_PROFILE:-smoke}", "LAB_RUN_ID": None}
    assert smoke["environment"] == master["environment"] | own
    assert {"--headless", "--processes"} <= set(smoke["command"])


def test_chaos_has_every_double_and_a_schedule_that_is_in_the_repository() -> None:
    _, script, schedule, *doubles = SERVICES["chaos"]["command"]
    assert Path(script).name == "chaos.py"
    assert doubles == [f"http://{name}:{PORTS[name]}" for name in ("backend", "twilio", "vendors")]
    assert (ROOT / schedule.removeprefix("${LAB_CHAOS:-").removesuffix("}")).is_file()


@each_service
def test_a_service_is_bounded_and_has_no_more_rights_than_it_needs(name: str) -> None:
    assert_few_rights(SERVICES[name])


@each_service
def test_a_service_says_when_it_is_well(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) != (name in ONE_SHOT or name == "smoke")


@each_service
def test_a_service_waits_for_what_it_needs_to_be_well(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
        assert how == {"condition": wanted}


@each_service
def test_ports_are_those_of_the_design_and_on_loopback_only(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    if name not in PORTS:
        assert ports == []
        return
    (port,) = ports
    assert re.fullmatch(rf"127\.0\.0\.1:\$\{{LAB_[A-Z]+_PORT:-{PORTS[name]}\}}:{PORTS[name]}", port)


@each_service
def test_a_public_image_is_pinned_by_version(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:
        assert re.fullmatch(r"[\w/.-]+:\d+\.\d+\.\d+", service["image"])


def test_the_base_image_is_pinned_by_version() -> None:
    dockerfile = (ROOT / "compose" / "lab.Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python:3\.\d+-slim-\w+$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE}", "python"}


@each_service
def test_no_secret_is_in_an_environment(name: str) -> None:
    """InfluxDB's and Grafana's come from files; what is written here are the doubles' documented values."""
    environment = SERVICES[name].get("environment", {})
    for variable, value in environment.items():
        if re.search(r"PASSWORD|TOKEN|SECRET", variable) and variable not in ("TWILIO_AUTH_TOKEN",):
            assert value is None or variable.endswith("_FILE"), variable


def test_suite_and_doubles_agree_on_accounts() -> None:
    for variable in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "DEEPGRAM_API_KEY"):
        values = {
            SERVICES[name]["environment"][variable]
            for name in ("backend", "twilio", "vendors", "locust-master", "locust-worker")
        }
        assert len(values) == 1


def test_the_backend_is_told_where_each_vendor_is() -> None:
    """Its own defaults are for processes on one machine; in a container they would lead to itself."""
    environment = SERVICES["backend"]["environment"]
    told = {}
    for field in Settings.model_fields.values():
        for service in ("twilio", "vendors"):
            if f"127.0.0.1:{PORTS[service]}" in (default := str(field.default)):
                variable = str(field.validation_alias)
                told[variable] = f"${{{variable}:-{default.replace('127.0.0.1', service).rstrip('/')}}}"
    assert told
    assert told.items() <= environment.items()


def test_every_mounted_volume_is_declared_and_every_declared_one_is_mounted() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("."))


def test_env_example_lists_every_variable_with_its_default() -> None:
    texts = [TEXT, *(path.read_text() for path in sorted((ROOT / "compose").glob("*.yml")))]
    with_default = {name: value for text in texts for name, value in re.findall(r"\$\{(\w+):-([^}]*)\}", text)}
    passed_on = {name for text in texts for name in re.findall(r"^ {2,6}([A-Z]\w+):$", text, re.MULTILINE)}
    listed = dict(re.findall(r"^#?(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert listed == with_default | dict.fromkeys(passed_on, "")


def test_the_home_dashboard_exists() -> None:
    grafana = SERVICES["grafana"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    mounts = dict(mount.split(":")[:2][::-1] for mount in grafana["volumes"])
    assert json.loads((ROOT / mounts[str(home.parent)] / home.name).read_text())["title"] == "Live run"


def test_the_build_context_holds_only_what_images_are_made_of() -> None:
    first, *rest = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert first == "*"
    allowed = [line[1:] for line in rest if line.startswith("!")]
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$",
        (ROOT / "compose" / "lab.Dockerfile").read_text()
        + (ROOT / "compose" / "offline" / "influxdb" / "Dockerfile").read_text()
        + (ROOT / "compose" / "intercept" / "client" / "Dockerfile").read_text(),
        re.MULTILINE,
    )
    sources = {source for line in copied for source in line.split()}
    assert all(any(Path(source).match(pattern) for pattern in allowed) for source in sources)
    assert all(any(Path(source).match(pattern) for source in sources) for pattern in allowed)
