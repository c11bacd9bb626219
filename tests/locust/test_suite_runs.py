"""The whole suite as processes: against the reference backend with real calls, and everything that must stop it."""

import csv
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.doubles import ROOT
from tests.support.ports import free_port
from tests.support.suite_lab import SUITE, Lab, Suite, clean_environment, ended, running_lab
from tests.support.waiting import wait_until

AREAS = ("authentication", "crm", "telephony")
CALL_STEPS = {"answer", "connect", "first audio", "turn", "complete"}
TROUBLE = re.compile(r"/(WARNING|ERROR|CRITICAL)/|Traceback")
WEIGHTS = {
    "auth": ("AuthUser", {"login": 0.4, "registration": 0.3, "profile": 0.2, "logout": 0.1}),
    "crm": ("CrmUser", {"read": 0.5, "create": 0.3, "update": 0.15, "delete": 0.05}),
    "telephony": ("TelephonyUser", {"look": 0.5, "verification": 0.2, "call": 0.15, "review": 0.15}),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def distributed(environment: dict[str, str], *arguments: str) -> tuple[Suite, list[Suite]]:
    port = str(free_port())
    bus = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"]
    master = Suite(environment, *bus, *arguments)
    workers = [Suite(environment, "--worker", "--master-host", "127.0.0.1", "--master-port", port) for _ in range(2)]
    return master, workers


def trouble(output: str) -> list[str]:
    """Lines of a log that tell of anything but a task that the target cannot serve yet."""
    return [line for line in output.splitlines() if TROUBLE.search(line) and "Skipped: " not in line]


def test_a_run_over_two_workers_passes_with_real_calls_and_leaves_nothing(lab: Lab) -> None:
    environment = lab.environment(LAB_RUN_ID="first", LAB_CALLER_SCRIPT="default")
    master, workers = distributed(
        environment, "--headless", "--only-summary", "--users", "9", "--spawn-rate", "9", "--run-time", "14s"
    )
    with ended(master, *workers):
        code = master.finish()
        assert [worker.finish() for worker in workers] == [0, 0]
    assert code == 0, master.output
    assert [line for suite in (master, *workers) for line in trouble(suite.output)] == []
    verdict = lab.verdict("first")
    assert verdict["verdict"] == "pass"
    for area in AREAS:
        assert verdict["areas"][area]["requests"] > 0
        assert verdict["areas"][area]["failures"] == 0
    with (lab.results / "first" / "lab_stats.csv").open() as file:
        rows = [(row["Type"], row["Name"], int(row["Request Count"])) for row in csv.DictReader(file)]
    assert {name for kind, name, count in rows if kind == "CALL" and count} == CALL_STEPS
    assert all(re.fullmatch(r"/[a-z/{}-]+( \[[a-z ]+\])?", name) for kind, name, _ in rows if kind in ("GET", "POST"))
    removed = lab.cleanup("first")["removed"]
    assert removed["contacts"] > 0
    assert removed["users"] >= 8
    assert removed["numbers"] == 1
    assert lab.numbers() == []
    assert all(re.match(r"\d+ organisations? with ", line) for line in lab.cleanup("first")["left"])
    assert lab.cleanup("first")["mark"] == "first"


def test_an_interrupted_run_ends_with_its_verdict_and_its_clean_up(lab: Lab, tmp_path: Path) -> None:
    targets = tmp_path / "targets.toml"  # no slow answer of a busy machine is to fail the run
    targets.write_text('[[target]]\nname = "errors"\ngroup = "crm"\nmeasure = "error_percent"\nlimit = 50\n')
    suite = Suite(
        lab.environment(LAB_RUN_ID="interrupted", LAB_TARGETS_FILE=str(targets)),
        *("--headless", "--only-summary", "--users", "6", "--spawn-rate", "6", "--run-time", "10m"),
    )
    with ended(suite):
        suite.read_until("All users spawned")
        wait_until(lambda: len(lab.numbers()) == 1, "number for the calls")
        suite.interrupt()
        assert suite.finish() == 2, suite.output
    assert lab.verdict("interrupted")["interrupted"] is True
    assert lab.verdict("interrupted")["areas"]["crm"]["requests"] > 0
    assert lab.numbers() == []
    assert lab.cleanup("interrupted")["removed"]["users"] >= 5


def test_tokens_that_live_for_seconds_are_renewed_before_any_is_refused(tmp_path: Path) -> None:
    with running_lab(tmp_path, BACKEND_ACCESS_TOKEN_S="3") as brief:
        suite = Suite(
            brief.environment(LAB_RUN_ID="brief"),
            *("--headless", "--only-summary", "--users", "6", "--spawn-rate", "6", "--run-time", "8s"),
            locustfile="scenarios/crm_load_test.py",
        )
        with ended(suite):
            assert suite.finish() == 0, suite.output
        assert trouble(suite.output) == []
        assert re.search(r"POST +/api/auth/refresh +\d+", suite.output)
        assert brief.verdict("brief")["areas"]["crm"]["failures"] == 0


def test_an_unsigned_webhook_is_a_failed_call(tmp_path: Path) -> None:
    """Whoever signs with another token than the target's is refused by a 200 with the error TwiML."""
    with running_lab(tmp_path, TWILIO_AUTH_TOKEN="another-token-than-the-doubles") as wrong:
        suite = Suite(
            wrong.environment(LAB_RUN_ID="unsigned"),
            *("--headless", "--only-summary", "--users", "2", "--spawn-rate", "2", "--run-time", "5s"),
            locustfile="scenarios/telephony_load_test.py",
        )
        with ended(suite):
            assert suite.finish() == 1, suite.output
        assert "CALL answer: CallFailure('call-rejected')" in suite.output
    lines = (wrong.results / "unsigned" / "failures.jsonl").read_text().splitlines()
    answer = next(each for each in map(json.loads, lines) if (each["method"], each["name"]) == ("CALL", "answer"))
    assert (answer["scenario"], answer["reason"], answer["waited_for"]) == ("TelephonyUser", "call-rejected", "answer")
    assert re.fullmatch("CA[0-9a-f]{32}", answer["call_sid"])
    assert answer["call_sid"] in answer["last_messages"][-1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"LOAD_TEST_BASE_URL": "http://127.0.0.1:1"}, "The target http://127.0.0.1:1 does not answer"),
        ({"LOAD_TEST_BASE_URL": "nonsense"}, "LOAD_TEST_BASE_URL holds 'nonsense', but takes"),
        ({"LAB_TWILIO_URL": "http://127.0.0.1:1"}, "The Twilio double at http://127.0.0.1:1 does not answer"),
        ({"LAB_CALLER_SCRIPT": "nope"}, "LAB_CALLER_SCRIPT holds 'nope', but takes one of the scripts of the Twilio d"),
    ],
)
def test_what_cannot_run_is_one_sentence_and_exit_code_3(lab: Lab, change: dict[str, str], sentence: str) -> None:
    suite = Suite(lab.environment() | change, "--headless", "--users", "2", "--run-time", "5s")
    with ended(suite):
        assert suite.finish(30) == 3
    said = [line for line in suite.output.splitlines() if "/INFO/" not in line]
    assert len(said) == 1
    assert said[0].startswith(sentence)


