"""Twilio's REST API: IncomingPhoneNumbers and Calls of the account, with its authentication and paging."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from itertools import dropwhile, islice
from random import Random
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from starlette.responses import Response

from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.twilio.errors import (
    InvalidMethodError,
    InvalidNumberError,
    InvalidUrlError,
    NotAuthenticatedError,
    NotFoundError,
)
from mock_services.twilio.http import is_url_text
from mock_services.twilio.models import API_VERSION, Account, CallRecord, Number

E164 = re.compile(r"^\+[1-9]\d{1,14}$")
AREA_CODE = re.compile(r"^[2-9]\d\d$")
ACCOUNT = f"/{API_VERSION}/Accounts/{{account_sid}}"
MAX_PAGE_SIZE = 1000

Item = TypeVar("Item", Number, CallRecord)


class NumberForm(BaseModel):
    """What an IncomingPhoneNumber is made or changed with."""

    model_config = ConfigDict(alias_generator=to_pascal)

    phone_number: str | None = None
    area_code: str | None = None
    friendly_name: str | None = Field(default=None, max_length=64)
    voice_url: str | None = Field(default=None, max_length=2048)
    voice_method: str | None = None
    voice_fallback_url: str | None = Field(default=None, max_length=2048)
    voice_fallback_method: str | None = None
    status_callback: str | None = Field(default=None, max_length=2048)
    status_callback_method: str | None = None
    sms_url: str | None = Field(default=None, max_length=2048)
    sms_method: str | None = None

    def changes(self) -> dict[str, str]:
        """Give the fields that were sent; raise `TwilioError` for a URL or method that cannot be one."""
        values: dict[str, str] = self.model_dump(exclude={"phone_number", "area_code"}, exclude_none=True)
        for name, value in values.items():
            if name.endswith("_method"):
                values[name] = value.upper()
                if values[name] not in {"GET", "POST"}:
                    raise InvalidMethodError(f"{to_pascal(name)} is {value!r}; it takes GET or POST")
            elif name.endswith(("_url", "_callback")) and value and not _is_web_url(value):
                raise InvalidUrlError(f"{to_pascal(name)} is {value!r}, which is not a valid http or https URL")
        return values


class Paging(BaseModel):
    """Which page of a list is asked for."""

    model_config = ConfigDict(alias_generator=to_pascal)

    page_size: int = Field(default=50, ge=1)
    page: int = Field(default=0, ge=0)
    page_token: str = ""


class NumberQuery(Paging):
    """Filters of the list of numbers."""

    phone_number: str = ""
    friendly_name: str = ""


class CallQuery(Paging):
    """Filters of the list of calls."""

    to: str = ""
    from_: str = Field(default="", alias="From")
    status: str = ""
    parent_call_sid: str = ""


class Rest:
    """The operations of the API on one account."""

    def __init__(self, account: Account, auth_token: str, random: Random) -> None:
        self._account = account
        self._credentials = f"{account.sid}:{auth_token}".encode()
        self._random = random

    def operations(self) -> Iterable[Operation]:
        """Give all operations, for `core.Service`."""
        numbers, calls = f"{ACCOUNT}/IncomingPhoneNumbers", f"{ACCOUNT}/Calls"
        for method, path, handler, options in (
            ("POST", f"{numbers}.json", self._buy, {"body": NumberForm, "form": True}),
            ("GET", f"{numbers}.json", self._list_numbers, {"query": NumberQuery}),
            ("GET", f"{numbers}/{{sid}}.json", self._fetch_number, {}),
            ("POST", f"{numbers}/{{sid}}.json", self._change_number, {"body": NumberForm, "form": True}),
            ("DELETE", f"{numbers}/{{sid}}.json", self._release_number, {}),
            ("GET", f"{calls}.json", self._list_calls, {"query": CallQuery}),
            ("GET", f"{calls}/{{sid}}.json", self._fetch_call, {}),
        ):
            yield Operation(method=method, path=path, handler=handler, authenticate=self._authenticate, **options)

    def knows(self, authorization: str) -> bool:
        """Whether an `Authorization` header holds the account's SID and token (HTTP Basic)."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, self._credentials)

    async def _authenticate(self, exchange: Exchange) -> str:
        if not self.knows(exchange.request.headers.get("authorization", "")):
            raise NotAuthenticatedError
        if exchange.path["account_sid"] != self._account.sid:
            raise NotFoundError(exchange.request.url.path)
        return self._account.sid

    async def _buy(self, exchange: Exchange) -> Response:
        form: NumberForm = exchange.body
        changes = form.changes()
        number = Number(self._chosen_number(form))
        number.change(changes)
        self._account.buy(number)
        return json_response(number.resource(self._account.sid), 201)

    def _chosen_number(self, form: NumberForm) -> str:
        if form.phone_number is not None:
            if not E164.match(form.phone_number):
                raise InvalidNumberError(f"{form.phone_number} is not a valid phone number in E.164 form")
            return form.phone_number
        if form.area_code is None or not AREA_CODE.match(form.area_code):
            raise InvalidNumberError("A PhoneNumber in E.164 form or a valid AreaCode is required")
        while True:
            number = f"+1{form.area_code}{self._random.randrange(2_000_000, 10_000_000)}"
            if self._account.number(number) is None:
                return number

    async def _list_numbers(self, exchange: Exchange) -> Response:
        query: NumberQuery = exchange.query
        wanted = (
            number
            for number in self._account.numbers.values()
            if query.phone_number.replace("*", "") in number.phone_number
            and query.friendly_name in {"", number.friendly_name or number.phone_number}
        )
        return self._page(exchange, "incoming_phone_numbers", wanted)

    async def _fetch_number(self, exchange: Exchange) -> Response:
        return json_response(self._number(exchange).resource(self._account.sid))

    async def _change_number(self, exchange: Exchange) -> Response:
        number = self._number(exchange)
        number.change(exchange.body.changes())
        return json_response(number.resource(self._account.sid))

    async def _release_number(self, exchange: Exchange) -> Response:
        self._account.release(self._number(exchange))
        return Response(status_code=204)

    async def _list_calls(self, exchange: Exchange) -> Response:
        query: CallQuery = exchange.query
        wanted = (
            call
            for call in self._account.newest_calls()
            if query.to in {"", call.called}
            and query.from_ in {"", call.caller}
            and query.status in {"", call.status}
            and not query.parent_call_sid
        )
        return self._page(exchange, "calls", wanted)

    async def _fetch_call(self, exchange: Exchange) -> Response:
        return json_response(_found(self._account.calls, exchange).resource(self._account.sid))

    def _number(self, exchange: Exchange) -> Number:
        return _found(self._account.numbers, exchange)

    def _page(self, exchange: Exchange, key: str, wanted: Iterable[Item]) -> Response:
        """Answer with one page. A token names the last item before it, so that a list that grows is not shifted."""
        paging: Paging = exchange.query
        size = min(paging.page_size, MAX_PAGE_SIZE)
        before = paging.page_token.removeprefix("PA")
        if before:
            rest = islice(dropwhile(lambda item: item.sid != before, wanted), 1, None)
        else:
            rest = islice(wanted, paging.page * size, None)
        items = list(islice(rest, size + 1))
        shown = items[:size]
        filters = {
            name: value
            for name, value in exchange.request.query_params.items()
            if name not in {"Page", "PageSize", "PageToken"}
        }
        path = exchange.request.url.path
        link = _Links(path, filters, size)
        start = paging.page * size
        return json_response(
            {
                key: [item.resource(self._account.sid) for item in shown],
                "page": paging.page,
                "page_size": size,
                "start": start,
                "end": start + max(len(shown) - 1, 0),
                "uri": link(paging.page, paging.page_token),
                "first_page_uri": link(0),
                "next_page_uri": link(paging.page + 1, f"PA{shown[-1].sid}") if len(items) > size else None,
                "previous_page_uri": link(paging.page - 1) if paging.page else None,
            }
        )


class _Links:
    def __init__(self, path: str, filters: Mapping[str, str], size: int) -> None:
        self._path = path
        self._fixed = {**filters, "PageSize": str(size)}

    def __call__(self, page: int, token: str = "") -> str:
        query = {**self._fixed, "Page": str(page), **({"PageToken": token} if token else {})}
        return f"{self._path}?{urlencode(query)}"


Resource = TypeVar("Resource")


def _found(resources: Mapping[str, Resource], exchange: Exchange) -> Resource:
    resource = resources.get(exchange.path["sid"])
    if resource is None:
        raise NotFoundError(exchange.request.url.path)
    return resource


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port_fits and is_url_text(text)
