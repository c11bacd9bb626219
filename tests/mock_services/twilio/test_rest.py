"""Twilio's own SDK manages numbers and reads calls; what it may not do is refused with Twilio's codes."""

# mypy: allow-untyped-calls
# Twilio's SDK has few annotations.

from __future__ import annotations

from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from tests.mock_services.twilio.lab import ACCOUNT, GREETING_ONLY, TOKEN, Double, Target, phone, running_double
from tests.mock_services.twilio.sdk import client

NUMBER = "+15555550100"
API_KEY = "SK" + "0" * 31 + "7"
URL = "https://lab.example.com/voice"


def test_a_number_is_bought_read_changed_and_released(sdk: Any) -> None:
    bought = sdk.incoming_phone_numbers.create(
        phone_number=NUMBER, voice_url=URL, voice_method="POST", status_callback=URL, status_callback_method="POST"
    )
    assert (bought.phone_number, bought.friendly_name, bought.voice_url) == (NUMBER, "(555) 555-0100", URL)
    assert bought.sid.startswith("PN")
    assert len(bought.sid) == 34
    assert bought.capabilities["voice"] is True
    assert bought.date_created.tzinfo is not None
    changed = sdk.incoming_phone_numbers(bought.sid).update(friendly_name="Front desk", voice_method="get")
    assert (changed.friendly_name, changed.voice_method, changed.voice_url) == ("Front desk", "GET", URL)
    assert sdk.incoming_phone_numbers(bought.sid).fetch().friendly_name == "Front desk"
    assert sdk.incoming_phone_numbers(bought.sid).delete() is True
    assert sdk.incoming_phone_numbers.list() == []


def test_a_number_is_found_in_an_area(sdk: Any) -> None:
    numbers = {sdk.incoming_phone_numbers.create(area_code="415").phone_number for _ in range(3)}
    assert len(numbers) == 3
    assert all(number.startswith("+1415") and len(number) == 12 for number in numbers)


def test_lists_come_in_pages(sdk: Any) -> None:
    numbers = [f"+1555555{place:04}" for place in range(7)]
    for number in numbers:
        sdk.incoming_phone_numbers.create(phone_number=number)
    listed = [number.phone_number for number in sdk.incoming_phone_numbers.list(page_size=3)]
    assert listed == numbers
    assert [n.phone_number for n in sdk.incoming_phone_numbers.list(phone_number=numbers[4])] == [numbers[4]]
    assert len(sdk.incoming_phone_numbers.list(limit=5, page_size=2)) == 5


def test_a_page_says_where_it_stands(double: Double) -> None:
    for place in range(5):
        double.buy(f"+1555555{place:04}")
    query: dict[str, str | int] = {"PageSize": 2, "PhoneNumber": "+1555"}
    headers = {"Authorization": double.basic}
    first = double.http.get(double.numbers_url, params=query, headers=headers).json()
    assert (first["page"], first["page_size"], first["start"], first["end"]) == (0, 2, 0, 1)
    assert first["previous_page_uri"] is None
    assert "PhoneNumber=%2B1555" in first["next_page_uri"]
    last: dict[str, Any] = first
    pages = 1
    while last["next_page_uri"]:
        last = double.http.get(double.url + last["next_page_uri"], headers=headers).json()
        pages += 1
    assert (pages, last["page"], len(last["incoming_phone_numbers"])) == (3, 2, 1)