def test_a_master_that_cannot_run_sends_its_workers_home(lab: Lab) -> None:
    environment = lab.environment(LOAD_TEST_BASE_URL="http://127.0.0.1:1")
    master, workers = distributed(environment, "--headless", "--users", "4", "--run-time", "5s")
    with ended(master, *workers):
        assert master.finish(40) == 3
        assert [worker.finish(20) for worker in workers] == [0, 0]
    assert "The target http://127.0.0.1:1 does not answer" in master.output


def test_a_start_from_locusts_page_is_refused_with_a_sentence_and_a_good_one_runs(lab: Lab) -> None:
    port = free_port()
    environment = lab.environment(LAB_RUN_ID="page")
    master, workers = distributed(environment, "--web-host", "127.0.0.1", "--web-port", str(port), "CrmUser")

    def page(path: str, **form: str) -> Any:
        content = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", content, timeout=10) as answer:
            return json.load(answer)

    with ended(master, *workers):
        master.read_until("Starting web interface")
        wait_until(lambda: reachable(port), "page of Locust's")
        wait_until(lambda: len(page("/stats/requests")["workers"]) == 2, "two workers")
        page("/swarm", user_count="2", spawn_rate="2", host="http://127.0.0.1:1")
        master.read_until("The run was not started. The target http://127.0.0.1:1 does not answer")
        assert page("/stats/requests")["state"] == "ready"
        page("/swarm", user_count="40", spawn_rate="40", host=f"http://{lab.backend}")
        page("/stop", now="1")  # while accounts are being made
        for _ in range(2):
            page("/swarm", user_count="4", spawn_rate="4", host=f"http://{lab.backend}")
            master.read_until("All users spawned")
            page("/stop", now="1")
            master.read_until("Removed ")
            wait_until(lambda: len(page("/stats/requests")["workers"]) == 2, "workers ready for another run")
        master.process.terminate()
        assert master.finish(30) == 0
        assert [worker.finish(20) for worker in workers] == [0, 0]
    assert "Traceback" not in master.output + workers[0].output + workers[1].output
    for run_id in ("page", "page-2"):
        assert lab.cleanup(run_id)["mark"] == run_id
        assert lab.verdict(run_id)["interrupted"] is False
        assert lab.verdict(run_id)["areas"]["crm"]["requests"] > 0
        assert lab.verdict(run_id)["areas"]["crm"]["failures"] == 0


