"""Section 4 of the contract: configuration, webhooks, calls and their messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.schemas import CallView, ConfigurationView
from mock_services.backend.telephony.twiml import UNAVAILABLE
from tests.mock_services.backend.support import Founder, Member, twilio_validator

pytestmark = pytest.mark.anyio

UNKNOWN = "00000000-0000-4000-8000-000000000000"
INCOMING = "/api/telephony/webhook/incoming-call"
STATUS = "/api/telephony/webhook/call-status"
CALLER = "+15557654321"


class Caller:
    """Sends Twilio's webhooks for one organisation."""

    def __init__(self, member: Member, settings: Settings) -> None:
        self.member = member
        self.number = f"+1555{member.organization['id'][:7]}"
        self._validator = twilio_validator(settings.twilio_auth_token)

    async def set_up(self, **changes: Any) -> dict[str, Any]:
        body = {"organization_phone_number": self.number} | changes
        answer = await self.member.call("POST", "/api/telephony/setup", json=body)
        assert answer.status_code == 200, answer.text
        configuration: dict[str, Any] = answer.json()
        return configuration

    async def send(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        url = f"http://backend{path}"
        signed = {"X-Twilio-Signature": self._validator.compute_signature(url, form)}
        return await self.member.client.post(path, data=form, headers=signed | headers)

    async def dial(self, call_sid: str, **changes: str) -> Element:
        form = {"CallSid": call_sid, "From": CALLER, "To": self.number, "CallStatus": "ringing", "ToZip": ""} | changes
        answer = await self.send(INCOMING, form)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/xml")
        document: Element = fromstring(answer.text)
        assert document.tag == "Response"
        return document

    async def calls(self, **params: Any) -> dict[str, Any]:
        page: dict[str, Any] = (await self.member.call("GET", "/api/telephony/calls", params=params)).json()
        return page


def refusal(document: Element) -> str:
    """Give what a refused caller hears."""
    assert [verb.tag for verb in document] == ["Say", "Hangup"]
    return document[0].text or ""


@pytest.fixture
def caller(member: Member, settings: Settings) -> Caller:
    return Caller(member, settings)


async def test_telephony_is_set_up_and_changed(caller: Caller, founder: Founder) -> None:
    member = caller.member
    user = await founder.join(member)
    for path in ("/api/telephony/config", "/api/telephony/forwarding-instructions"):
        assert (await member.call("GET", path)).status_code == 404
    assert (await member.call("PATCH", "/api/telephony/config", json={})).status_code == 404

    pending = await caller.set_up(organization_phone_number="(555) 202-1926", voice_id="aura-2-luna-en")
    assert set(pending) == set(ConfigurationView.model_fields)
    assert pending["organization_phone_number"] == "+15552021926"
    assert (pending["platform_phone_number"], pending["verification_status"]) == (caller.number, "pending")
    assert (pending["max_concurrent_calls"], pending["is_enabled"]) == (5, True)

    verified = await caller.set_up(max_concurrent_calls=2)  # its own platform number needs no verification
    assert (verified["id"], verified["verification_status"]) == (pending["id"], "verified")
    assert (await user.call("GET", "/api/telephony/config")).json() == verified
    changed = await member.call("PATCH", "/api/telephony/config", json={"is_enabled": False, "welcome_message": "Hi"})
    assert changed.json() == verified | {
        "is_enabled": False,
        "welcome_message": "Hi",
        "updated_at": changed.json()["updated_at"],
    }
    told = await user.call("GET", "/api/telephony/forwarding-instructions")
    assert caller.number in told.json()["instructions"]

    for method, path in (("POST", "setup"), ("PATCH", "config")):
        assert (await user.call(method, f"/api/telephony/{path}", json={})).status_code == 403
    for number, status in (("12345", 400), ("1" * 16, 400), (None, 422)):
        body = {"organization_phone_number": number}
        assert (await member.call("POST", "/api/telephony/setup", json=body)).status_code == status


async def test_a_good_call_is_connected_to_the_voice_agent(caller: Caller) -> None:
    await caller.set_up()
    document = await caller.dial("CA1")
    (connect,) = document
    (stream,) = connect
    assert (connect.tag, stream.tag) == ("Connect", "Stream")
    assert stream.attrib == {"url": "wss://backend/api/ws/telephony/voice-agent/stream"}
    assert {each.attrib["name"]: each.attrib["value"] for each in stream} == {
        "call_sid": "CA1",
        "tenant_id": caller.member.organization["id"],
        "from": CALLER,
        "to": caller.number,
        "org_phone": caller.number,
    }
    (call,) = (await caller.calls())["calls"]
    assert set(call) == set(CallView.model_fields)
    assert (call["call_sid"], call["status"], call["customer_phone_number"]) == ("CA1", "ringing", CALLER)
    assert (call["duration_seconds"], call["end_time"], call["transcript"]) == (None, None, None)


async def test_values_are_escaped_in_the_twiml(caller: Caller) -> None:
    await caller.set_up()
    sid = "<\"&'>"
    (connect,) = await caller.dial(sid)
    assert connect[0][0].attrib == {"name": "call_sid", "value": sid}


BAD_CALLS: dict[str, dict[str, Any]] = {
    "no signature": {"headers": {"X-Twilio-Signature": ""}},
    "a wrong signature": {"headers": {"X-Twilio-Signature": "3EtgZdP9Ddbf+ldFbAWWVC+xGVE="}},
    "a field that was not signed": {"extra": {"CallSid": "CA2"}},
    "no CallSid": {"form": {"CallSid": ""}},
    "a withheld caller": {"form": {"From": "anonymous"}},
    "a short caller": {"form": {"From": "+123456789"}},
}


@pytest.mark.parametrize("case", BAD_CALLS)
async def test_a_bad_call_gets_the_error_twiml_and_leaves_nothing(caller: Caller, case: str) -> None:
    await caller.set_up()
    bad = BAD_CALLS[case]
    form = {"CallSid": "CA1", "From": CALLER, "To": caller.number, "CallStatus": "ringing"} | bad.get("form", {})
    signature = caller._validator.compute_signature(f"http://backend{INCOMING}", form)
    headers = {"X-Twilio-Signature": signature} | bad.get("headers", {})
    answer = await caller.member.client.post(INCOMING, data=form | bad.get("extra", {}), headers=headers)
    assert answer.status_code == 200
    assert "\n" not in answer.text
    assert "there was an error" in refusal(fromstring(answer.text))
    assert (await caller.calls())["total"] == 0


async def test_json_is_not_a_form(caller: Caller) -> None:
    await caller.set_up()
    for path, text in ((INCOMING, "there was an error"), (STATUS, "400: Missing CallSid")):
        signature = caller._validator.compute_signature(f"http://backend{path}", {})
        answer = await caller.member.client.post(
            path, json={"CallSid": "CA1"}, headers={"X-Twilio-Signature": signature}
        )
        assert answer.status_code == 200
        assert text in answer.text


async def test_a_call_sid_is_taken_once(caller: Caller) -> None:
    await caller.set_up()
    assert (await caller.dial("CA1"))[0].tag == "Connect"
    assert "there was an error" in refusal(await caller.dial("CA1"))
    assert (await caller.calls())["total"] == 1


async def test_a_number_that_takes_no_calls_is_not_available(
    caller: Caller, founder: Founder, settings: Settings
) -> None:
    assert refusal(fromstring(UNAVAILABLE)) == refusal(await caller.dial("CA1"))  # nobody has this number yet
    await caller.set_up(organization_phone_number="+15552021926")
    assert "is not available" in refusal(await caller.dial("CA2"))  # not verified
    await caller.set_up()
    assert (await caller.dial("CA3"))[0].tag == "Connect"
    await caller.member.call("PATCH", "/api/telephony/config", json={"is_enabled": False})
    assert "is not available" in refusal(await caller.dial("CA4"))


async def test_letters_in_a_tenants_id_make_its_number_unreachable(backend: Backend, caller: Caller) -> None:
    configuration = await caller.set_up()
    stored = backend.telephony.configuration(backend.accounts.by_subdomain["garden1"].id)
    number = stored.platform_phone_number[:-1] + "f"
    backend.telephony._by_platform_number = {number: stored}
    stored.platform_phone_number = number
    assert configuration["verification_status"] == "verified"
    assert "is not available" in refusal(await caller.dial("CA1", To=number))


async def test_a_tenant_takes_a_number_of_calls_at_a_time(backend: Backend, caller: Caller) -> None:
    await caller.set_up(max_concurrent_calls=2)
    assert [(await caller.dial(f"CA{number}"))[0].tag for number in range(3)] == ["Connect", "Connect", "Say"]
    await caller.send(STATUS, {"CallSid": "CA0", "CallStatus": "completed"})
    assert (await caller.dial("CA3"))[0].tag == "Connect"
    assert (await caller.dial("CA4"))[0].tag == "Say"
    stale = backend.telephony.by_sid("CA1")
    assert stale is not None
    stale.created_at -= timedelta(minutes=31)  # an abandoned call blocks the tenant for half an hour
    assert (await caller.dial("CA5"))[0].tag == "Connect"
    assert stale.status == "failed"


@pytest.mark.parametrize(
    ("reported", "stored", "over"),
    [
        ("queued", "incoming", False),
        ("ringing", "ringing", False),
        ("in-progress", "in_progress", False),
        ("completed", "completed", True),
        ("failed", "failed", True),
        ("no-answer", "no_answer", True),
        ("busy", "busy", False),
        ("answered", "failed", True),
        ("canceled", "failed", True),
        ("", "failed", True),
    ],
)
async def test_a_status_is_mapped(caller: Caller, reported: str, stored: str, over: bool) -> None:
    await caller.set_up()
    await caller.dial("CA1")
    form = {"CallSid": "CA1", "CallStatus": reported, "CallDuration": "42", "RecordingUrl": "http://r"}
    answer = await caller.send(STATUS, form)
    assert answer.json() == {"status": "ok"}
    (call,) = (await caller.calls())["calls"]
    assert call["status"] == stored
    assert (call["end_time"] is not None) is over
    assert (call["duration_seconds"], call["recording_url"]) == (None, None)


async def test_a_status_that_is_not_taken_is_still_a_200(caller: Caller) -> None:
    form = {"CallSid": "CA9", "CallStatus": "completed"}
    for headers, message in (
        ({}, "Call not found: CA9"),
        ({"X-Twilio-Signature": ""}, "403: Missing webhook signature"),
        ({"X-Twilio-Signature": "x"}, "403: Invalid webhook signature"),
    ):
        answer = await caller.send(STATUS, form, **headers)
        assert (answer.status_code, answer.json()) == (200, {"status": "error", "message": message})
    answer = await caller.send(STATUS, {"CallStatus": "completed"})
    assert answer.json() == {"status": "error", "message": "400: Missing CallSid"}


async def test_calls_are_listed_newest_first(caller: Caller, founder: Founder) -> None:
    await caller.set_up(max_concurrent_calls=100)
    for number in range(25):
        await caller.dial(f"CA{number}")
    await caller.send(STATUS, {"CallSid": "CA7", "CallStatus": "completed"})
    for params, sids in (
        ({}, range(24, 4, -1)),
        ({"page": 2}, range(4, -1, -1)),
        ({"per_page": 1000}, range(24, -1, -1)),
        ({"page": 3}, ()),
        ({"page": 2**63 - 1, "per_page": 2**63 - 1}, ()),
        ({"status": "completed"}, (7,)),
        ({"status": "no_answer"}, ()),
        ({"page_size": 3, "start_date": "x"}, range(24, 4, -1)),
    ):
        page = await caller.calls(**params)
        assert [call["call_sid"] for call in page["calls"]] == [f"CA{number}" for number in sids], params
    assert set(page) == {"calls", "total", "page", "per_page"}
    for bad, status in (
        ({"status": "in-progress"}, 400),
        ({"page": 0}, 422),
        ({"page": 2**63}, 422),
        ({"per_page": -1}, 422),
        ({"per_page": 2**63}, 422),
    ):
        assert (await caller.member.call("GET", "/api/telephony/calls", params=bad)).status_code == status
    call = (await caller.calls(status="completed"))["calls"][0]
    path = f"/api/telephony/calls/{call['id']}"
    assert (await caller.member.call("GET", path)).json() == call
    stranger = await founder.found()
    for member, target, status in (
        (stranger, path, 404),
        (caller.member, f"/api/telephony/calls/{UNKNOWN}", 404),
        (caller.member, "/api/telephony/calls/CA7", 422),
    ):
        assert (await member.call("GET", target)).status_code == status


LINE = {
    "content": "Hello",
    "sender": {"identifier": CALLER, "type": "customer"},
    "timestamp": "2026-01-01T10:00:00Z",
    "message_type": "transcript",
}


async def test_a_calls_messages_are_kept(caller: Caller, founder: Founder) -> None:
    await caller.set_up()
    await caller.dial("CA1")
    (call,) = (await caller.calls())["calls"]
    path = f"/api/telephony/calls/{call['id']}/messages"
    member, user = caller.member, await founder.join(caller.member)

    none = (await user.call("GET", f"{path}/summary")).json()
    assert (none["call_id"], none["summary"]) == (call["id"], None)
    assert set(none) == {"call_id", "summary", "message"}
    first = await member.call("POST", path, json=LINE | {"metadata": {"confidence_score": 0.5}})
    assert first.status_code == 200
    assert first.json()["metadata"] == {"confidence_score": 0.5}
    earlier = LINE | {"content": "Good day", "timestamp": "2026-01-01T09:00:00Z"}
    earlier["sender"] = {"identifier": "voice_agent", "type": "agent", "name": "AI Agent"}
    summary = LINE | {"content": "They greeted.", "message_type": "summary"}
    bulk = (await member.call("POST", f"{path}/bulk", json=[earlier, summary])).json()
    assert (bulk["call_id"], bulk["created_count"], len(bulk["message_ids"])) == (call["id"], 2, 2)
    assert (await member.call("POST", f"{path}/bulk", json=[])).json()["created_count"] == 0

    async def listed(**params: Any) -> list[str]:
        answer = (await user.call("GET", path, params=params)).json()
        assert answer["call_id"] == call["id"]
        return [message["content"] for message in answer["messages"]]

    assert await listed() == ["Good day", "Hello", "They greeted."]
    assert await listed(order_dir="desc", limit=1) in (["Hello"], ["They greeted."])
    assert await listed(order_by="created_at") == ["Hello", "Good day", "They greeted."]
    assert await listed(message_type="summary") == ["They greeted."]
    assert await listed(sender_type="agent") == ["Good day"]
    assert await listed(offset=1, limit=1) == ["Hello"]
    assert (await user.call("GET", path, params={"limit": -1})).status_code == 422

    for params in ({}, {"format": "text"}, {"format": "pdf"}):
        text = (await user.call("GET", f"{path}/transcript", params=params)).json()
        assert text["transcript"] == "AI Agent: Good day\ncustomer: Hello"
    structured = (await user.call("GET", f"{path}/transcript", params={"format": "json"})).json()
    assert [message["content"] for message in structured["messages"]] == ["Good day", "Hello"]
    assert (await user.call("GET", f"{path}/summary")).json()["summary"] == "They greeted."
    shown = (await user.call("GET", f"/api/telephony/calls/{call['id']}")).json()
    assert (shown["summary"], shown["transcript"]) == ("They greeted.", "AI Agent: Good day\ncustomer: Hello")

    one = f"{path}/{first.json()['id']}"
    assert (await member.call("PATCH", one, json={"content": "Hallo"})).json()["content"] == "Hallo"
    assert (await member.call("DELETE", one)).json() == {"detail": "Message deleted successfully"}
    assert (await member.call("DELETE", one)).status_code == 404

    for method, target, body in (
        ("POST", path, LINE),
        ("POST", f"{path}/bulk", []),
        ("PATCH", one, {}),
        ("DELETE", one, None),
    ):
        assert (await user.call(method, target, json=body)).status_code == 403
    misfits: list[dict[str, Any]] = [{"content": ""}, {"message_type": "joke"}, {"sender": {}}, {"timestamp": "now?"}]
    for change in misfits:
        assert (await member.call("POST", path, json=LINE | change)).status_code == 422
    unknown = f"/api/telephony/calls/{UNKNOWN}/messages"
    for suffix in ("", "/transcript", "/summary"):
        assert (await user.call("GET", unknown + suffix)).status_code == 404


async def test_calls_and_their_messages_are_bounded(settings: Settings) -> None:
    backend = Backend(settings.model_copy(update={"max_calls": 3, "max_call_messages": 2}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        caller = Caller(await Founder(client).found(), settings)
        await caller.set_up(max_concurrent_calls=10)
        for number in range(3):
            await caller.dial(f"CA{number}")
        assert "there was an error" in refusal(await caller.dial("CA3"))  # three calls are under way
        await caller.send(STATUS, {"CallSid": "CA1", "CallStatus": "completed"})
        assert (await caller.dial("CA3"))[0].tag == "Connect"
        assert [call["call_sid"] for call in (await caller.calls())["calls"]] == ["CA3", "CA2", "CA0"]

        path = f"/api/telephony/calls/{(await caller.calls())['calls'][0]['id']}/messages"
        assert (await caller.member.call("POST", f"{path}/bulk", json=[LINE] * 3)).status_code == 500
        assert (await caller.member.call("GET", path)).json()["total"] == 0
        assert (await caller.member.call("POST", f"{path}/bulk", json=[LINE] * 2)).status_code == 200
        assert (await caller.member.call("POST", path, json=LINE)).status_code == 500
