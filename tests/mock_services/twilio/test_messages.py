"""Twilio's own SDK sends messages and reads them back; they are delivered in time, and refused with Twilio's codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mock_services.twilio.messages import Message, MessageLog, segments
from tests.mock_services.twilio.lab import ACCOUNT, TOKEN, Double, Target, eventually, running_double
from tests.mock_services.twilio.sdk import client, refused
from utils.sms import Inbox

SENDER, RECIPIENT, OTHER = "+15005550006", "+13105550142", "+13105550143"
HELLO = {"from_": SENDER, "to": RECIPIENT, "body": "Hello"}


def send(sdk: Any, **changes: str) -> Any:
    return sdk.messages.create(**(HELLO | changes))


@pytest.mark.anyio
async def test_a_message_is_queued_then_sent_then_delivered(sdk: Any, double: Double) -> None:
    message = send(sdk, body="Your code is 123456")
    assert (message.status, message.direction, message.num_segments) == ("queued", "outbound-api", "1")
    assert (message.sid[:2], len(message.sid)) == ("SM", 34)
    assert (message.from_, message.to, message.body) == (SENDER, RECIPIENT, "Your code is 123456")
    assert message.date_sent is message.price is message.error_code is None
    await eventually(lambda: bool(message.fetch().status == "delivered"))
    delivered = message.fetch()
    assert message.date_created <= delivered.date_sent <= delivered.date_updated
    assert delivered.price == "-0.00790"
    assert double.metrics()["messages"] == {"kept": 1, "accepted": 1, "sent": 1, "delivered": 1}


@pytest.mark.anyio
async def test_its_status_callback_is_told_all_but_the_first_status(sdk: Any, target: Target, double: Double) -> None:
    message = send(sdk, status_callback=f"{target.url}/status")
    await eventually(lambda: len(target.webhooks) == 2)
    told = [form for _, form in target.webhooks]
    assert sorted(form["MessageStatus"] for form in told) == ["delivered", "sent"]
    assert {name: told[0][name] for name in ("MessageSid", "SmsSid", "To", "From", "AccountSid", "ApiVersion")} == {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "To": RECIPIENT,
        "From": SENDER,
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
    }
    send(sdk, status_callback=f"{target.url}/nowhere")
    await eventually(lambda: bool(double.metrics()["messages"].get("callbacks_failed") == 2))
    assert double.metrics()["messages"]["callbacks"] == 2


def test_messages_are_listed_newest_first_filtered_and_in_pages(sdk: Any) -> None:
    number = sdk.incoming_phone_numbers.create(phone_number="+15555550100").phone_number
    for place in range(7):
        send(sdk, body=str(place), to=OTHER if place % 2 else RECIPIENT, from_=number if place < 2 else SENDER)

    def bodies(**options: Any) -> str:
        return "".join(message.body for message in sdk.messages.list(**options))

    assert bodies() == bodies(page_size=2) == "6543210"
    assert bodies(to=OTHER, page_size=1) == "531"
    assert bodies(to=RECIPIENT, from_=number) == "0"
    assert bodies(from_=number) == "10"
    assert bodies(to="+13105550199") == ""
    assert bodies(limit=3) == "654"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "3105550142"}, 21211),
        ({"to": "+1310555014٢"}, 21211),
        ({"to": "+15005550001"}, 21211),
        ({"to": "+15005550002"}, 21612),
        ({"to": "+15005550003"}, 21408),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"to": "nobody", "from_": "nobody"}, 21211),
        ({"from_": ""}, 21603),
        ({"from_": "Chapel"}, 21212),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+15005550007"}, 21606),
        ({"from_": "+15555550100"}, 21606),  # not bought
        ({"from_": "+15005550008"}, 21611),
        ({"to": SENDER}, 21266),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"status_callback": "ftp://lab.example.com/"}, 21609),
        ({"status_callback": "http://lab.example.com/" + "x" * 2048}, 20001),
    ],
)
def test_a_message_that_cannot_be_sent(sdk: Any, changes: dict[str, str], code: int) -> None:
    assert refused(sdk.messages.create, **(HELLO | changes)) == (400, code)
    assert sdk.messages.list() == []


@pytest.mark.anyio
async def test_messages_are_found_by_when_they_were_sent(sdk: Any) -> None:
    message = send(sdk)
    await eventually(lambda: sdk.messages(message.sid).fetch().status == "delivered")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert [each.sid for each in sdk.messages.list(date_sent=now)] == [message.sid]
    assert len(sdk.messages.list(date_sent_after=now - hour, date_sent_before=now + hour)) == 1
    assert sdk.messages.list(date_sent_before=now - hour) == []


@pytest.mark.anyio
async def test_a_message_is_redacted_and_deleted(sdk: Any) -> None:
    message = send(sdk)
    assert refused(sdk.messages(message.sid).delete) == (409, 20009)
    await eventually(lambda: sdk.messages(message.sid).fetch().status == "delivered")
    assert refused(sdk.messages(message.sid).update, body="something else") == (400, 20001)
    assert sdk.messages(message.sid).update(body="").body == ""
    assert refused(sdk.messages(message.sid).update, status="canceled") == (400, 30409)
    assert sdk.messages(message.sid).delete() is True
    assert refused(sdk.messages(message.sid).fetch) == (404, 20404)


def test_a_message_that_waits_can_be_canceled() -> None:
    with running_double(TWILIO_SMS_SENT_MS="60000") as double:
        sdk = client(double)
        message = send(sdk)
        assert sdk.messages(message.sid).update(status="canceled").status == "canceled"
        sdk.http_client.session.close()


def test_a_message_that_is_not_there_is_20404(sdk: Any) -> None:
    assert refused(sdk.messages("SM" + "0" * 32).fetch) == (404, 20404)


def test_a_reset_forgets_them(sdk: Any, double: Double) -> None:
    send(sdk)
    double.reset()
    assert sdk.messages.list() == []
    assert double.metrics()["messages"] == {"kept": 0}


def test_the_suite_reads_a_code_as_a_person_does(sdk: Any, double: Double) -> None:
    inbox = Inbox(double.url, ACCOUNT, TOKEN)
    assert inbox.available()
    assert not Inbox(double.url, ACCOUNT, "wrong").available()
    assert inbox.newest_code(RECIPIENT) is None
    send(sdk, body="Your code is 111111, valid for 10 minutes.")
    send(sdk, body="Your code is 222222, valid for 10 minutes.")
    send(sdk, to=OTHER, body="Your code is 333333, valid for 10 minutes.")
    assert inbox.newest_code(RECIPIENT) == "222222"
    assert inbox.wait_for_code(OTHER, 5) == "333333"


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("x", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),  # two places each
        ("€" * 81, 2),
        ("à" * 160, 1),
        ("á" * 70, 1),  # not in the alphabet of SMS
        ("á" * 71, 2),
        ("🕯" * 35, 1),  # two UTF-16 units each
        ("🕯" * 36, 2),
        ("á" * 134, 2),
        ("á" * 135, 3),
    ],
)
def test_a_long_text_is_sent_in_parts(body: str, count: int) -> None:
    assert segments(body) == count


def test_only_the_newest_messages_are_kept() -> None:
    log = MessageLog(3)
    for place in range(5):
        log.add(Message(SENDER, OTHER if place else RECIPIENT, str(place)))
    assert [message.body for message in log.newest()] == ["4", "3", "2"]
    assert [message.body for message in log.newest(OTHER)] == ["4", "3", "2"]
    assert list(log.newest(RECIPIENT)) == []
    assert len(log) == 3
