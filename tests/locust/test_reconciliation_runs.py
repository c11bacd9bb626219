"""Real runs, held against what the doubles and the target counted: clean ones agree, and what is lost is named."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from metrics.reconciliation import Tally
from mock_services.sendgrid.settings import SendGridSettings
from mock_services.stripe.settings import StripeSettings
from tests.support.doubles import double
from tests.support.suite_lab import Lab, Suite, ended, running_lab
from utils.books import Books

STRIPE_KEY = StripeSettings.model_fields["secret_key"].default
SENDGRID_KEY = SendGridSettings.model_fields["api_key"].default
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

def call_back_elsewhere(self, method, url, form=None, **rest):
    if form and "StatusCallback" in form and "STATUS_CALLBACKS_TO" in os.environ:
        form["StatusCallback"] = os.environ["STATUS_CALLBACKS_TO"] + "/api/telephony/webhook/call-status"
    return send(self, method, url, form, **rest)

NumberInventory._send = call_back_elsewhere
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
        '<testcase classname="reconciliation" name="sms" time="0"></testcase>'
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
    assert (
        f'name="sms" time="0"><failure type="different" message="{sms["lost_count"]} lost, 0 doubled">sms lost between'
        in junit
    )


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
def dead_end() -> Iterator[str]:
    """Somebody who takes every webhook, says that all is well, and does not pass it on."""

    class Mute(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "15")
            self.end_headers()
            self.wfile.write(b'{"status":"ok"}')

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mute)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def have_sent_twice(address: str, operation: str) -> None:
    """Have a double send each webhook of an operation once more than it should."""
    fault = {"name": "twice", "description": "a test", "kind": "webhook-duplicate", "operation": operation}
    assert requests.put(f"http://{address}/__lab/faults", json={"faults": [fault]}, timeout=10).ok


@pytest.mark.parametrize("became", ["lost", "doubled"])
def test_a_webhook_that_comes_never_or_twice_fails_the_run_by_its_call(tmp_path: Path, became: str) -> None:
    with running_lab(tmp_path) as lab, dead_end() as line:
        if became == "doubled":
            have_sent_twice(lab.twilio, "POST {StatusCallback}")
        to = line if became == "lost" else f"http://{lab.backend}"
        code, verdict = run(lab, tmp_path, became, "TelephonyUser", begins_with="call", STATUS_CALLBACKS_TO=to)
    assert (code, verdict["verdict"]) == (1, "fail")
    hooks = row(verdict, "call-status webhooks")
    assert hooks["target"] == hooks["double"] * (0 if became == "lost" else 2)
    assert hooks["double"] == hooks[f"{became}_count"] == len(hooks[became]) > 0
    assert all(re.fullmatch(r"CA[0-9a-f]{32} completed", name) for name in hooks[became])
    between = f"call-status webhooks {became} between the Twilio double and the target: "
    assert any(reason.startswith(between) and hooks[became][0] in reason for reason in verdict["reasons"])
    for kind in ("calls", "incoming-call webhooks"):
        assert row(verdict, kind)["ok"]


@pytest.fixture
def till(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The vendors, and a backend that Stripe's webhooks come to: their addresses."""
    with double("vendors", tmp_path, STRIPE_WEBHOOK_URL="http://127.0.0.1:1/later") as vendors:
        stripe = f"http://{vendors}/stripe"
        with double("backend", tmp_path, STRIPE_API_URL=stripe) as backend:
            keyed = {"Authorization": f"Bearer {STRIPE_KEY}"}
            url = f"{stripe}/v1/webhook_endpoints"
            (endpoint,) = requests.get(url, headers=keyed, timeout=10).json()["data"]
            there = {"url": f"http://{backend}/api/billing/webhook"}
            assert requests.post(f"{url}/{endpoint['id']}", there, headers=keyed, timeout=10).ok
            yield vendors, backend


def pay(vendors: str, backend: str, run_id: str) -> dict[str, dict[str, Any]]:
    """Have one customer take out a subscription, and give what came of it by kind."""
    books = Books.of_lab(run_id, f"http://{backend}", "http://127.0.0.1:1", f"http://{vendors}")
    books.begin()
    of_run = {"X-Lab-Run-Id": run_id}
    pages = {"success_url": "http://127.0.0.1/yes", "cancel_url": "http://127.0.0.1/no"}
    buyer = {"customer_email": "ada@example.com", "organization_name": "Rose", **pages}
    begun = requests.post(
        f"http://{backend}/api/billing/organization-signup", json=buyer, headers=of_run, timeout=10
    ).json()
    session = re.search(r"cs_test_\w+", begun["checkout_url"])
    assert session
    paid = f"http://{vendors}/stripe/__lab/checkout/{session[0]}/complete"
    assert requests.post(paid, headers=of_run, timeout=10).ok
    return {each.kind: each.facts() for each in books.settle({}).rows}


def test_payments_and_their_webhooks_are_counted_by_stripes_ids(till: tuple[str, str]) -> None:
    clean = pay(*till, "clean")
    assert clean["payments"]["double"] == clean["payments"]["target"] == 1
    assert clean["payment webhooks"]["double"] == clean["payment webhooks"]["target"] > 1
    assert all(each["ok"] for each in clean.values())


def test_a_payment_webhook_that_comes_twice_is_named_by_its_event(till: tuple[str, str]) -> None:
    have_sent_twice(f"{till[0]}/stripe", "POST {checkout.session.completed}")
    twice = pay(*till, "twice")
    assert twice["payments"]["ok"]
    assert twice["payment webhooks"]["doubled_count"] == 1
    assert twice["payment webhooks"]["doubled"][0].startswith("evt_")


def test_mails_of_a_target_that_shows_nothing_are_found_by_their_recipients(tmp_path: Path) -> None:
    with double("vendors", tmp_path) as vendors:
        # No vendor is at this path: a platform that keeps what it did, and the run's id, to itself.
        books = Books.of_lab("r", f"http://{vendors}/platform", "http://127.0.0.1:1", f"http://{vendors}")
        books.begin()
        for recipient in ("ada@example.com", "Ida@example.com", "of-somebody-else@example.com"):
            mail = {
                "from": {"email": "office@example.com"},
                "subject": "Hello",
                "personalizations": [{"to": [{"email": recipient}]}],
                "content": [{"type": "text/plain", "value": "Hi"}],
            }
            keyed = {"Authorization": f"Bearer {SENDGRID_KEY}"}
            assert requests.post(f"http://{vendors}/sendgrid/v3/mail/send", json=mail, headers=keyed, timeout=10).ok
        told = {"mail": Tally(Counter(["ada@example.com", "ida@example.com", "eva@example.com"]))}
        outcome = books.settle(told)
    assert outcome.differences == ["mails lost between the suite and the SendGrid stub: 1 of 3 (eva@example.com)"]
    (sentence,) = outcome.not_compared
    assert sentence.startswith("what concerns the target was not compared: ")


def test_without_doubles_nothing_is_compared_and_that_is_said(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        code, verdict = run(lab, tmp_path, "alone", "CalendarUser", seconds=3, SIMULATE_EXTERNAL_SERVICES="false")
    assert code == 0, verdict["reasons"]
    assert verdict["reconciliation"] == []
    assert verdict["not_reconciled"] == ["SIMULATE_EXTERNAL_SERVICES is false: no double took part"]
