"""The lab's extension of telephony: figures of a period's calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.state import CallStatus
from tests.mock_services.backend.support import Founder, Member
from tests.mock_services.backend.telephony.support import own_number, set_up

pytestmark = pytest.mark.anyio

ANALYTICS = "/api/telephony/analytics"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"extensions": True})


async def figures(member: Member, **params: str) -> dict[str, Any]:
    answer = await member.call("GET", ANALYTICS, params=params)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


async def test_the_calls_of_a_period_are_counted(founder: Founder, member: Member, backend: Backend) -> None:
    await set_up(member, own_number(member))
    configuration = backend.telephony.answering(own_number(member))
    assert configuration is not None
    moment = datetime.now(UTC)
    for sid, days_ago, status, duration in (
        ("CA1", 40, CallStatus.COMPLETED, 1000),
        ("CA2", 29, CallStatus.COMPLETED, 90),
        ("CA3", 6, CallStatus.NO_ANSWER, None),
        ("CA4", 6, CallStatus.COMPLETED, 30),
        ("CA5", 0, CallStatus.FAILED, None),
        ("CA6", 0, CallStatus.RINGING, None),
        ("CA7", 0, CallStatus.COMPLETED, 61),
    ):
        call = backend.telephony.add_call(configuration, sid, "+13105550142", status)
        call.created_at = moment - timedelta(days=days_ago)
        call.duration_seconds = duration
        call.answer_time = call.created_at if duration else None

    month = await figures(member)
    assert (month["period"], month["total_calls"], month["answered_calls"]) == ("month", 6, 3)
    assert month["calls_by_status"] == {
        "incoming": 0,
        "ringing": 1,
        "answered": 0,
        "in_progress": 0,
        "completed": 3,
        "failed": 1,
        "no_answer": 1,
        "busy": 0,
    }
    assert (month["answered_rate"], month["average_duration_seconds"]) == (50.0, 60.33)
    assert (len(month["calls_by_day"]), sum(month["calls_by_day"].values())) == (30, 6)
    assert list(month["calls_by_day"]) == sorted(month["calls_by_day"])
    assert month["calls_by_day"][f"{moment - timedelta(days=29):%Y-%m-%d}"] == 1

    week = await figures(member, period="week")
    assert (week["total_calls"], week["average_duration_seconds"], week["answered_rate"]) == (5, 45.5, 40.0)
    assert list(week["calls_by_day"].values()) == [2, 0, 0, 0, 0, 0, 3]
    assert week["start"][10:] == "T00:00:00Z"
    day = await figures(member, period="day")
    assert (day["total_calls"], day["calls_by_day"]) == (3, {f"{moment:%Y-%m-%d}": 3})

    user, stranger = await founder.join(member), await founder.found()
    assert (await figures(user))["total_calls"] == 6
    none = await figures(stranger)
    assert (none["total_calls"], none["answered_rate"], none["average_duration_seconds"]) == (0, 0.0, None)


async def test_any_other_period_is_refused(client: httpx.AsyncClient, member: Member) -> None:
    for period in ("year", "", "DAY"):
        answer = await member.call("GET", ANALYTICS, params={"period": period})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.period")
    assert (await client.get(ANALYTICS)).status_code == 403


async def test_the_extension_is_marked_and_can_be_switched_off(client: httpx.AsyncClient, settings: Settings) -> None:
    operation = (await client.get("/openapi.json")).json()["paths"][ANALYTICS]["get"]
    assert operation["x-lab-extension"] is True
    plain = Backend(settings.model_copy(update={"extensions": False}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(plain), base_url="http://plain") as other:
        member = await Founder(other).found()
        assert (await member.call("GET", ANALYTICS)).status_code == 404
        assert ANALYTICS not in (await other.get("/openapi.json")).text
