"""The calendar, the sockets, the workflows and all together as processes: nothing fails, and nothing stays behind."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.suite_lab import Lab, Suite, ended, running_lab

TROUBLE = re.compile(r"/(WARNING|ERROR|CRITICAL)/|Traceback")
HTTP_NAME = re.compile(r"/[a-z_/{}-]+( \[[a-z ]+\])?")
WORKFLOWS = ["CustomerIntakeUser", "DailyAdministrationUser", "SearchAndScheduleUser", "BulkOperationsUser"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def held(lab: Lab) -> tuple[int, int]:
    """How many events and conversations the backend holds."""
    with urllib.request.urlopen(f"http://{lab.backend}/__lab/metrics", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found["events"], found["conversations"]


def run(lab: Lab, run_id: str, locustfile: str, users: int, seconds: int) -> Suite:
    options = ["--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(users)]
    environment = lab.environment(LAB_RUN_ID=run_id)
    suite = Suite(environment, *options, "--run-time", f"{seconds}s", locustfile=locustfile)
    with ended(suite):
        assert suite.finish() == 0, suite.output
    assert [line for line in suite.output.splitlines() if TROUBLE.search(line)] == []
    assert "Skipped" not in suite.output
    assert held(lab) == (0, 0), "nothing of the run is left"
    return suite


def names(suite: Suite) -> set[tuple[str, str]]:
    found = re.findall(
        r"^(GET|POST|PUT|PATCH|DELETE|WS) +(/\S+(?: \[[a-z ]+\])?) +\d+ +0\(", suite.output, re.MULTILINE
    )
    assert all(HTTP_NAME.fullmatch(name) for _, name in found)
    return set(found)


def test_the_calendar_is_kept_and_cleared(lab: Lab) -> None:
    suite = run(lab, "calendar", "scenarios/calendar_load_test.py", users=8, seconds=15)
    verdict = lab.verdict("calendar")
    assert verdict["areas"]["calendar"]["failures"] == 0
    seen = names(suite)
    events = "/api/calendar/events"
    for method, name in (
        ("POST", events),
        ("POST", events + " [recurring]"),
        ("POST", events + "/{id}/attendees"),
        ("POST", events + "/{id}/send-invitations"),
        ("GET", events + "/range"),
        ("GET", events + "/stats/summary"),
        ("PUT", events + "/{id}"),
        ("DELETE", events + "/{id}"),
        ("POST", "/api/crm/contacts"),
    ):
        assert (method, name) in seen
    removed = lab.cleanup("calendar")["removed"]
    assert removed["events"] > 5
    assert removed["contacts"] > 0


def test_the_sockets_answer_and_the_conversations_are_cleared(lab: Lab) -> None:
    suite = run(lab, "sockets", "scenarios/websocket_load_test.py", users=6, seconds=20)
    verdict = lab.verdict("sockets")
    assert verdict["areas"]["conversations"]["failures"] == verdict["areas"]["telephony"]["failures"] == 0
    seen = {name for kind, name in names(suite) if kind == "WS"}
    for name in (
        "/api/ws/conversations/{id} [connect]",
        "/api/ws/conversations/{id} [message]",
        "/api/ws/conversations/{id} [agent reply]",
        "/api/ws/notifications [update]",
        "/api/ws/telephony/voice-agent/stream [first audio]",
    ):
        assert name in seen
    assert any(name.endswith("[transcript]") for name in seen)
    assert not any(name.endswith("[reconnect]") for name in seen)
    assert lab.cleanup("sockets")["removed"]["conversations"] > 0


def test_the_workflows_run_to_their_ends(lab: Lab) -> None:
    suite = run(lab, "workflows", "scenarios/workflows.py", users=8, seconds=15)
    assert {name: lab.verdict("workflows")["scenarios"][name]["failures"] for name in WORKFLOWS} == dict.fromkeys(
        WORKFLOWS, 0
    )
    seen = names(suite)
    for method, name in (  # the last step of each
        ("POST", "/api/calendar/rsvp/{token}/respond"),
        ("PUT", "/api/calendar/events/{id}"),
        ("POST", "/api/calendar/events/{id}/attendees"),
        ("POST", "/api/crm/bulk-email"),
        ("DELETE", "/api/crm/contacts/{id}"),
    ):
        assert (method, name) in seen


def test_ten_users_of_everything_give_every_class_its_requests(lab: Lab) -> None:
    run(lab, "everything", "main_load_test.py", users=10, seconds=15)
    scenarios = lab.verdict("everything")["scenarios"]
    assert len(scenarios) == 9
    assert all(each["requests"] > 0 and each["failures"] == 0 for each in scenarios.values())


WITNESS = """
import json, os, re
from locust import events
from main_load_test import *

log = open(os.environ["WITNESS"], "a", buffering=1)

@events.request.add_listener
def note(request_type, name, context, response=None, **rest):
    sent = (getattr(getattr(response, "request", None), "payload", None) or b"").decode()
    sent = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|run-[a-z0-9-]+", "*", sent)
    if "[heartbeat]" not in name:
        log.write(json.dumps([context["scenario"], context["user"], request_type, name, sent]) + "\\n")
"""


def test_two_runs_with_one_seed_send_the_same(lab: Lab, tmp_path: Path) -> None:
    locustfile = tmp_path / "witness.py"
    locustfile.write_text(WITNESS)
    classes = ["CalendarUser", "WebSocketUser", *WORKFLOWS]

    def started(number: int, seed: str) -> Suite:
        environment = lab.environment(
            LAB_SEED=seed, WITNESS=str(tmp_path / f"{number}.jsonl"), LAB_RUN_ID=f"seed-{number}"
        )
        options = ["--headless", "--only-summary", "--users", "8", "--spawn-rate", "8", "--run-time", "8s"]
        return Suite(environment, *options, *classes, locustfile=str(locustfile))

    def requests(number: int) -> dict[str, list[list[str]]]:
        by_user: dict[str, list[list[str]]] = {}
        for line in (tmp_path / f"{number}.jsonl").read_text().splitlines():
            scenario, user, *request = json.loads(line)
            by_user.setdefault(f"{scenario} {user}", []).append(request)
        return by_user

    suites = [started(number, seed) for number, seed in enumerate(["11", "11", "12"])]
    with ended(*suites):
        assert [suite.finish() for suite in suites] == [0, 0, 0], [suite.output for suite in suites]
    one, again, other = (requests(number) for number in range(3))
    assert one.keys() == again.keys() == other.keys()
    assert {user.partition(" ")[0] for user in one} == set(classes)
    for user, sent in one.items():
        both = min(len(sent), len(again[user]))
        assert both >= 2
        assert sent[:both] == again[user][:both]
    calendar = "CalendarUser 1"
    shortest = min(len(one[calendar]), len(other[calendar]))
    assert one[calendar][:shortest] != other[calendar][:shortest]
