"""Section 4 of the contract: simulated calls, and the change of a configuration."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import Founder, Member
from tests.mock_services.backend.telephony.support import CONFIG, INTERNAL_ERROR, own_number, set_up

pytestmark = pytest.mark.anyio

SIMULATE = "/api/telephony/test/simulate-call"


async def test_a_call_is_simulated(member: Member) -> None:
    await set_up(member, own_number(member))
    answer = await member.call("POST", SIMULATE, json={"customer_number": "+19999999999"})
    call = answer.json()
    assert answer.status_code == 200
    assert set(call) == {
        "success",
        "call_id",
        "call_sid",
        "customer_number",
        "organization_number",
        "platform_number",
        "websocket_url",
        "message",
    }
    assert call["success"] is True
    assert call["customer_number"] == "+1234567890"  # a body is ignored
    assert call["organization_number"] == call["platform_number"] == own_number(member)
    assert call["websocket_url"] == f"ws://localhost:8000/api/ws/telephony/stream/{call['call_id']}"
    stored = (await member.call("GET", f"/api/telephony/calls/{call['call_id']}")).json()
    assert (stored["call_sid"], stored["status"], stored["direction"]) == (call["call_sid"], "incoming", "inbound")
    second = await member.call("POST", SIMULATE, params={"customer_number": "+13105550142"})
    assert second.json()["customer_number"] == "+13105550142"
    assert second.json()["call_sid"] != call["call_sid"]


@pytest.fixture(params=[False, True], ids=["sensible", "as on the platform"])
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    defects = frozenset({Defect.TELEPHONY_SIMULATED_CALL} if request.param else ())
    return settings.model_copy(update={"defects": defects})


async def test_a_call_that_cannot_be_taken_is_not_simulated(
    founder: Founder, member: Member, backend: Backend, settings: Settings
) -> None:
    async def refused() -> bool:
        answer = await member.call("POST", SIMULATE)
        if settings.defects:
            return (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
        return answer.status_code == 400

    assert await refused()  # no configuration
    await set_up(member, "+13105550142")
    assert await refused()  # not verified
    await set_up(member, own_number(member), max_concurrent_calls=1)
    assert (await member.call("POST", SIMULATE)).status_code == 200
    assert await refused()  # at its limit
    await set_up(member, own_number(member))
    await member.call("PATCH", CONFIG, json={"is_enabled": False})
    assert await refused()
    await member.call("PATCH", CONFIG, json={"is_enabled": True})
    assert (await member.call("POST", SIMULATE)).status_code == 200
    own = backend.telephony.answering(own_number(member))
    assert own is not None
    own.platform_phone_number = "+1555abcdef0"  # letters are lost when it is looked up
    assert await refused()

    assert (await member.call("POST", SIMULATE, params={"customer_number": "anonymous"})).status_code == 400
    assert (await (await founder.join(member)).call("POST", SIMULATE)).status_code == 403
    assert (await member.call("GET", "/api/telephony/calls")).json()["total"] == 2


@pytest.mark.parametrize("body", [{"is_enabled": False}, {}])
async def test_the_platform_cannot_change_a_configuration(settings: Settings, body: dict[str, Any]) -> None:
    backend = Backend(settings.model_copy(update={"defects": frozenset({Defect.TELEPHONY_CONFIG_UPDATE})}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        assert (await member.call("PATCH", CONFIG, json=body)).status_code == 404  # before the set-up
        configuration = await set_up(member, "+13105550142")
        answer = await member.call("PATCH", CONFIG, json=body)
        assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
        assert (await member.call("GET", CONFIG)).json() == configuration
        assert (await member.call("PATCH", CONFIG, json={"is_enabled": "perhaps"})).status_code == 422
