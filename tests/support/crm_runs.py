"""The CRM scenario as processes, against a small target in this process whose answers a test can change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.platform_target import Reply, Request, Target, running_target
from tests.support.suite_lab import Suite, clean_environment

PROFILES = """
[two]
stages = [
    { users = 2, spawn_rate = 10, run_time = "2s" },
    { users = 6, spawn_rate = 10, run_time = "3s" },
]
[long]
stages = [{ users = 3, spawn_rate = 10, run_time = "5m" }, { users = 6, spawn_rate = 10, run_time = "5m" }]
[climb]
climb = { by = 10, every = "4s", to = 60 }
spawn_rate = 20
until_target_breaks = true
[slow-start]
users = 60
spawn_rate = 2
run_time = "3s"
[slow-stage]
stages = [
    { users = 40, spawn_rate = 2, run_time = "3s" },
    { users = 4, spawn_rate = 50, run_time = "2s" },
    { users = 12, spawn_rate = 50, run_time = "2s" },
]
[open]
users = 8
spawn_rate = 50
run_time = "4s"
arrivals_per_second = 5
"""
COLLAPSE = """
[[target]]
name = "collapse"
group = "crm"
measure = "error_percent"
limit = 50
window = "3 s"
stop = true
"""
BOTH_LATENCIES = """
[[target]]
name = "sent"
group = "crm"
measure = "avg_ms"
limit = 60_000
[[target]]
name = "due"
group = "crm"
measure = "intended_avg_ms"
limit = 60_000
"""
SLOW_TO_STOP = """
import gevent
from scenarios.crm_load_test import *

stop = CrmUser.on_stop

def slowly(self):
    gevent.sleep(1.5)
    stop(self)

CrmUser.on_stop = slowly
"""


@contextmanager
def crm_target() -> Iterator[Target]:
    """A target that has what the scenario cannot do without: accounts, and a list of contacts."""
    with running_target() as started:
        described = {"id": "o1", "name": "Ours", "access_code": "code"}
        tokens = {"access_token": "a", "refresh_token": "r", "token_type": "bearer"}
        paths: dict[str, Any] = {"/api/auth/login": {"post": {}}, "/api/crm/contacts": {"get": {}}}

        def listed(request: Request) -> Reply:
            page = {"items": [], "total": 0, "page": 1, "page_size": int(request.query["page_size"]), "total_pages": 0}
            return 200, page

        started.on("GET /openapi.json", (200, {"paths": paths}))
        started.on("POST /api/organizations/register", (200, {"organization": described, **tokens}))
        started.on("POST /api/auth/register/token", (200, tokens))
        started.on("POST /api/auth/login", (200, tokens))
        started.on("GET /api/crm/contacts", listed)
        yield started


class Runs:
    """Runs of the CRM scenario with a profile, and what they leave."""

    def __init__(self, target: Target, directory: Path) -> None:
        self._target = target
        self.directory = directory
        (directory / "profiles.toml").write_text(PROFILES)

    def environment(self, profile: str, **changes: str) -> dict[str, str]:
        own = {"LOAD_TEST_BASE_URL": self._target.url, "LAB_RESULTS_DIR": str(self.directory), "LAB_RUN_ID": "run"}
        own |= {"LAB_PROFILE": profile, "LAB_PROFILES_FILE": str(self.directory / "profiles.toml")}
        return clean_environment(**own | changes)

    def start(self, profile: str, *arguments: str, locustfile: str = "scenarios/crm_load_test.py", **c: str) -> Suite:
        options = ("--headless", "--only-summary", *arguments)
        return Suite(self.environment(profile, **c), *options, locustfile=locustfile)

    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "run" / "verdict.json").read_text())
        return found

    def both_latencies(self) -> str:
        """A file of targets that measure the average from the send and from when each request was due."""
        path = self.directory / "targets.toml"
        path.write_text(BOTH_LATENCIES)
        return str(path)

    def averages(self) -> tuple[float, float]:
        """What these two measured."""
        sent, due = (target["value"] for target in self.verdict()["targets"])
        return sent, due
