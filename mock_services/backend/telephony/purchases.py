"""Twilio's numbers, found, listed and bought: `/api/telephony/numbers/*`."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, TypeVar

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import BadRequest, VendorFailed
from mock_services.backend.routes import Area
from mock_services.backend.telephony.number_schemas import (
    AvailableNumber,
    AvailableNumbers,
    NumberSearch,
    OwnedNumber,
    OwnedNumbers,
    Purchase,
    Purchased,
)
from mock_services.backend.telephony.webhooks import CALL_STATUS_PATH, INCOMING_CALL_PATH
from mock_services.backend.vendors.twilio import TwilioFailed, TwilioRest
from mock_services.core.operations import Exchange, Operation, json_response

KINDS = {"local": "Local", "toll_free": "TollFree"}
Result = TypeVar("Result")


class Purchases:
    """The endpoints for Twilio's numbers. On the platform none of them ever succeeds."""

    def __init__(self, access: Access, defects: Defects, twilio: TwilioRest) -> None:
        self._access = access
        self._defects = defects
        self._twilio = twilio

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony/numbers", self._access.one_of(ORGANIZATION_ADMINS))
        return (
            area("GET", "/search", self.search, query=NumberSearch, gives=AvailableNumbers),
            area("GET", "/owned", self.owned, gives=OwnedNumbers),
            area("POST", "/purchase", self.purchase, body=Purchase, gives=Purchased),
        )

    async def search(self, exchange: Exchange) -> Response:
        """Find numbers that can be bought."""
        query: NumberSearch = exchange.query
        self._show_defect("the search has an argument that the SDK lacks")
        found = await _asked(
            self._twilio.available_numbers(
                country=query.country,
                kind=KINDS[query.number_type],
                area_code=query.area_code,
                limit=query.limit,
                run_id=exchange.run_id,
            )
        )
        numbers = [_fields(AvailableNumber.model_fields, each) for each in found]
        return json_response({"numbers": numbers, "total": len(numbers)})

    async def owned(self, exchange: Exchange) -> Response:
        """List the numbers of the platform's Twilio account."""
        found = await _asked(self._twilio.owned_numbers(exchange.run_id))
        self._show_defect("the list has an attribute that the SDK lacks")
        numbers = [_fields(OwnedNumber.model_fields, each) for each in found]
        return json_response({"numbers": numbers, "total": len(numbers)})

    async def purchase(self, exchange: Exchange) -> Response:
        """Buy a number, whose calls then come here."""
        origin = str(exchange.request.base_url).rstrip("/")
        bought = await _asked(
            self._twilio.buy_number(
                exchange.body.phone_number,
                voice_url=origin + INCOMING_CALL_PATH,
                status_callback=origin + CALL_STATUS_PATH,
                run_id=exchange.run_id,
            )
        )
        self._show_defect("the number was bought, and then a name is undefined")
        return json_response({"success": True, **_fields(OwnedNumber.model_fields, bought)})

    def _show_defect(self, reason: str) -> None:
        if Defect.TELEPHONY_NUMBERS in self._defects:
            raise DefectShown(Defect.TELEPHONY_NUMBERS, reason)


async def _asked(request: Awaitable[Result]) -> Result:
    """Wait for Twilio: 400 where it does not like the request, 500 where it does not work."""
    try:
        return await request
    except TwilioFailed as failure:
        refusal = BadRequest if failure.blames_request else VendorFailed
        raise refusal(str(failure)) from failure


def _fields(names: Iterable[str], resource: Mapping[str, Any]) -> dict[str, Any]:
    return {name: resource.get(name) for name in names}
