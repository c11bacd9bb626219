"""What was used is added up by period, organisation, user and service, and bounded."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from mock_services.backend.store import now
from mock_services.backend.usage.state import Usage, UsageFilter, UsageType, span, totals
from mock_services.core.randomness import Randomness
from tests.mock_services.backend.cast import Cast, assemble, with_root
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

USAGE = "/api/admin/usage"
CALL = uuid.UUID(int=7)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_root(settings)


@pytest.fixture
async def cast(founder: Founder, member: Member) -> Cast:
    return await assemble(founder, member)


async def test_calls_are_added_up(cast: Cast, backend: Backend) -> None:
    tenant_id = uuid.UUID(cast.user.organization["id"])
    backend.usage.add_call(tenant_id, CALL, heard=10, said=20, seconds=61, cents=103)
    backend.usage.add_call(uuid.UUID(cast.root.organization["id"]), CALL, heard=1, said=2, seconds=0, cents=100)
    user_id = uuid.UUID(cast.user.user["id"])
    resource = ("text", "1")
    backend.usage.add(tenant_id, UsageType.TTS_WORDS, 5, provider="elevenlabs", resource=resource, user_id=user_id)

    stats = (await cast.admin.call("GET", f"{USAGE}/stats")).json()
    numbers = {"total_stt_words": 10, "total_tts_words": 25, "total_phone_calls": 1, "total_cost_cents": 103}
    assert stats.items() >= numbers.items()
    assert stats["breakdown_by_user"] == {str(user_id): {"tts_words": 5}}
    assert stats["breakdown_by_service"]["twilio"] == {"telephony_minutes": 2}
    everything = (await cast.root.call("GET", f"{USAGE}/stats", params={"period": "day"})).json()
    assert (everything["period"], everything["total_stt_words"]) == ("day", 11)
    by_organization = (await cast.root.call("GET", f"{USAGE}/by-organization")).json()
    assert {each["tenant_id"]: each["total_phone_calls"] for each in by_organization} == {
        str(tenant_id): 1,
        cast.root.organization["id"]: 1,
    }
    assert (await cast.admin.call("GET", f"{USAGE}/by-organization")).json() == [
        {"tenant_id": str(tenant_id), "tenant_name": cast.user.organization["name"], **numbers}
    ]


async def test_records_are_filtered_and_paged(cast: Cast, backend: Backend) -> None:
    tenant_id = uuid.UUID(cast.user.organization["id"])
    for number in range(3):
        backend.usage.add_call(tenant_id, CALL, heard=number, said=0, seconds=0, cents=0)
    path = f"{USAGE}/records"
    for query, total in (
        ({}, 9),
        ({"usage_type": "stt_words"}, 3),
        ({"service_provider": "deepgram"}, 6),
        ({"user_id": cast.user.user["id"]}, 0),
        ({"tenant_id": cast.root.organization["id"]}, 9),  # an admin asks in vain
        ({"end_date": "2020-01-01"}, 0),
        ({"start_date": "2020-01-01T00:00:00Z", "end_date": "2999-01-01"}, 9),
    ):
        assert (await cast.admin.call("GET", path, params=query)).json()["total"] == total, query
    page = (await cast.admin.call("GET", path, params={"usage_type": "stt_words", "page_size": 2})).json()
    assert [(each["amount"], each["resource_id"]) for each in page["records"]] == [("2", str(CALL)), ("1", str(CALL))]
    assert (await cast.admin.call("GET", path, params={"page": 2**62})).json()["records"] == []
    for query in ({"page": 0}, {"page_size": 101}, {"start_date": "soon"}):
        assert (await cast.admin.call("GET", path, params=query)).status_code == 422
    assert (await cast.admin.call("GET", f"{USAGE}/stats", params={"period": "year"})).status_code == 422


async def test_a_period_may_begin_before_time(cast: Cast) -> None:
    answer = await cast.admin.call("GET", f"{USAGE}/stats", params={"end_date": "0001-01-02"})
    assert (answer.status_code, answer.json()["total_phone_calls"]) == (200, 0)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 500), st.integers(0, 500), st.integers(0, 900))))
def test_nothing_is_lost_or_counted_twice(calls: list[tuple[int, int, int, int]]) -> None:
    usage = Usage(Randomness("tests"), 3 * len(calls) or 1)
    for tenant, heard, said, cents in calls:
        usage.add_call(uuid.UUID(int=tenant), CALL, heard=heard, said=said, seconds=1, cents=cents)
    whole = totals(usage.find(UsageFilter()))
    parts = [totals(usage.find(UsageFilter(tenant_id=uuid.UUID(int=tenant)))) for tenant in (0, 1)]
    assert whole == {name: parts[0][name] + parts[1][name] for name in whole}
    assert whole["total_cost_cents"] == sum(cents for *_, cents in calls)
    assert whole["total_phone_calls"] == len(calls)


def test_the_oldest_record_is_dropped_first() -> None:
    usage = Usage(Randomness("tests"), 3)
    for said in (1, 2):
        usage.add_call(uuid.UUID(int=1), CALL, heard=0, said=said, seconds=0, cents=0)
    assert len(usage) == 3
    assert totals(usage.find(UsageFilter()))["total_tts_words"] == 2


def test_a_period_ends_now_unless_it_is_said() -> None:
    start, end = span("week")
    assert end - start == timedelta(days=7)
    assert now() - end < timedelta(minutes=1)
    assert span("day", start, end) == (start, end)
