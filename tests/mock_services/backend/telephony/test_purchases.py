"""Section 4 of the contract: Twilio's numbers, which the platform never manages to show."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.defects import Defect
from mock_services.backend.settings import Settings
from mock_services.backend.telephony.number_schemas import AvailableNumber, OwnedNumber
from mock_services.backend.vendors.twilio import TwilioFailed, TwilioRest
from tests.mock_services.backend.support import Founder, Member
from tests.mock_services.backend.telephony.scripted import scripted
from tests.mock_services.backend.telephony.support import HANDLED_ERROR, INTERNAL_ERROR, Stub

pytestmark = pytest.mark.anyio

NUMBERS = "/api/telephony/numbers"
SEARCH, OWNED, PURCHASE = f"{NUMBERS}/search", f"{NUMBERS}/owned", f"{NUMBERS}/purchase"


async def test_a_number_is_found_bought_and_listed(member: Member, twilio: Stub) -> None:
    assert (await member.call("GET", OWNED)).json() == {"numbers": [], "total": 0}
    answer = await member.call("GET", SEARCH, params={"area_code": "415", "limit": 3})
    found = answer.json()
    assert (answer.status_code, found["total"], len(found["numbers"])) == (200, 3, 3)
    chosen = found["numbers"][0]
    assert set(chosen) == set(AvailableNumber.model_fields)
    assert (chosen["phone_number"][:5], chosen["region"]) == ("+1415", "CA")

    run = {"X-Lab-Run-Id": "run-3"}
    answer = await member.call("POST", PURCHASE, json={"phone_number": chosen["phone_number"]}, headers=run)
    bought = answer.json()
    assert (answer.status_code, bought["success"]) == (200, True)
    assert bought["voice_url"] == "http://backend/api/telephony/webhook/incoming-call"
    assert bought["status_callback"] == "http://backend/api/telephony/webhook/call-status"
    ((name, form),) = twilio.requests("run-3")
    assert name.startswith("POST ")
    assert "VoiceMethod=POST&" in form
    assert form.endswith("&StatusCallbackMethod=POST")
    owned = (await member.call("GET", OWNED)).json()
    assert owned["numbers"] == [{field: bought[field] for field in OwnedNumber.model_fields}]
    again = await member.call("POST", PURCHASE, json={"phone_number": chosen["phone_number"]})
    assert again.status_code == 400  # it is taken


async def test_toll_free_numbers_are_found_too(member: Member, twilio: Stub) -> None:
    numbers = (await member.call("GET", SEARCH, params={"number_type": "toll_free"})).json()["numbers"]
    assert len(numbers) == 10
    assert {number["phone_number"][:3] for number in numbers} == {"+18"}


@pytest.mark.parametrize(
    ("method", "path", "parts", "status"),
    [
        ("GET", SEARCH, {"params": {"area_code": "41"}}, 422),
        ("GET", SEARCH, {"params": {"number_type": "mobile"}}, 422),
        ("GET", SEARCH, {"params": {"country": "../../x"}}, 422),
        ("GET", SEARCH, {"params": {"country": "GB"}}, 400),
        ("GET", SEARCH, {"params": {"limit": 0}}, 422),
        ("POST", PURCHASE, {"json": {}}, 422),
        ("POST", PURCHASE, {"json": {"phone_number": "911"}}, 400),
    ],
)
async def test_what_twilio_does_not_have_is_refused(
    member: Member, twilio: Stub, method: str, path: str, parts: dict[str, Any], status: int
) -> None:
    assert (await member.call(method, path, **parts)).status_code == status
    assert (await member.call("GET", OWNED)).json()["total"] == 0


async def test_numbers_are_for_administrators(founder: Founder, member: Member) -> None:
    user = await founder.join(member)
    for method, path in (("GET", SEARCH), ("GET", OWNED), ("POST", PURCHASE)):
        assert (await user.call(method, path, json={})).status_code == 403


async def test_without_twilio_they_are_500(settings: Settings) -> None:
    backend = Backend(settings.model_copy(update={"twilio_api_url": "http://127.0.0.1:1"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        for method, path, body in (
            ("GET", SEARCH, None),
            ("GET", OWNED, None),
            ("POST", PURCHASE, {"phone_number": "+14155550100"}),
        ):
            answer = await member.call(method, path, json=body)
            assert (answer.status_code, answer.json()) == (500, HANDLED_ERROR)
    await backend.twilio.close()


async def test_on_the_platform_none_succeeds_and_a_purchase_is_made_all_the_same(
    settings: Settings, twilio: Stub
) -> None:
    backend = Backend(settings.model_copy(update={"defects": frozenset({Defect.TELEPHONY_NUMBERS})}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(backend), base_url="http://backend") as client:
        member = await Founder(client).found()
        for method, path, body, sent in (
            ("GET", SEARCH, None, []),
            ("GET", OWNED, None, ["GET"]),
            ("POST", PURCHASE, {"phone_number": "+14155550100"}, ["POST"]),
        ):
            answer = await member.call(method, path, json=body, headers={"X-Lab-Run-Id": path[-6:]})
            assert (answer.status_code, answer.json()) == (500, INTERNAL_ERROR)
            assert [name.split()[0] for name, _ in twilio.requests(path[-6:])] == sent
        assert [number["phone_number"] for number in await backend.twilio.owned_numbers()] == ["+14155550100"]
    await backend.twilio.close()


OWNED_PATH = "/2010-04-01/Accounts/AC7/IncomingPhoneNumbers.json"


async def test_a_list_is_read_page_by_page() -> None:
    pages = [
        {"incoming_phone_numbers": [{"sid": "PN1"}, {"sid": "PN2"}], "next_page_uri": f"{OWNED_PATH}?Page=1"},
        {"incoming_phone_numbers": [{"sid": "PN3"}], "next_page_uri": None},
    ]
    async with scripted(*((200, json.dumps(page)) for page in pages)) as (url, heads):
        twilio = TwilioRest(url, "AC7", "token", 5)
        assert [number["sid"] for number in await twilio.owned_numbers("run-1")] == ["PN1", "PN2", "PN3"]
        await twilio.close()
    assert [head.split()[1] for head in heads] == [f"{OWNED_PATH}?PageSize=1000", f"{OWNED_PATH}?Page=1"]
    for head in heads:
        assert "authorization: basic qum3onrva2vu" in head.lower()
        assert "x-lab-run-id: run-1" in head.lower()


@pytest.mark.parametrize(
    ("status", "body", "reason", "blamed"),
    [
        (400, '{"code": 21422}', "^Twilio answered 400: .*21422", True),
        (404, "{}", "^Twilio answered 404", True),
        (401, "{}", "^Twilio answered 401", False),
        (429, "{}", "^Twilio answered 429", False),
        (503, "busy", "^Twilio answered 503: busy$", False),
        (200, "<html>", "^Twilio's answer is no JSON object: <html>$", False),
        (200, "[]", "no JSON object", False),
        (200, "{}", "^Twilio's list has no incoming_phone_numbers$", False),
        (200, '{"incoming_phone_numbers": [7]}', "has no incoming_phone_numbers", False),
    ],
)
async def test_a_failure_says_what_twilio_answered(status: int, body: str, reason: str, blamed: bool) -> None:
    async with scripted((status, body)) as (url, _):
        twilio = TwilioRest(url, "AC7", "token", 5)
        with pytest.raises(TwilioFailed, match=reason) as failed:
            await twilio.owned_numbers()
        await twilio.close()
    assert failed.value.blames_request is blamed
