"""The stub as a process, through SendGrid's own SDK and as it stands on the wire."""

import base64
import json
from typing import Any

import httpx
import pytest
from python_http_client.exceptions import BadRequestsError, HTTPError, UnauthorizedError  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from sendgrid.helpers.mail import (  # type: ignore[import-untyped]
    Attachment,
    Bcc,
    Category,
    Cc,
    Content,
    CustomArg,
    FileContent,
    FileName,
    FileType,
    From,
    Mail,
    MailSettings,
    Personalization,
    SandBoxMode,
    Subject,
    To,
)

from tests.mock_services.sendgrid.support import AT_ONCE, BEARER, KEY, mail, messages, send
from tests.support.doubles import serving


def client(address: str, key: str = KEY) -> Any:
    return SendGridAPIClient(key, host=f"http://{address}")


def test_the_labs_key_has_the_shape_that_the_platform_checks() -> None:
    assert [len(part) for part in KEY.split(".")] == [2, 22, 43]


def test_a_mail_of_the_official_sdk_is_taken_and_can_be_read(stub: str) -> None:
    letter = Mail(From("pete@cyberiad.ai", "Pete"), To("sdk@example.com", "Ada"), Subject("Your visit"))
    letter.add_content(Content("text/plain", "On Tuesday"))
    letter.add_content(Content("text/html", "<p>On Tuesday</p>"))
    letter.add_cc(Cc("cc@example.com"))
    letter.add_bcc(Bcc("bcc@example.com"))
    letter.add_category(Category("invitation"))
    letter.add_custom_arg(CustomArg("tenant", "7"))
    calendar = base64.b64encode(b"BEGIN:VCALENDAR").decode()
    letter.add_attachment(Attachment(FileContent(calendar), FileName("visit.ics"), FileType("text/calendar")))
    answer = client(stub).send(letter)
    assert (answer.status_code, answer.body) == (202, b"")
    message_id = answer.headers["X-Message-Id"]
    assert len(message_id) == 22

    (kept,) = messages(stub, to="SDK@example.com")["messages"]
    assert kept["id"] == f"{message_id}.0"
    assert kept["from"] == {"email": "pete@cyberiad.ai", "name": "Pete"}
    assert kept["to"] == [{"email": "sdk@example.com", "name": "Ada"}]
    assert [part["value"] for part in kept["content"]] == ["On Tuesday", "<p>On Tuesday</p>"]
    assert (kept["subject"], kept["categories"], kept["custom_args"]) == ("Your visit", ["invitation"], {"tenant": "7"})
    assert kept["attachments"] == [{"filename": "visit.ics", "type": "text/calendar", "base64_length": len(calendar)}]
    for address in ("cc@example.com", "bcc@example.com"):
        assert messages(stub, to=address)["messages"][0]["id"] == kept["id"]


def test_each_personalization_is_a_mail(stub: str) -> None:
    letter = Mail(From("pete@cyberiad.ai"), subject="All", plain_text_content="For -name-")
    for number in range(3):
        one = Personalization()
        one.add_to(To(f"bulk{number}@example.com"))
        one.subject = f"For {number}"
        letter.add_personalization(one)
    client(stub).send(letter)
    for number in range(3):
        (kept,) = messages(stub, to=f"bulk{number}@example.com")["messages"]
        assert (kept["subject"], len(kept["to"])) == (f"For {number}", 1)


def test_mails_are_found_newest_first_by_text_and_run(stub: str) -> None:
    for number, run_id in enumerate(["run-a", "run-a", "run-b"]):
        to = [{"to": [{"email": "find@example.com"}], "subject": f"Number {number}"}]
        assert send(stub, mail(personalizations=to), X_Lab_Run_Id=run_id).status_code == 202

    def subjects(**query: str) -> list[str]:
        return [each["subject"] for each in messages(stub, **query)["messages"]]

    assert subjects(to="find@example.com") == ["Number 2", "Number 1", "Number 0"]
    assert subjects(run_id="run-a") == ["Number 1", "Number 0"]
    assert subjects(run_id="run-a", limit="1") == ["Number 1"]
    assert subjects(contains="Number 1", to="find@example.com") == ["Number 1"]
    assert subjects(contains="<p>On Tue", run_id="run-b") == ["Number 2"]
    assert messages(stub, run_id="run-a")["totals"] == {"mails": 2, "recipients": 2}
    assert messages(stub, run_id="run-z") == {"messages": [], "totals": {"mails": 0, "recipients": 0}, "dropped": 0}
    assert httpx.get(f"http://{stub}/__lab/messages", params={"limit": "all"}).status_code == 400


def test_a_template_needs_no_content(stub: str) -> None:
    letter = Mail(From("pete@cyberiad.ai"), To("template@example.com"))
    letter.template_id = "d-0123456789"
    letter.dynamic_template_data = {"name": "Ada"}
    assert client(stub).send(letter).status_code == 202
    (kept,) = messages(stub, to="template@example.com")["messages"]
    assert (kept["template_id"], kept["dynamic_template_data"]) == ("d-0123456789", {"name": "Ada"})


