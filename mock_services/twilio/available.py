"""Twilio's AvailablePhoneNumbers: numbers that can be bought, drawn from the lab's seed, less those that were."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from starlette.responses import Response

from mock_services.core.operations import Authenticate, Exchange, Operation, json_response
from mock_services.core.randomness import Randomness
from mock_services.twilio.errors import InvalidAreaCodeError, NotFoundError
from mock_services.twilio.models import Account, formatted
from mock_services.twilio.rest import ACCOUNT, AREA_CODE

COUNTRY = "US"
MOST = 30  # numbers that one search finds, as Twilio does
DRAWS_PER_NUMBER = 100
NATIONAL = re.compile(r"[2-9][0-9]{2}(?!.11)[2-9][0-9]{6}")  # North American numbering plan
PATTERN = re.compile(r"[0-9A-Za-z*]{2,10}")
KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")


class Place(NamedTuple):
    """Where an area code is used: nowhere in particular, if it is toll-free."""

    area_code: str
    locality: str | None = None
    region: str | None = None
    lata: str | None = None
    postal_code: str | None = None
    latitude: str | None = None
    longitude: str | None = None


PLACES = (
    Place("206", "Seattle", "WA", "674", "98101", "47.606200", "-122.332100"),
    Place("212", "New York", "NY", "132", "10001", "40.714400", "-74.006000"),
    Place("213", "Los Angeles", "CA", "730", "90012", "34.053700", "-118.242700"),
    Place("217", "Springfield", "IL", "374", "62701", "39.801700", "-89.643700"),
    Place("303", "Denver", "CO", "656", "80202", "39.739200", "-104.984700"),
    Place("305", "Miami", "FL", "460", "33130", "25.774300", "-80.193700"),
    Place("312", "Chicago", "IL", "358", "60602", "41.883200", "-87.632400"),
    Place("404", "Atlanta", "GA", "438", "30303", "33.749000", "-84.388000"),
    Place("415", "San Francisco", "CA", "722", "94102", "37.774900", "-122.419400"),
    Place("512", "Austin", "TX", "558", "78701", "30.267200", "-97.743100"),
    Place("617", "Boston", "MA", "128", "02108", "42.360100", "-71.058900"),
)


TOLL_FREE = tuple(Place(code) for code in ("800", "833", "844", "855", "866", "877", "888"))


class Search(BaseModel):
    """What kind of number is wanted. What is not listed here holds for every number of the lab."""

    model_config = ConfigDict(alias_generator=to_pascal)

    area_code: str = ""
    contains: str = ""
    in_region: str = ""
    in_locality: str = ""
    page_size: int = Field(default=MOST, ge=1)


class AvailableNumbers:
    """The searches for numbers. One search finds the same numbers until they are bought."""

    def __init__(self, account: Account, authenticate: Authenticate, randomness: Randomness) -> None:
        self._account = account
        self._authenticate = authenticate
        self._randomness = randomness

    def operations(self) -> Iterable[Operation]:
        """Give the operations, for `core.Service`."""
        for kind, handler in (("Local", self._local), ("TollFree", self._toll_free)):
            yield Operation(
                method="GET",
                path=f"{ACCOUNT}/AvailablePhoneNumbers/{{country}}/{kind}.json",
                handler=handler,
                summary="Find numbers to buy",
                authenticate=self._authenticate,
                query=Search,
            )

    async def _local(self, exchange: Exchange) -> Response:
        search: Search = exchange.query
        places: Iterable[Place] = PLACES
        if search.area_code and search.area_code not in {place.area_code for place in PLACES}:
            places = (Place(search.area_code),)  # somewhere in the country
        return self._find(exchange, "local", _fitting(search, places))

    async def _toll_free(self, exchange: Exchange) -> Response:
        search: Search = exchange.query
        return self._find(exchange, "toll free", _fitting(search, TOLL_FREE))

    def _find(self, exchange: Exchange, kind: str, places: list[Place]) -> Response:
        search: Search = exchange.query
        path = exchange.request.url.path
        if exchange.path["country"] != COUNTRY:
            raise NotFoundError(path)
        if search.area_code and not AREA_CODE.fullmatch(search.area_code):
            raise InvalidAreaCodeError(f"The area code {search.area_code} is not valid")
        random = self._randomness.fresh(f"available {kind} {search.model_dump(exclude={'page_size'})}")
        size = min(search.page_size, MOST)
        draws = islice(_draw(random, places, search.contains), size * DRAWS_PER_NUMBER)
        found: dict[str, dict[str, Any]] = {}
        for draw in draws:
            if draw is not None and self._account.number(draw[0]) is None:
                found[draw[0]] = draw[1]
                if len(found) == size:
                    break
        query = exchange.request.url.query
        uri = f"{path}?{query}" if query else path
        return json_response({"uri": uri, "available_phone_numbers": list(found.values())})


def _fitting(search: Search, places: Iterable[Place]) -> list[Place]:
    return [
        place
        for place in places
        if search.area_code in {"", place.area_code}
        and search.in_region in {"", place.region}
        and search.in_locality in {"", place.locality}
    ]


def _draw(random: Random, places: list[Place], contains: str) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """Draw numbers with what they must contain, each with its resource, or None where a draw makes no number."""
    if not places or (contains and not PATTERN.fullmatch(contains)):
        return
    pattern = contains.upper().translate(KEYPAD)
    while True:
        place = random.choice(places)
        drawn = f"{place.area_code}{random.randrange(10**7):07}"
        at = random.randrange(len(drawn) - len(pattern) + 1)
        end = at + len(pattern)
        laid = (own if wanted == "*" else wanted for own, wanted in zip(drawn[at:end], pattern, strict=True))
        digits = f"{drawn[:at]}{''.join(laid)}{drawn[end:]}"
        fits = digits.startswith(place.area_code) and NATIONAL.fullmatch(digits)
        yield (f"+1{digits}", _resource(f"+1{digits}", place)) if fits else None


def _resource(number: str, place: Place) -> dict[str, Any]:
    return {
        "friendly_name": formatted(number),
        "phone_number": number,
        "lata": place.lata,
        "locality": place.locality,
        "rate_center": place.locality.upper().replace(" ", "") if place.locality else None,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "region": place.region,
        "postal_code": place.postal_code,
        "iso_country": COUNTRY,
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": True, "SMS": True, "MMS": True},
    }