@pytest.mark.anyio
async def test_calls_are_listed_newest_first_and_filtered(double: Double, target: Target, sdk: Any) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        sids = [(await caller.call(str(place), NUMBER, GREETING_ONLY))[-1]["call_sid"] for place in range(2)]
    listed = sdk.calls.list()
    assert [call.sid for call in listed] == sids[::-1]
    assert {call.status for call in sdk.calls.list(to=NUMBER, status="completed")} == {"completed"}
    assert sdk.calls.list(to="+19999999999") == []
    assert sdk.calls.list(status="in-progress") == []
    call = sdk.calls(sids[0]).fetch()
    assert (call.sid, call.direction, call.to_formatted) == (sids[0], "inbound", "(555) 555-0100")
    assert call.start_time <= call.end_time


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"phone_number": "5555550100"}, 21421),
        ({"phone_number": "+0123"}, 21421),
        ({"area_code": "1"}, 21421),
        ({}, 21421),
        ({"phone_number": NUMBER, "voice_url": "lab.example.com/voice"}, 21502),
        ({"phone_number": NUMBER, "voice_url": "ftp://lab.example.com/"}, 21502),
        ({"phone_number": NUMBER, "status_callback": "http://a b/"}, 21502),
        ({"phone_number": NUMBER, "voice_method": "PUT"}, 21403),
        ({"phone_number": NUMBER, "friendly_name": "x" * 65}, 20001),
    ],
)
def test_a_number_that_cannot_be_bought(sdk: Any, form: dict[str, str], code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        sdk.incoming_phone_numbers.create(**form)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert sdk.incoming_phone_numbers.list() == []


def test_a_number_that_is_taken_cannot_be_bought_again(sdk: Any) -> None:
    sdk.incoming_phone_numbers.create(phone_number=NUMBER)
    with pytest.raises(TwilioRestException) as refused:
        sdk.incoming_phone_numbers.create(phone_number=NUMBER)
    assert (refused.value.status, refused.value.code) == (400, 21422)


def test_what_is_not_there_is_20404(sdk: Any) -> None:
    for missing in (sdk.incoming_phone_numbers("PN" + "0" * 32), sdk.calls("CA" + "0" * 32)):
        with pytest.raises(TwilioRestException) as refused:
            missing.fetch()
        assert (refused.value.status, refused.value.code) == (404, 20404)
    with pytest.raises(TwilioRestException) as gone:
        sdk.incoming_phone_numbers("PN" + "0" * 32).delete()
    assert gone.value.status == 404


def test_a_wrong_token_is_20003(double: Double) -> None:
    stranger = client(double, "wrong")
    with pytest.raises(TwilioRestException) as refused:
        stranger.incoming_phone_numbers.create(phone_number=NUMBER)
    assert (refused.value.status, refused.value.code) == (401, 20003)
    with pytest.raises(TwilioException, match="HTTP 401"):
        stranger.incoming_phone_numbers.list()
    stranger.http_client.session.close()


def test_an_api_key_does_what_the_token_does() -> None:
    with running_double(TWILIO_API_KEY=API_KEY, TWILIO_API_SECRET="hush") as double:
        by_key, by_token = client(double, "hush", API_KEY), client(double)
        bought = by_key.incoming_phone_numbers.create(phone_number=NUMBER)
        assert bought.account_sid == ACCOUNT
        assert [number.sid for number in by_token.incoming_phone_numbers.list()] == [bought.sid]
        for username, secret in ((API_KEY, TOKEN), (ACCOUNT, "hush"), ("SK" + "1" * 32, "hush"), (API_KEY, "")):
            answer = double.http.get(double.numbers_url, auth=(username, secret))
            assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        for sdk in (by_key, by_token):
            sdk.http_client.session.close()


def test_another_accounts_resources_are_not_found(double: Double) -> None:
    url = double.numbers_url.replace(ACCOUNT, "AC" + "0" * 32)
    answer = double.http.get(url, headers={"Authorization": double.basic})
    assert (answer.status_code, answer.json()["code"]) == (404, 20404)


@pytest.mark.parametrize("query", ["PageSize=0", "PageSize=many", "Page=-1"])
def test_a_page_that_cannot_be_is_refused(double: Double, query: str) -> None:
    answer = double.http.get(f"{double.numbers_url}?{query}", headers={"Authorization": double.basic})
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_a_method_that_is_not_there_is_20004(double: Double) -> None:
    answer = httpx.put(double.numbers_url, headers={"Authorization": double.basic})
    assert (answer.status_code, answer.json()["code"]) == (405, 20004)


def test_an_account_holds_so_many_numbers_and_no_more() -> None:
    with running_double(TWILIO_MAX_NUMBERS="1") as small:
        small.buy(NUMBER)
        form = {"PhoneNumber": "+15555550101"}
        answer = small.http.post(small.numbers_url, data=form, headers={"Authorization": small.basic})
    assert (answer.status_code, "TWILIO_MAX_NUMBERS" in answer.json()["message"]) == (400, True)