def test_the_sandbox_checks_and_sends_nothing(stub: str) -> None:
    letter = Mail(From("pete@cyberiad.ai"), To("sandbox@example.com"), "Hi", "Hello")
    letter.mail_settings = MailSettings(sandbox_mode=SandBoxMode(True))
    assert client(stub).send(letter).status_code == 200
    assert messages(stub, to="sandbox@example.com")["messages"] == []


def test_a_wrong_key_is_refused(stub: str) -> None:
    with pytest.raises(UnauthorizedError) as refused:
        client(stub, KEY[:-1] + "x").send(Mail("a@example.com", "b@example.com", "Hi", "Hello"))
    assert refused.value.to_dict == {
        "errors": [
            {
                "message": "The provided authorization grant is invalid, expired, or revoked",
                "field": None,
                "help": None,
            }
        ]
    }
    assert httpx.post(f"http://{stub}/v3/mail/send", json=mail()).status_code == 401


def test_the_platforms_bulk_mail_is_refused(stub: str) -> None:
    """It sets `mail.personalization`, which the SDK does not know, so that the mail has no recipients."""
    letter = Mail(from_email="pete@cyberiad.ai", subject="All", plain_text_content="Hello")
    with pytest.raises(BadRequestsError) as refused:
        client(stub).send(letter)
    assert [error["field"] for error in refused.value.to_dict["errors"]] == ["personalizations"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"{", "application/json", 400, "Bad Request"),
        (b"[" * 100_000, "application/json", 400, "Bad Request"),
        (b'{"subject": "\xff"}', "application/json", 400, "Invalid UTF8 in request."),
        (b'{"subject": "\\ud800"}', "application/json", 400, "Bad Request"),
        (b"[]", "application/json", 400, "Invalid type. Expected: object, given: array."),
        (b"a=1", "application/x-www-form-urlencoded", 415, "Content-Type should be application/json."),
    ],
)
def test_bodies_that_are_no_mail(stub: str, body: bytes, kind: str, status: int, message: str) -> None:
    answer = httpx.post(f"http://{stub}/v3/mail/send", content=body, headers=BEARER | {"content-type": kind})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (status, message)


def test_other_paths_and_methods(stub: str) -> None:
    assert client(stub).client.scopes.get().to_dict == {"scopes": ["mail.send"]}
    with pytest.raises(HTTPError) as missing:
        client(stub).client.templates.get()
    assert missing.value.status_code == 404
    wrong = httpx.get(f"http://{stub}/v3/mail/send", headers=BEARER)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


def test_limits_and_reset() -> None:
    limits = {"SENDGRID_MAX_MESSAGES": "2", "SENDGRID_MAX_BODY_MIB": "1"}
    with serving("sendgrid", **{**AT_ONCE, **limits}) as address:
        for number in range(5):
            send(address, mail(subject=f"Number {number}"), X_Lab_Run_Id="run")
        send(address, {})
        kept = messages(address)
        assert [each["subject"] for each in kept["messages"]] == ["Number 4", "Number 3"]
        assert (kept["totals"], kept["dropped"]) == ({"mails": 5, "recipients": 5}, 3)
        assert messages(address, run_id="run")["totals"] == {"mails": 5, "recipients": 5}
        large = json.dumps(mail(subject="x" * (1 << 20))).encode()
        for content in (large, (large[at : at + 100_000] for at in range(0, len(large), 100_000))):
            answer = httpx.post(
                f"http://{address}/v3/mail/send", content=content, headers=BEARER | {"content-type": "application/json"}
            )
            assert answer.status_code == 413
        metrics = httpx.get(f"http://{address}/__lab/metrics").json()
        assert metrics["sendgrid"]["refused"] == 1
        assert metrics["requests"]["POST /v3/mail/send"] == {"202": 5, "400": 1, "413": 1}
        assert httpx.post(f"http://{address}/__lab/reset").status_code == 200
        assert messages(address) == {"messages": [], "totals": {"mails": 0, "recipients": 0}, "dropped": 0}


def test_what_is_kept_is_bounded_in_bytes() -> None:
    with serving("sendgrid", SENDGRID_MAX_KEPT_MIB="1", **AT_ONCE) as address:
        for number in range(30):
            big = [{"type": "text/plain", "value": "x" * 200_000}]
            send(address, mail(subject=f"Number {number}", content=big))
        kept = httpx.get(f"http://{address}/__lab/metrics").json()["sendgrid"]
        assert kept["mails"] == 30
        assert kept["kept"] + kept["dropped"] == 30
        assert 10 <= kept["kept"] <= 16
        assert kept["kept_bytes"] <= 1 << 20
        (newest,) = messages(address, limit="1")["messages"]
        assert (newest["subject"], len(newest["content"][0]["value"])) == ("Number 29", 65_536)


def test_pace_and_rate() -> None:
    with serving("sendgrid", SENDGRID_LATENCY_MS="120", SENDGRID_REQUESTS_PER_SECOND="0") as address:
        answers = [send(address, mail()) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert min(answer.elapsed.total_seconds() for answer in answers) >= 0.120
    with serving("sendgrid", SENDGRID_LATENCY_MS="0", SENDGRID_REQUESTS_PER_SECOND="2") as address:
        answers = [send(address, mail()) for _ in range(10)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == ("2", "0")
        assert refused.json()["errors"][0]["message"] == "too many requests"
