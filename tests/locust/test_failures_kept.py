"""A failing run can be looked into from its results: the first failing exchanges stand there, without a credential."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.suite_lab import Lab, Suite, ended, running_lab
from tests.support.waiting import wait_until

SCENARIO = """
import os
from locust import task
from scenarios.base import PlatformUser
from scenarios.suite import install

install()


class WrongUser(PlatformUser):
    thinks_between = (0.05, 0.05)

    @task
    def go_wrong(self) -> None:
        session, account = self.api.session, self.grant.account
        body = {"email": account.email, "password": account.password}
        with open(os.environ["WITNESS"], "a") as file:
            file.write(f"{account.password}\\n{session.tokens.access}\\n{session.tokens.refresh}\\n")
        session.send("POST", "/api/auth/login", body=body, expected=418, authorised=False)
        session.send("POST", "/api/auth/login", name="/api/auth/login [query]", params=body, authorised=False)
        session.send("GET", "/api/crm/contacts/11111111-1ab0-4000-8000-000000000000", name="/api/crm/contacts/{id}")
"""
LOGIN, QUERY, CONTACT = "/api/auth/login", "/api/auth/login [query]", "/api/crm/contacts/{id}"


def failing_run(lab: Lab, directory: Path, run_id: str, *arguments: str) -> tuple[Suite, Suite]:
    """A master and its worker, whose users fail in three ways."""
    locustfile = directory / "wrong.py"
    locustfile.write_text(SCENARIO)
    environment = lab.environment(
        LAB_RUN_ID=run_id, WITNESS=str(directory / "witness"), SIMULATE_EXTERNAL_SERVICES="false"
    )
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "1"]
    options = ("--headless", "--only-summary", "--users", "3", "--spawn-rate", "3", *arguments)
    master = Suite(environment, *bus, *options, locustfile=str(locustfile))
    home = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    return master, Suite(environment, *home, locustfile=str(locustfile))


def kept(lab: Lab, run_id: str) -> list[dict[str, Any]]:
    lines = (lab.results / run_id / "failures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def credentials_in_results(lab: Lab, witness: Path) -> list[str]:
    """The files of all results that hold a password or a token that the users held."""
    secrets = set(witness.read_text().split())
    assert len(secrets) >= 3
    files = [path for path in lab.results.rglob("*") if path.is_file() and not path.is_symlink()]
    texts = {path.name: path.read_text(errors="replace") for path in files}
    return [name for name, text in texts.items() if "eyJ" in text or any(secret in text for secret in secrets)]


def test_the_first_failing_exchanges_of_a_run_are_kept_without_a_credential(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        master, worker = failing_run(lab, tmp_path, "wrong", "--run-time", "4s")
        with ended(master, worker):
            assert master.finish() == 1, master.output
        exchanges = kept(lab, "wrong")
        names = [each["name"] for each in exchanges]
        assert [names.count(name) for name in (LOGIN, QUERY, CONTACT)] == [5, 5, 5]
        contact = exchanges[names.index(CONTACT)]
        assert (
            contact.items()
            >= {
                "worker": 1,
                "scenario": "WrongUser",
                "method": "GET",
                "path": "/api/crm/contacts/11111111-1ab0-4000-8000-000000000000",
                "status": 404,
                "outcome": "http_4xx",
                "reason": "status 404, expected 200",
                "request_body": None,
            }.items()
        )
        assert isinstance(contact["user"], int)
        assert 0 <= contact["second"] < 6
        assert contact["latency_ms"] > 0
        assert "detail" in json.loads(contact["response_body"])
        login, query = exchanges[names.index(LOGIN)], exchanges[names.index(QUERY)]
        assert json.loads(login["request_body"])["password"] == "[hidden]"
        assert re.fullmatch(r"user-\d@[\w.-]+", json.loads(login["request_body"])["email"])
        assert re.fullmatch(r"/api/auth/login\?email=user-\d@[\w.-]+&password=\[hidden\]", query["path"])
        assert json.loads(login["response_body"]).items() >= {"access_token": "[hidden]"}.items()
        verdict = lab.verdict("wrong")
        counted = verdict["failing_exchanges"]
        assert counted["kept"] == len(exchanges)
        assert counted["kept"] + counted["left_out"] == verdict["totals"]["failures"]
        summary = (lab.results / "wrong" / "summary.md").read_text()
        assert f"First failures ({len(exchanges)} with their bodies in failures.jsonl" in summary
        assert len(re.findall(r"^\| [\d.]+ \| WrongUser \d+ \|", summary, re.MULTILINE)) == 3
        assert "failures.jsonl" in (lab.results / "wrong" / "report.html").read_text()
        assert credentials_in_results(lab, tmp_path / "witness") == []


def test_a_master_that_is_killed_leaves_what_it_had(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        master, worker = failing_run(lab, tmp_path, "killed", "--run-time", "5m")
        with ended(master, worker):
            wait_until((lab.results / "killed" / "failures.jsonl").exists, "the first failures", 40)
            os.kill(master.process.pid, signal.SIGKILL)
            master.finish()
        assert {each["name"] for each in kept(lab, "killed")} == {LOGIN, QUERY, CONTACT}
        assert credentials_in_results(lab, tmp_path / "witness") == []
