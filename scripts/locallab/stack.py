"""Which processes make the lab, in the order in which they start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configs.lab_ports import BACKEND, MOST_OFFSET, TWILIO, VENDORS, offset_of
from configs.settings import SettingsError, settings_with
from configs.targets import load_targets
from locallab.bootstrap import ROOT
from locallab.processes import LabError, Spec
from metrics.targets import TargetError

SUITE = ROOT / "locust"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the lab listens, on 127.0.0.1."""

    backend: int
    twilio: int
    vendors: int
    page: int
    bus: int

    @classmethod
    def from_environment(cls) -> Ports:
        """Give the design's ports, moved by `LAB_PORT_OFFSET`."""
        given = os.environ.get("LAB_PORT_OFFSET") or "0"
        try:
            offset = offset_of(given)
        except ValueError:
            wanted = f"a whole number from 0 to {MOST_OFFSET}"
            raise LabError(f"LAB_PORT_OFFSET is {given[:40]!r}; it takes {wanted}") from None
        return cls(BACKEND + offset, TWILIO + offset, VENDORS + offset, 8089 + offset, 5557 + offset)

    def needed(self, *, backend: bool, page: bool) -> dict[str, int]:
        """Give who listens on which port; the reference backend only where it is the target."""
        named = {"vendors": self.vendors, "twilio": self.twilio, "Locust master": self.bus}
        named |= {"Locust page": self.page} if page else {}
        return {"backend": self.backend, **named} if backend else named


def doubles(ports: Ports, *, backend: bool) -> list[Spec]:
    """Give the doubles, with the reference backend where it is the target."""
    webhook = {"STRIPE_WEBHOOK_URL": f"http://127.0.0.1:{ports.backend}/api/billing/webhook"}
    specs = [_double("vendors", ports.vendors, webhook if backend else None), _double("twilio", ports.twilio)]
    if backend:
        environment = {
            # A lab is for trying things out: cheap hashes, and tenants that can all take calls (docs/backend.md).
            "BACKEND_BCRYPT_ROUNDS": os.environ.get("BACKEND_BCRYPT_ROUNDS", "4"),
            "BACKEND_DIALABLE_TENANTS": os.environ.get("BACKEND_DIALABLE_TENANTS", "true"),
            "DEEPGRAM_AGENT_URL": f"ws://127.0.0.1:{ports.vendors}/deepgram/v1/agent/converse",
            "DEEPGRAM_LISTEN_URL": f"ws://127.0.0.1:{ports.vendors}/deepgram/v1/listen",
            "STRIPE_API_URL": f"http://127.0.0.1:{ports.vendors}/stripe",
            "ELEVENLABS_API_URL": f"http://127.0.0.1:{ports.vendors}/elevenlabs",
            "SENDGRID_API_URL": f"http://127.0.0.1:{ports.vendors}/sendgrid",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{ports.vendors}/openai/v1",
            "TWILIO_API_URL": f"http://127.0.0.1:{ports.twilio}",
            "FRONTEND_URL": f"http://127.0.0.1:{ports.backend}",
        }
        specs.append(_double("backend", ports.backend, environment))
    return specs


def suite_environment(ports: Ports, target: str | None, influx: str | None, run_id: str | None) -> dict[str, str]:
    """Give what the suite is told of the lab around it."""
    environment = {
        "LOAD_TEST_BASE_URL": target or f"http://127.0.0.1:{ports.backend}",
        "LAB_TWILIO_URL": f"http://127.0.0.1:{ports.twilio}",
        "LAB_VENDORS_URL": f"http://127.0.0.1:{ports.vendors}",
    }
    if influx:
        environment["INFLUX_URL"] = influx
    if run_id:
        environment["LAB_RUN_ID"] = run_id
    return environment


def check_suite(environment: Mapping[str, str]) -> None:
    """Raise `LabError` where the suite would refuse what it is told, before anything is started for it."""
    try:
        load_targets(settings_with(environment).targets_file)
    except (SettingsError, TargetError) as error:
        raise LabError(str(error)) from None


def scenarios(environment: Mapping[str, str]) -> list[str]:
    """Give the names of the user classes that `main_load_test.py` has, as Locust lists them."""
    command = [*_locust(), "--list"]
    listed = subprocess.run(
        command, cwd=SUITE, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        raise LabError(f"Locust could not list the user classes: {listed.stderr.strip()[-500:]}")
    return re.findall(r"^\s+(\w+)$", listed.stdout, re.MULTILINE)


def master(ports: Ports, environment: Mapping[str, str], arguments: Sequence[str], *, page: bool) -> Spec:
    """Give Locust's master, with its page or headless."""
    command = [*_locust(), "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(ports.bus)]
    command += ["--host", environment["LOAD_TEST_BASE_URL"]]
    if page:
        command += ["--web-host", "127.0.0.1", "--web-port", str(ports.page)]
    port, health = (ports.page, "/") if page else (None, None)
    return Spec("locust master", [*command, *arguments], SUITE, environment, port, health, hears_late=True)


def worker(number: int, ports: Ports, environment: Mapping[str, str]) -> Spec:
    """Give one of Locust's workers."""
    command = [*_locust(), "--worker", "--master-host", "127.0.0.1", "--master-port", str(ports.bus)]
    return Spec(f"locust worker {number}", command, SUITE, environment)


def _locust() -> list[str]:
    return [sys.executable, "-m", "locallab.locust_process", "-f", "main_load_test.py"]


def _double(name: str, port: int, environment: Mapping[str, str] | None = None) -> Spec:
    command = [sys.executable, "-m", f"mock_services.{name}", "--port", str(port)]
    return Spec(name, command, ROOT, environment or {}, port, "/__lab/health")
