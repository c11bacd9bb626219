"""Section 4 of the contract: summaries of calls, written by OpenAI's double."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.summaries import WITHOUT_A_MODEL
from tests.mock_services.backend.support import Founder, Member
from tests.mock_services.backend.telephony.support import UNKNOWN, Stub, own_number, set_up

pytestmark = pytest.mark.anyio

CALLS = "/api/telephony/calls"
LINE = {
    "content": "When is the chapel open?",
    "sender": {"identifier": "+13105550142", "type": "customer", "name": "Customer"},
    "timestamp": "2026-03-02T10:00:00Z",
    "message_type": "transcript",
}


async def a_call(member: Member, *lines: dict[str, Any]) -> str:
    await set_up(member, own_number(member))
    call_id = str((await member.call("POST", "/api/telephony/test/simulate-call")).json()["call_id"])
    for line in lines:
        assert (await member.call("POST", f"{CALLS}/{call_id}/messages", json=LINE | line)).status_code == 200
    return call_id


async def test_a_call_is_summarised_once(member: Member, openai: Stub) -> None:
    call_id = await a_call(
        member, {}, {"content": "From nine to five.", "sender": {"identifier": "x", "type": "agent"}}
    )
    path = f"{CALLS}/{call_id}"
    answer = await member.call("POST", f"{path}/generate-summary", headers={"X-Lab-Run-Id": "run-9"})
    made = answer.json()
    assert (answer.status_code, set(made)) == (200, {"success", "call_id", "summary", "message_id", "created_at"})
    assert (made["success"], made["call_id"]) == (True, call_id)
    assert made["summary"].startswith("The caller ")
    asked = openai.json_of("run-9")
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("gpt-4o-mini", 0.3, 300)
    assert asked["messages"][1]["content"].endswith("Customer: When is the chapel open?\nagent: From nine to five.")

    shown = (await member.call("GET", f"{path}/messages/summary")).json()
    assert (shown["summary"], shown["created_at"]) == (made["summary"], made["created_at"])
    (message,) = (await member.call("GET", f"{path}/messages", params={"message_type": "summary"})).json()["messages"]
    assert (message["id"], message["metadata"]) == (made["message_id"], {"is_automated": True})
    assert (await member.call("GET", path)).json()["summary"] == made["summary"]
    assert (await member.call("POST", f"{path}/generate-summary")).status_code == 400
    await member.call("DELETE", f"{path}/messages/{message['id']}")
    assert (await member.call("POST", f"{path}/generate-summary")).status_code == 200


async def test_what_cannot_be_summarised_is_refused(founder: Founder, member: Member, openai: Stub) -> None:
    silent = await a_call(member, {"message_type": "note"})
    user, stranger = await founder.join(member), await founder.found()
    for caller, call_id, status in (
        (member, silent, 400),
        (member, UNKNOWN, 404),
        (stranger, silent, 404),
        (member, "CA1", 422),
        (user, silent, 403),
    ):
        assert (await caller.call("POST", f"{CALLS}/{call_id}/generate-summary")).status_code == status
    assert openai.metrics()["requests"] == {}


async def test_one_of_two_requests_at_once_writes_the_summary(member: Member) -> None:
    call_id = await a_call(member, {})
    path = f"{CALLS}/{call_id}/generate-summary"
    answers = await asyncio.gather(*(member.call("POST", path) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]


@pytest.mark.parametrize("change", [{"openai_base_url": "http://127.0.0.1:1/v1"}, {"openai_api_key": "sk-wrong"}])
async def test_without_openai_a_fixed_text_is_the_summary(
    settings: Settings, caplog: pytest.LogCaptureFixture, change: dict[str, str]
) -> None:
    backend = Backend(settings.model_copy(update=change))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        path = f"{CALLS}/{await a_call(member, {})}"
        with caplog.at_level(logging.WARNING, "mock_services.backend"):
            answer = await member.call("POST", f"{path}/generate-summary")
        assert (answer.status_code, answer.json()["summary"]) == (200, WITHOUT_A_MODEL)
        assert (await member.call("POST", f"{path}/generate-summary")).status_code == 400
    await backend.openai.close()
    (record,) = caplog.records
    assert " is not summarised: " in record.getMessage()
