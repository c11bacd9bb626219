"""A run that is killed with SIGKILL, and `scripts/cleanup` after it, against the real reference backend."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.suite_lab import SUITE, Lab, Suite, ended, running_lab
from tests.support.waiting import wait_until
from utils.ledger import Record, password_for, read_ledger

KILLED = "killed"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with running_lab(tmp_path) as running:
        yield running


def call(lab: Lab, path: str, body: Any = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{lab.backend}{path}", content, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def held(lab: Lab) -> dict[str, int]:
    """How many things of every kind the backend holds."""
    found: dict[str, int] = call(lab, "/__lab/metrics")
    return found


def contacts(lab: Lab, record: Record) -> int:
    """How many contacts the run's organisations hold, seen with the passwords that follow from its key."""
    found = 0
    for one in record.organisations:
        body = {"email": one["email"], "password": password_for(record.key, one["email"])}
        token = call(lab, "/api/auth/login", body)["access_token"]
        found += call(lab, "/api/crm/contacts", token=token)["total"]
    return found


def clean_up(lab: Lab, run_id: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "utils.leftovers", run_id]
    return subprocess.run(command, cwd=SUITE, env=lab.environment(), capture_output=True, text=True, check=False)


def test_what_a_killed_run_made_is_removed_and_nothing_else(lab: Lab) -> None:
    organisation = call(lab, "/api/organizations", {"name": "Ours", "subdomain": "ours"})
    me = {"email": "me@ours.example.com", "username": "me", "password": "a-good-word"}
    token = call(lab, "/api/auth/register/token", {**me, "access_code": organisation["access_code"]})["access_token"]
    call(lab, "/api/crm/contacts", {"business_name": "A", "contact_name": "Jo", "contact_email": "a@b.co"}, token)
    before = held(lab)

    suite = Suite(lab.environment(LAB_RUN_ID=KILLED), *("--headless", "--users", "16", "--spawn-rate", "16"))
    with ended(suite):
        suite.read_until("All users spawned")
        wait_until(lambda: held(lab)["rows"] > before["rows"] + 60, "rows of the run")
        assert "still under way" in clean_up(lab, KILLED).stderr
        suite.process.send_signal(signal.SIGKILL)
        suite.process.wait(10)
    record = read_ledger(lab.results / KILLED)
    assert record is not None
    assert "password" not in (lab.results / KILLED / "made.jsonl").read_text()
    assert contacts(lab, record) > 0
    assert len(lab.numbers()) == 1

    done = clean_up(lab, KILLED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "organisations with their administrators, which cannot be deleted" in done.stdout
    note = lab.cleanup(KILLED)
    assert note["removed"]["contacts"] > 0
    assert note["removed"]["users"] > 0
    assert lab.numbers() == []
    assert contacts(lab, record) == 0
    assert call(lab, "/api/crm/contacts", token=token)["total"] == 1
    after = held(lab)
    assert [after[kind] for kind in ("events", "conversations")] == [
        before[kind] for kind in ("events", "conversations")
    ]

    again = clean_up(lab, KILLED)
    assert again.returncode == 0
    assert "Nothing is left to remove" in again.stdout
