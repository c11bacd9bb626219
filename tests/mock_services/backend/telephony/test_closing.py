"""Section 6 of the contract: what is written down at the end of a call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.state import Call, CallStatus
from mock_services.backend.telephony.summaries import Summaries
from mock_services.backend.usage.state import UsageFilter
from mock_services.backend.voice_agent.closing import Closing
from mock_services.backend.voice_agent.dialogue import Line
from tests.mock_services.backend.support import Member
from tests.mock_services.backend.telephony.support import own_number, set_up

pytestmark = pytest.mark.anyio

CALLER = "+13105550142"


def line(role: str, words: int) -> Line:
    return Line("user" if role == "user" else "assistant", " ".join(["word"] * words), datetime.now(UTC))


def closing(backend: Backend) -> Closing:
    return Closing(backend.telephony, backend.usage, Summaries(backend.telephony, backend.openai))


async def a_call(backend: Backend, member: Member) -> Call:
    await set_up(member, own_number(member))
    configuration = backend.telephony.answering(own_number(member))
    assert configuration is not None
    return backend.telephony.add_call(configuration, "CA1", CALLER, CallStatus.IN_PROGRESS)


@pytest.mark.parametrize(
    ("seconds", "words", "cost", "minutes"),
    [(0, (0, 0), 100, 0), (1, (4, 5), 100, 1), (60, (5, 5), 101, 1), (61, (25, 104), 112, 2)],
)
async def test_a_call_costs_and_counts(
    member: Member, backend: Backend, seconds: int, words: tuple[int, int], cost: int, minutes: int
) -> None:
    call = await a_call(backend, member)
    lines = [line("assistant", words[1]), line("user", words[0])]
    closing(backend).complete(call, CALLER, datetime.now(UTC) - timedelta(seconds=seconds), lines)
    assert (call.status, call.duration_seconds, call.cost_cents) == ("completed", seconds, cost)
    records = backend.usage.find(UsageFilter())
    assert [(record.usage_type, record.amount, record.cost_cents) for record in records] == [
        ("telephony_minutes", minutes, cost),
        ("tts_words", words[1], None),
        ("stt_words", words[0], None),
    ]
    assert {record.resource_id for record in records} == {str(call.id)}
    assert {record.tenant_id for record in records} == {call.tenant_id}
    assert call.conversation is not None
    assert (call.conversation.status, call.conversation.title) == ("completed", f"Call from {CALLER}")
    gauges = (await member.client.get("/__lab/metrics")).json()
    assert (gauges["usage_records"], gauges["call_conversations"]) == (3, 1)
    await member.client.post("/__lab/reset")
    gauges = (await member.client.get("/__lab/metrics")).json()
    assert (gauges["usage_records"], gauges["call_conversations"]) == (0, 0)


async def test_a_call_is_summarised_if_anything_was_said(member: Member, backend: Backend) -> None:
    call = await a_call(backend, member)
    closing(backend).complete(call, CALLER, datetime.now(UTC), [])
    assert await closing(backend).summarise(call) is False
    assert call.messages == {}
    closing(backend).complete(call, CALLER, datetime.now(UTC), [line("user", 3)])
    assert await closing(backend).summarise(call) is True
    assert [message.message_type for message in call.messages.values()] == ["transcript", "summary"]
    assert backend.telephony.conversations() == 1  # it has one conversation, however often it ends


async def test_the_last_place_of_a_calls_messages_is_the_summarys(member: Member, settings: Settings) -> None:
    backend = Backend(settings.model_copy(update={"max_call_messages": 3}))
    configuration = backend.telephony.set_up(
        backend.accounts.add_tenant("Elm", "elm").id, "+13105550100", {"max_concurrent_calls": 5}
    )
    call = backend.telephony.add_call(configuration, "CA1", CALLER, CallStatus.IN_PROGRESS)
    closing(backend).complete(call, CALLER, datetime.now(UTC), [line("user", 1)] * 9)
    assert await closing(backend).summarise(call) is True
    assert [message.message_type for message in call.messages.values()] == ["transcript", "transcript", "summary"]
    await backend.openai.close()


async def test_only_the_newest_usage_is_kept(settings: Settings) -> None:
    backend = Backend(settings.model_copy(update={"max_usage_records": 2}))
    tenant = backend.accounts.add_tenant("Elm", "elm")
    configuration = backend.telephony.set_up(tenant.id, "+13105550100", {"max_concurrent_calls": 5})
    call = backend.telephony.add_call(configuration, "CA1", CALLER, CallStatus.IN_PROGRESS)
    closing(backend).complete(call, CALLER, datetime.now(UTC), [])
    assert [record.usage_type for record in backend.usage.find(UsageFilter())] == ["telephony_minutes", "tts_words"]
