"""Section 4 of the contract: a number is verified by a code, which Twilio's double delivers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.attempts import Attempts
from mock_services.core.randomness import Randomness
from tests.mock_services.backend.support import Founder, Member
from tests.mock_services.backend.telephony.support import (
    CONFIG,
    HANDLED_ERROR,
    INTERNAL_ERROR,
    Stub,
    own_number,
    set_up,
)

pytestmark = pytest.mark.anyio

INITIATE, CONFIRM = "/api/telephony/verify/initiate", "/api/telephony/verify/confirm"
NUMBER = "+13105550142"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def send_code(member: Member, twilio: Stub, number: str = NUMBER) -> str:
    answer = await member.call("POST", INITIATE)
    assert answer.status_code == 200, answer.text
    return twilio.code(number)


async def confirm(member: Member, code: str) -> tuple[int, Any]:
    answer = await member.call("POST", CONFIRM, json={"verification_code": code})
    return answer.status_code, answer.json().get("success")


async def status(member: Member) -> str:
    return str((await member.call("GET", CONFIG)).json()["verification_status"])


async def test_a_number_is_verified_by_the_code_that_its_sms_brings(member: Member, twilio: Stub) -> None:
    configuration = await set_up(member, "(310) 555-0142")
    assert configuration["verification_status"] == "pending"
    answer = await member.call("POST", INITIATE, headers={"X-Lab-Run-Id": "run-7"})
    begun = answer.json()
    assert (answer.status_code, set(begun)) == (200, {"success", "message", "verification_id"})
    assert begun["success"] is True
    assert UUID(begun["verification_id"])
    (message,) = twilio.sms()
    assert (message["to"], message["from"], message["num_segments"]) == (NUMBER, "+15005550006", "1")
    assert "10 minutes" in message["body"]
    ((name, _),) = twilio.requests("run-7")
    assert name == "POST /2010-04-01/Accounts/{account_sid}/Messages.json"
    assert await status(member) == "pending"

    answer = await member.call("POST", CONFIRM, json={"verification_code": twilio.code(NUMBER)})
    assert (answer.status_code, answer.json()["success"], answer.json()["verification_id"]) == (200, True, None)
    assert await status(member) == "verified"
    assert (await member.call("GET", CONFIG)).json()["call_forwarding_enabled"] is True
    assert (await confirm(member, twilio.code(NUMBER)))[0] == 400  # it is used up


async def test_the_third_wrong_code_ends_the_attempt(member: Member, twilio: Stub) -> None:
    await set_up(member, NUMBER)
    code = await send_code(member, twilio)
    for _ in range(2):
        assert await confirm(member, wrong(code)) == (200, False)
    assert await confirm(member, code) == (200, True)

    await set_up(member, NUMBER)
    code = await send_code(member, twilio)
    for attempt in (wrong(code), "", "六六六六六六"):
        assert await confirm(member, attempt) == (200, False)
    assert (await confirm(member, code))[0] == 400
    assert await status(member) == "pending"
    assert await confirm(member, await send_code(member, twilio)) == (200, True)


async def test_without_a_configuration_or_a_code_there_is_nothing_to_do(member: Member, twilio: Stub) -> None:
    assert (await member.call("POST", INITIATE)).status_code == 400
    assert (await confirm(member, "123456"))[0] == 400
    await set_up(member, NUMBER)
    assert (await confirm(member, "123456"))[0] == 400
    assert (await member.call("POST", CONFIRM, json={})).status_code == 422
    assert twilio.sms() == []


async def test_only_administrators_verify(client: httpx.AsyncClient, founder: Founder, member: Member) -> None:
    await set_up(member, NUMBER)
    user = await founder.join(member)
    for path in (INITIATE, CONFIRM):
        assert (await user.call("POST", path, json={})).status_code == 403
        assert (await client.post(path, json={})).status_code == 403


async def test_a_new_code_takes_the_place_of_the_old_one(member: Member, twilio: Stub) -> None:
    await set_up(member, NUMBER)
    first, second = await send_code(member, twilio), await send_code(member, twilio)
    assert first != second
    assert await confirm(member, first) == (200, False)
    assert await confirm(member, second) == (200, True)


async def test_a_code_for_the_old_number_proves_nothing_of_the_new_one(member: Member, twilio: Stub) -> None:
    await set_up(member, NUMBER)
    code = await send_code(member, twilio)
    await set_up(member, "+13105550143")
    assert (await confirm(member, code))[0] == 400
    assert await status(member) == "pending"


async def test_one_tenants_code_is_no_use_to_another(founder: Founder, member: Member, twilio: Stub) -> None:
    stranger = await founder.found()
    await set_up(member, NUMBER)
    await set_up(stranger, "+13105550143")
    code = await send_code(member, twilio)
    assert (await confirm(stranger, code))[0] == 400
    assert await confirm(member, code) == (200, True)
    assert await status(stranger) == "pending"


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("+15005550001", {}),  # Twilio: no valid number
        ("+15005550009", {}),  # Twilio: takes no messages
        (NUMBER, {"twilio_auth_token": "wrong"}),
        (NUMBER, {"twilio_phone_number": "+15005550007"}),  # Twilio: not the account's number
        (NUMBER, {"twilio_api_url": "http://127.0.0.1:1"}),
    ],
)
async def test_a_code_that_cannot_be_sent_is_a_500_and_no_attempt(
    settings: Settings, twilio: Stub, number: str, changes: dict[str, str]
) -> None:
    backend = Backend(settings.model_copy(update=changes))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        await set_up(member, number)
        answer = await member.call("POST", INITIATE)
        assert (answer.status_code, answer.json()) == (500, HANDLED_ERROR)
        assert (await confirm(member, "123456"))[0] == 400
    await backend.twilio.close()
    assert twilio.sms() == []


async def test_a_code_that_is_too_old_is_worth_nothing(settings: Settings, twilio: Stub) -> None:
    backend = Backend(settings.model_copy(update={"verification_code_s": 1e-6}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        await set_up(member, NUMBER)
        assert (await confirm(member, await send_code(member, twilio)))[0] == 400
    await backend.twilio.close()


async def test_the_platform_cannot_tell_two_pending_codes_apart(settings: Settings, twilio: Stub) -> None:
    backend = Backend(settings.model_copy(update={"defects": frozenset({Defect.TELEPHONY_TWO_ATTEMPTS})}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        await set_up(member, NUMBER)
        code = await send_code(member, twilio)
        assert await confirm(member, wrong(code)) == (200, False)
        await send_code(member, twilio)
        answer = await member.call("POST", CONFIRM, json={"verification_code": code})
        assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
        assert await status(member) == "pending"
        await set_up(member, own_number(member))
        assert await status(member) == "verified"
    await backend.twilio.close()


TENANT = UUID(int=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_a_code_is_good_for_ten_minutes() -> None:
    attempts = Attempts(Randomness("a seed"), life_s=600, tries=3)
    attempts.begin(TENANT, "123456", NOON)
    assert len(attempts.pending(TENANT, NOON + timedelta(seconds=599))) == 1
    assert attempts.pending(TENANT, NOON + timedelta(seconds=600)) == []
    assert attempts.life_minutes == 10


async def test_codes_come_from_the_seed() -> None:
    def codes(seed: str) -> list[str]:
        attempts = Attempts(Randomness(seed), life_s=600, tries=3)
        return [attempts.new_code() for _ in range(200)]

    assert codes("a") == codes("a") != codes("b")
    assert all(len(code) == 6 and code.isdigit() for code in codes("a"))
    assert any(code.startswith("0") for code in codes("a"))
