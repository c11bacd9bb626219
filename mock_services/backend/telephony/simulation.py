"""Calls that nobody makes: `/api/telephony/test/simulate-call` stores one as if it had come in."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import BadRequest, ResourceNotFound
from mock_services.backend.routes import Area
from mock_services.backend.telephony.numbers import is_caller
from mock_services.backend.telephony.schemas import SimulatedCall, SimulationQuery
from mock_services.backend.telephony.state import CallStatus, Configuration, Telephony
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.randomness import Randomness

ELSEWHERE = "ws://localhost:8000/api/ws/telephony/stream"
"""Where the platform says that the call's socket is. There is none: neither this port nor this path is served."""


class Simulation:
    """The endpoint that simulates a call."""

    def __init__(self, telephony: Telephony, access: Access, defects: Defects, randomness: Randomness) -> None:
        self._telephony = telephony
        self._access = access
        self._defects = defects
        self._randomness = randomness

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony/test", self._access.one_of(ORGANIZATION_ADMINS))
        return (area("POST", "/simulate-call", self.simulate, query=SimulationQuery, gives=SimulatedCall),)

    async def simulate(self, exchange: Exchange) -> Response:
        """Store an incoming call to the organisation. It counts as under way until it is stale."""
        customer = exchange.query.customer_number
        if not is_caller(customer):
            raise BadRequest(f"{customer!r} is no number that calls come from: + and 10 to 15 digits")
        configuration = self._answering(exchange)
        call_sid = f"CA{self._randomness.hex('simulated calls', 32)}"
        call = self._telephony.add_call(configuration, call_sid, customer, CallStatus.INCOMING)
        return json_response(
            {
                "success": True,
                "call_id": call.id,
                "call_sid": call.call_sid,
                "customer_number": customer,
                "organization_number": call.organization_phone_number,
                "platform_number": call.platform_phone_number,
                "websocket_url": f"{ELSEWHERE}/{call.id}",
                "message": "A call was simulated",
            }
        )

    def _answering(self, exchange: Exchange) -> Configuration:
        """Find the configuration that takes the call, as it would be found for a call that comes in."""
        try:
            own = self._telephony.configuration(exchange.principal.tenant.id)
        except ResourceNotFound as missing:
            raise self._refusal(str(missing)) from None
        found = self._telephony.answering(own.platform_phone_number)
        if found is not own:
            raise self._refusal(f"{own.platform_phone_number} takes no calls: unknown, unverified or not enabled")
        if self._telephony.active_calls(own.tenant_id) >= own.max_concurrent_calls:
            raise self._refusal(f"{own.platform_phone_number} has its {own.max_concurrent_calls} concurrent calls")
        return own

    def _refusal(self, reason: str) -> Exception:
        if Defect.TELEPHONY_SIMULATED_CALL in self._defects:
            return DefectShown(Defect.TELEPHONY_SIMULATED_CALL, reason)
        return BadRequest(reason)