def test_a_borrowed_account_keeps_its_own_contacts(lab: Lab) -> None:
    def call(path: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        content = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"http://{lab.backend}{path}", content, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    organisation = call("/api/organizations", {"name": "Ours", "subdomain": "ours"})
    person = {"email": "me@ours.example.com", "username": "me", "password": "a-good-word"}
    token = call("/api/auth/register/token", {**person, "access_code": organisation["access_code"]})["access_token"]
    contact = {"business_name": "Ames", "contact_name": "Jo", "contact_email": "jo@ames.example.com"}
    call("/api/crm/contacts", contact, token)
    suite = Suite(
        lab.environment(
            LAB_RUN_ID="borrowed", LOAD_TEST_USER_EMAIL=person["email"], LOAD_TEST_USER_PASSWORD=person["password"]
        ),
        *("--headless", "--only-summary", "--users", "4", "--spawn-rate", "4", "--run-time", "6s", "-L", "DEBUG"),
        locustfile="scenarios/crm_load_test.py",
    )
    with ended(suite):
        assert suite.finish() == 0, suite.output
    assert lab.cleanup("borrowed")["removed"]["contacts"] > 0
    assert [item["business_name"] for item in call("/api/crm/contacts", token=token)["items"]] == ["Ames"]
    assert person["password"] not in suite.output
    assert "Bearer" not in suite.output


def reachable(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("area", WEIGHTS)
def test_the_task_ratios_are_the_briefs_and_need_no_target(area: str) -> None:
    name, weights = WEIGHTS[area]
    suite = Suite(clean_environment(), "--show-task-ratio-json", locustfile=f"scenarios/{area}_load_test.py")
    with ended(suite):
        assert suite.finish(30) == 0
    ratios = json.loads(suite.output[suite.output.index("{") :])["per_class"]
    assert list(ratios) == [name]
    assert {task: found["ratio"] for task, found in ratios[name]["tasks"].items()} == {
        task: pytest.approx(weight) for task, weight in weights.items()
    }


WITNESS = """
import json, os, re
from locust import events
from main_load_test import *

log = open(os.environ["WITNESS"], "a", buffering=1)

@events.request.add_listener
def note(request_type, name, context, response=None, **rest):
    sent = (getattr(getattr(response, "request", None), "payload", None) or b"").decode()
    sent = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|run-[a-z0-9-]+", "*", sent)
    sent = re.sub(r'"(password|refresh_token|access_code)":"[^"]*"', "", sent) if "auth" in name else sent
    log.write(json.dumps([context["scenario"], context["user"], request_type, name, sent]) + "\\n")
"""


@pytest.mark.parametrize("profile", ["", "open"])
def test_two_runs_with_one_seed_send_the_same_from_every_user_and_another_seed_does_not(
    lab: Lab, tmp_path: Path, profile: str
) -> None:
    locustfile = tmp_path / "witness.py"
    locustfile.write_text(WITNESS)
    profiles = tmp_path / "profiles.toml"
    profiles.write_text('[open]\nusers = 5\nspawn_rate = 5\nrun_time = "6s"\narrivals_per_second = 6\n')

    def started(seed: str, number: int) -> Suite:
        log = tmp_path / f"{number}.jsonl"
        model = {"LAB_PROFILE": profile, "LAB_PROFILES_FILE": str(profiles)}
        environment = lab.environment(LAB_SEED=seed, WITNESS=str(log), LAB_RUN_ID=f"seed-{profile}{number}", **model)
        options = ["--headless", "--only-summary", "--users", "5", "--spawn-rate", "5", "--run-time", "6s"]
        return Suite(environment, *options, "AuthUser", "CrmUser", locustfile=str(locustfile))

    def requests(number: int) -> dict[tuple[str, int], list[list[str]]]:
        by_user: dict[tuple[str, int], list[list[str]]] = {}
        for line in (tmp_path / f"{number}.jsonl").read_text().splitlines():
            scenario, user, *request = json.loads(line)
            by_user.setdefault((scenario, user), []).append(request)
        return by_user

    suites = [started(seed, number) for number, seed in enumerate(["11", "11", "12"])]
    with ended(*suites):
        assert [suite.finish() for suite in suites] == [0, 0, 0]
    one, again, other = (requests(number) for number in range(3))
    assert one.keys() == again.keys() == {("AuthUser", 1), *(("CrmUser", number) for number in range(1, 5))}
    for user, sent in one.items():
        both = min(len(sent), len(again[user]))
        assert both >= 2
        assert sent[:both] == again[user][:both]
    crm = ("CrmUser", 1)
    shortest = min(len(one[crm]), len(other[crm]))
    assert one[crm][:shortest] != other[crm][:shortest]


def test_a_shell_gets_a_token_that_the_target_takes(lab: Lab) -> None:
    code = "from utils.auth import auth_manager; print(auth_manager.get_or_create_token())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SUITE, env=lab.environment(), capture_output=True, text=True, check=True
    )
    request = urllib.request.Request(
        f"http://{lab.backend}/api/auth/me", headers={"Authorization": f"Bearer {done.stdout.strip()}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["is_active"] is True


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense"])
def test_a_shell_that_gets_no_token_gets_a_sentence(url: str) -> None:
    code = "from utils.auth import auth_manager; print(auth_manager.get_or_create_token())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=SUITE,
        env=clean_environment(LOAD_TEST_BASE_URL=url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    (sentence,) = done.stderr.splitlines()
    assert url in sentence


def test_without_external_services_nothing_is_dialled(lab: Lab) -> None:
    suite = Suite(
        lab.environment(LAB_RUN_ID="quiet", SIMULATE_EXTERNAL_SERVICES="false", LAB_TWILIO_URL="http://127.0.0.1:1"),
        *("--headless", "--only-summary", "--users", "3", "--spawn-rate", "3", "--run-time", "4s"),
        locustfile="scenarios/telephony_load_test.py",
    )
    with ended(suite):
        assert suite.finish() == 0, suite.output
    assert lab.verdict("quiet")["areas"]["telephony"]["requests"] > 0
    assert "CALL" not in suite.output


def test_tasks_that_are_all_filtered_away_make_the_run_invalid(lab: Lab) -> None:
    suite = Suite(
        lab.environment(LAB_RUN_ID="nothing"),
        *("--headless", "--only-summary", "--users", "2", "--spawn-rate", "2", "--run-time", "3s", "--tags", "none"),
    )
    with ended(suite):
        assert suite.finish() == 2, suite.output
    assert "Traceback" not in suite.output
    assert "2 users are too few for 9 user classes, and the run will be invalid" in suite.output


def test_the_suite_does_not_import_the_doubles() -> None:
    sources = [path.read_text() for path in SUITE.rglob("*.py")]
    assert sources
    assert not any("mock_services" in source for source in sources)
    assert (ROOT / "mock_services").is_dir()
