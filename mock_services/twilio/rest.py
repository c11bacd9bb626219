"""Twilio's REST API: the account's authentication, and its IncomingPhoneNumbers."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

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
from mock_services.twilio.http import is_web_url
from mock_services.twilio.models import API_VERSION, E164, Account, Number
from mock_services.twilio.paging import Paging, page

AREA_CODE = re.compile(r"[2-9][0-9]{2}")
ACCOUNT = f"/{API_VERSION}/Accounts/{{account_sid}}"


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
            elif name.endswith(("_url", "_callback")) and value and not is_web_url(value):
                raise InvalidUrlError(f"{to_pascal(name)} is {value!r}, which is not a valid http or https URL")
        return values


class NumberQuery(Paging):
    """Filters of the list of numbers."""

    phone_number: str = ""
    friendly_name: str = ""


class Rest:
    """The operations of the API on one account.

    `credentials` holds what may stand in an `Authorization` header: the account's SID or an API key's, and the token or
    secret that goes with it.
    """

    def __init__(self, account: Account, credentials: Mapping[str, str], random: Random) -> None:
        self._account = account
        self._credentials = [f"{sid}:{secret}".encode() for sid, secret in credentials.items()]
        self._random = random

    def operations(self) -> Iterable[Operation]:
        """Give all operations, for `core.Service`."""
        numbers = f"{ACCOUNT}/IncomingPhoneNumbers"
        form: dict[str, Any] = {"body": NumberForm, "form": True}
        for method, path, handler, summary, options in (
            ("POST", f"{numbers}.json", self._buy, "Buy a number", form),
            ("GET", f"{numbers}.json", self._list_numbers, "List numbers", {"query": NumberQuery}),
            ("GET", f"{numbers}/{{sid}}.json", self._fetch_number, "Read a number", {}),
            ("POST", f"{numbers}/{{sid}}.json", self._change_number, "Change a number", form),
            ("DELETE", f"{numbers}/{{sid}}.json", self._release_number, "Give a number back", {}),
        ):
            yield Operation(
                method=method, path=path, handler=handler, summary=summary, authenticate=self.authenticate, **options
            )

    def knows(self, authorization: str) -> bool:
        """Whether an `Authorization` header holds the account's SID and token or an API key and its secret (Basic)."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        return any(hmac.compare_digest(given, credentials) for credentials in self._credentials)

    async def authenticate(self, exchange: Exchange) -> str:
        """Accept the account's own credentials on its own resources, and give its SID."""
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
            if not E164.fullmatch(form.phone_number):
                raise InvalidNumberError(f"{form.phone_number} is not a valid phone number in E.164 form")
            return form.phone_number
        if form.area_code is None or not AREA_CODE.fullmatch(form.area_code):
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
        return page(exchange, self._account.sid, "incoming_phone_numbers", wanted)

    async def _fetch_number(self, exchange: Exchange) -> Response:
        return json_response(self._number(exchange).resource(self._account.sid))

    async def _change_number(self, exchange: Exchange) -> Response:
        number = self._number(exchange)
        number.change(exchange.body.changes())
        return json_response(number.resource(self._account.sid))

    async def _release_number(self, exchange: Exchange) -> Response:
        self._account.release(self._number(exchange))
        return Response(status_code=204)

    def _number(self, exchange: Exchange) -> Number:
        number = self._account.numbers.get(exchange.path["sid"])
        if number is None:
            raise NotFoundError(exchange.request.url.path)
        return number
