"""compose/intercept.yml: nothing of the lab is left on a network with a way out, and every vendor is intercepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from mock_services.core.vendor_hosts import VENDOR_HOSTS
from mock_services.elevenlabs.settings import ElevenLabsSettings
from mock_services.openai.settings import OpenAISettings
from mock_services.sendgrid.settings import SendGridSettings
from mock_services.stripe.settings import StripeSettings
from mock_services.vendors.app import VENDORS
from tests.support.compose_files import assert_few_rights

ROOT = Path(__file__).parents[2]


class _Overlay(yaml.SafeLoader):
    """Reads Compose's own tags: `!reset` takes a setting of the file below away."""


_Overlay.add_constructor("!reset", lambda _loader, _node: None)


def load(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load((ROOT / name).read_text(), _Overlay)
    return read


BASE = load("docker-compose.yml")
OVERLAY = load("compose/intercept.yml")
SERVICES: dict[str, dict[str, Any]] = OVERLAY["services"]
ADDRESS = "${LAB_SENTINEL_ADDRESS:-198.18.53.53}"
SHOWN = {"locust-master", "influxdb", "grafana"}
OWN = {"certificates", "sentinel", "sdk-client"}


def test_every_service_of_the_lab_is_inside() -> None:
    networked = {name for name, service in BASE["services"].items() if service.get("network_mode") != "none"}
    assert networked | OWN == set(SERVICES)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"certificates"}))
def test_a_service_is_on_the_internal_network_and_asks_the_sentinel(name: str) -> None:
    service = SERVICES[name]
    assert list(service["networks"]) == (["inside", "pages"] if name in SHOWN else ["inside"])
    assert service["dns"] == [ADDRESS]
    assert service["dns_search"] == ["."]


def test_the_certificates_are_made_without_a_network() -> None:
    assert SERVICES["certificates"]["network_mode"] == "none"


def test_no_network_has_a_way_out() -> None:
    assert set(OVERLAY["networks"]) == {"inside", "pages"}
    assert OVERLAY["networks"]["inside"]["internal"] is True
    assert OVERLAY["networks"]["pages"]["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}


def test_only_what_is_shown_publishes_a_port() -> None:
    """A port of a container that is on an internal network alone would be promised and not be there."""
    for name, service in BASE["services"].items():
        if "ports" in service:
            assert (name in SHOWN) != ("ports" in SERVICES[name] and SERVICES[name]["ports"] is None)


@pytest.mark.parametrize("name", sorted(OWN))
def test_what_the_overlay_adds_has_no_more_rights_than_the_rest(name: str) -> None:
    assert_few_rights(SERVICES[name])
    assert "ports" not in SERVICES[name]


def test_only_the_doubles_hold_the_key_and_nobody_writes_what_clients_trust() -> None:
    mounts = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    assert {name for name, all_of_it in mounts.items() if any("tls-server" in one for one in all_of_it)} == {
        *("certificates", "twilio", "vendors")
    }
    writers = {
        name for name, all_of_it in mounts.items() if any("tls-" in one and ":ro" not in one for one in all_of_it)
    }
    assert writers == {"certificates"}
    assert set(OVERLAY["volumes"]) == {"tls-server", "tls-clients"}


@pytest.mark.parametrize("name", ["twilio", "vendors"])
def test_a_double_keeps_its_plain_door_and_opens_another(name: str) -> None:
    command, plain = SERVICES[name]["command"], BASE["services"][name]["command"]
    assert command[: len(plain)] == plain
    assert command[len(plain) :] == ["--tls-port", "443", "--tls-dir", "/run/lab/tls"]


def test_the_backend_calls_every_vendor_at_its_real_name() -> None:
    told = {value for value in SERVICES["backend"]["environment"].values() if "://" in value}
    assert {re.fullmatch(r"(?:https|wss)://([^/]+)(/.*)?", url)[1] for url in told} == set(VENDOR_HOSTS)  # type: ignore[index]
    overridden = {
        name for name, value in BASE["services"]["backend"]["environment"].items() if value and "://" in value
    }
    assert overridden == {name for name, value in SERVICES["backend"]["environment"].items() if "://" in value}


def test_the_client_calls_every_vendor() -> None:
    text = (ROOT / "compose" / "intercept" / "client" / "calls.py").read_text()
    assert set(re.findall(r'\("(?:https|wss)://(\S+) ', text)) == set(VENDOR_HOSTS)
    sdks = re.findall(r"^([\w-]+)==", (ROOT / "requirements" / "sdks.txt").read_text(), re.MULTILINE)
    assert {"twilio", *VENDORS} - {"deepgram"} < set(sdks)
    assert "deepgram-sdk" in sdks


def test_the_master_asks_the_sentinel_where_it_listens() -> None:
    command = SERVICES["sentinel"]["command"]
    port = command[command.index("--port") + 1]
    assert SERVICES["locust-master"]["environment"]["LAB_SENTINEL_URL"] == f"http://sentinel:{port}"
    assert SERVICES["sentinel"]["environment"]["LAB_SENTINEL_ADDRESS"] == ADDRESS
    assert SERVICES["sentinel"]["networks"] == {"inside": {"ipv4_address": ADDRESS}}


PLATFORM = load("compose/platform.yml")["services"]


def test_the_platforms_image_keeps_the_overlays_network_and_trust() -> None:
    """Compose joins lists and maps: what is not said again stays as the overlay has it."""
    assert not {"networks", "dns", "dns_search", "volumes", "ports"} & set(PLATFORM["backend"])
    assert not set(SERVICES["backend"]["environment"]) & set(PLATFORM["backend"]["environment"])


def test_the_platform_brings_keys_that_the_doubles_take() -> None:
    """The platform has none of its own for what it is not told, and starts only with keys of the vendors' shapes."""
    settings: dict[str, type[BaseSettings]] = {
        "ELEVENLABS_API_KEY": ElevenLabsSettings,
        "OPENAI_API_KEY": OpenAISettings,
        "SENDGRID_API_KEY": SendGridSettings,
    }
    for variable, model in settings.items():
        default = model.model_fields["api_key"].default
        assert PLATFORM["backend"]["environment"][variable] == f"${{{variable}:-{default}}}"
    stripe = StripeSettings.model_fields["secret_key"].default
    assert PLATFORM["backend"]["environment"]["STRIPE_SECRET_KEY"] == f"${{STRIPE_SECRET_KEY:-{stripe}}}"


def test_its_database_is_inside_and_nowhere_else() -> None:
    database = PLATFORM["postgres"]
    assert database["networks"] == ["inside"]
    assert database["dns"] == [ADDRESS]
    assert "ports" not in database
    assert re.fullmatch(r"postgres:\d+\.\d+", database["image"])
    assert_few_rights(database)
