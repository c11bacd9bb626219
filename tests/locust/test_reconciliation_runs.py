"""Real runs, held against what the doubles and the target counted: clean ones agree, and what is lost is named."""

import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.suite_lab import Lab, Suite, ended, running_lab

LOCUSTFILE = """
import os

from scenarios.calendar_load_test import CalendarUser
from scenarios.telephony_load_test import TelephonyUser
from scenarios.workflows import BulkOperationsUser, CustomerIntakeUser
from utils.numbers import NumberInventory

CalendarUser.begins_with = "create"
TelephonyUser.begins_with = os.environ["BEGINS_WITH"]
CalendarUser.thinks_between = TelephonyUser.thinks_between = (0.05, 0.1)
BulkOperationsUser.thinks_between = CustomerIntakeUser.thinks_between = (0.05, 0.1)

send = NumberInventory._send

def call_back_over_the_crooked_line(self, method, url, form=None, **rest):
    if form and "StatusCallback" in form and "CROOKED_LINE" in os.environ:
        form["StatusCallback"] = form["StatusCallback"].replace(
            os.environ["LOAD_TEST_BASE_URL"], os.environ["CROOKED_LINE"]
        )
    return send(self, method, url, form, **rest)

NumberInventory._send = call_back_over_the_crooked_line
"""


def run(
    lab: Lab,
    directory: Path,
    run_id: str,
    *classes: str,
    seconds: int = 6,
    begins_with: str = "verification",
    **settings: str,
) -> tuple[int, Any]:
    """Run these users, and give the exit code and the verdict."""
    locustfile = directory / "few.py"
    locustfile.write_text(LOCUSTFILE)
    suite = Suite(
        lab.environment(LAB_RUN_ID=run_id, BEGINS_WITH=begins_with, **settings),
        *("--headless", "--only-summary", "--users", "4", "--spawn-rate", "4", "--run-time", f"{seconds}s"),
        *classes,
        locustfile=str(locustfile),
    )
    with ended(suite):
        code = suite.finish(120)
        assert (lab.results / run_id / "verdict.json").exists(), suite.output
    return code, lab.verdict(run_id)


def row(verdict: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [each for each in verdict["reconciliation"] if each["kind"] == kind]
    return dict(found)


def test_a_clean_run_agrees_on_all_sides_and_every_kind_was_there(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        _, verdict = run(lab, tmp_path, "clean")
    kinds = {each["kind"]: each for each in verdict["reconciliation"]}
    assert set(kinds) == {"calls", "sms", "mails", "incoming-call webhooks", "call-status webhooks"}
    for each in kinds.values():
        assert each["ok"], verdict["reasons"]
        assert each["double"] == each["target"] > 0
    assert kinds["calls"]["suite"] == kinds["calls"]["double"]
    assert kinds["sms"]["suite"] == kinds["sms"]["double"]
    mails = kinds["mails"]
    assert mails["suite"] <= mails["double"] <= mails["suite"] + mails["suite_possible"]
    assert verdict["not_reconciled"] == []
    report = (lab.results / "clean" / "report.html").read_text()
    assert "<h2>Reconciliation</h2>" in report
    assert (
        '<testcase classname="reconciliation" name="sms"></testcase>'
        in (lab.results / "clean" / "junit.xml").read_text()
    )
    assert f"| sms | {kinds['sms']['suite']} |" in (lab.results / "clean" / "summary.md").read_text()


def test_an_sms_that_the_target_never_sent_fails_the_run_by_its_number(tmp_path: Path) -> None:
    with running_lab(tmp_path, BACKEND_DEFECTS="sms-not-sent") as lab:
        code, verdict = run(lab, tmp_path, "lost", "TelephonyUser", seconds=4)
    assert (code, verdict["verdict"]) == (1, "fail")
    sms = row(verdict, "sms")
    assert sms["lost_count"] == sms["suite"] > 0
    assert sms["double"] == 0
    assert all(re.fullmatch(r"\+\d{11}", number) for number in sms["lost"])
    assert any(
        reason.startswith("sms lost between the suite and the Twilio double: ") and sms["lost"][0] in reason
        for reason in verdict["reasons"]
    )
    junit = (lab.results / "lost" / "junit.xml").read_text()
    assert f'name="sms"><failure message="{sms["lost_count"]} lost, 0 doubled">sms lost between' in junit


def test_a_mail_that_was_sent_twice_fails_the_run_by_its_message_id(tmp_path: Path) -> None:
    with running_lab(tmp_path, BACKEND_DEFECTS="mail-sent-twice") as lab:
        code, verdict = run(lab, tmp_path, "twice", "BulkOperationsUser", seconds=4)
    assert (code, verdict["verdict"]) == (1, "fail")
    mails = row(verdict, "mails")
    assert mails["double"] == 2 * mails["target"] > 0
    assert mails["doubled_count"] == mails["target"]
    assert any(
        reason.startswith("mails doubled between the target and the SendGrid stub: ") for reason in verdict["reasons"]
    )


@contextmanager
def crooked_line(target: str, times: int) -> Iterator[str]:
    """A way to the target that passes each webhook on so many times, and says that all is well when it is none."""

    class Passing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = b'{"status":"ok"}'
            for _ in range(times):
                # With the Host that the double signed: the target must not see that there was anything in between.
                request = urllib.request.Request(f"http://{target}{self.path}", body, dict(self.headers))
                with urllib.request.urlopen(request, timeout=30) as answered:
                    answer = answered.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("times", "became"), [(0, "lost"), (2, "doubled")])
def test_a_webhook_that_comes_never_or_twice_fails_the_run_by_its_call(tmp_path: Path, times: int, became: str) -> None:
    with running_lab(tmp_path) as lab, crooked_line(lab.backend, times) as line:
        code, verdict = run(lab, tmp_path, became, "TelephonyUser", begins_with="call", CROOKED_LINE=line)
    assert (code, verdict["verdict"]) == (1, "fail")
    hooks = row(verdict, "call-status webhooks")
    assert hooks["target"] == hooks["double"] * times
    assert hooks["double"] == hooks[f"{became}_count"] == len(hooks[became]) > 0
    assert all(re.fullmatch(r"CA[0-9a-f]{32} completed", name) for name in hooks[became])
    between = f"call-status webhooks {became} between the Twilio double and the target: "
    assert any(reason.startswith(between) and hooks[became][0] in reason for reason in verdict["reasons"])
    for kind in ("calls", "incoming-call webhooks"):
        assert row(verdict, kind)["ok"]


def test_without_doubles_nothing_is_compared_and_that_is_said(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        code, verdict = run(lab, tmp_path, "alone", "CalendarUser", seconds=3, SIMULATE_EXTERNAL_SERVICES="false")
    assert code == 0, verdict["reasons"]
    assert verdict["reconciliation"] == []
    assert verdict["not_reconciled"] == ["SIMULATE_EXTERNAL_SERVICES is false: no double took part"]
