"""Twilio's own SDK looks for numbers to buy."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.mock_services.twilio.lab import Double, running_double
from tests.mock_services.twilio.sdk import client

LOCAL = re.compile(r"\+1[2-9]\d\d[2-9]\d{6}")


def local(sdk: Any, **search: Any) -> list[Any]:
    found: list[Any] = sdk.available_phone_numbers("US").local.list(**search)
    return found


def numbers(found: list[Any]) -> list[str]:
    return [each.phone_number for each in found]


def test_local_numbers_are_found_with_their_places(sdk: Any) -> None:
    found = local(sdk, area_code=415, limit=5)
    assert len(set(numbers(found))) == 5
    for each in found:
        assert LOCAL.fullmatch(each.phone_number)
        assert each.phone_number.startswith("+1415")
        assert each.friendly_name == f"(415) {each.phone_number[5:8]}-{each.phone_number[8:]}"
        assert (each.locality, each.region, each.iso_country) == ("San Francisco", "CA", "US")
        assert each.capabilities["voice"] is True
    assert [each.locality for each in local(sdk, area_code=907, limit=1)] == [None]


def test_one_seed_gives_one_search_the_same_numbers_until_they_are_bought(sdk: Any) -> None:
    first = numbers(local(sdk, limit=4))
    assert numbers(local(sdk, limit=4)) == first
    assert numbers(local(sdk, limit=2)) == first[:2]
    sdk.incoming_phone_numbers.create(phone_number=first[0])
    assert numbers(local(sdk, limit=3)) == first[1:]
    with running_double(LAB_SEED="another") as other:
        second = client(other)
        assert set(numbers(local(second, limit=4))).isdisjoint(first)
        second.http_client.session.close()


@pytest.mark.parametrize(
    ("search", "shape"),
    [
        ({"contains": "5550100"}, r"\+1\d{3}5550100|\+1[2-9]\d*5550100\d*"),
        ({"contains": "415*******"}, r"\+1415\d{7}"),
        ({"contains": "CALL"}, r"\+1\d*2255\d*"),
        ({"area_code": "312", "contains": "99**99"}, r"\+1312\d*99\d\d99\d*"),
        ({"in_region": "CA"}, r"\+1(213|415)\d{7}"),
        ({"in_locality": "Boston"}, r"\+1617\d{7}"),
    ],
)
def test_a_search_is_narrowed(sdk: Any, search: dict[str, str], shape: str) -> None:
    found = numbers(local(sdk, **search, limit=6))
    assert len(found) == 6
    assert all(re.fullmatch(shape, number) for number in found), found


@pytest.mark.parametrize(
    "search", [{"in_region": "CA", "area_code": "312"}, {"contains": "1"}, {"contains": "0000000"}]
)
def test_nothing_may_be_found(sdk: Any, search: dict[str, str]) -> None:
    assert local(sdk, **search) == []


def test_toll_free_numbers_are_nowhere(sdk: Any) -> None:
    found = sdk.available_phone_numbers("US").toll_free.list(limit=10)
    assert {number[2:5] for number in numbers(found)} <= {"800", "833", "844", "855", "866", "877", "888"}
    assert {each.region for each in found} == {None}
    assert sdk.available_phone_numbers("US").toll_free.list(area_code=415) == []


def test_a_search_finds_30_at_most_and_has_no_pages(double: Double) -> None:
    url = double.numbers_url.replace("IncomingPhoneNumbers", "AvailablePhoneNumbers/US/Local")
    headers = {"Authorization": double.basic}
    for query in ("", "?PageSize=1000"):
        answer = httpx.get(url + query, headers=headers).json()
        assert set(answer) == {"uri", "available_phone_numbers"}
        assert len(answer["available_phone_numbers"]) == 30
        assert answer["uri"] == url.removeprefix(double.url) + query
    for refused, status, code in (("?AreaCode=12", 400, 21451), ("?PageSize=0", 400, 20001)):
        answer = httpx.get(url + refused, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert httpx.get(url.replace("/US/", "/GB/"), headers=headers).status_code == 404
    assert httpx.get(url).status_code == 401
