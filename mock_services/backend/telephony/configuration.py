"""An organisation's telephony: `/api/telephony/setup`, `/config` and `/forwarding-instructions`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.backend.telephony.attempts import Attempts
from mock_services.backend.telephony.numbers import normalise
from mock_services.backend.telephony.schemas import (
    ConfigurationUpdate,
    ConfigurationView,
    Instructions,
    Setup,
    configuration_view,
    instructions,
)
from mock_services.backend.telephony.state import Telephony
from mock_services.core.operations import Exchange, Operation, json_response


class TelephonyConfiguration:
    """The configuration endpoints."""

    def __init__(self, telephony: Telephony, attempts: Attempts, access: Access, defects: Defects) -> None:
        self._telephony = telephony
        self._attempts = attempts
        self._access = access
        self._defects = defects

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony")
        active, admin = area.by(self._access.active), area.by(self._access.one_of(ORGANIZATION_ADMINS))
        view = ConfigurationView
        return (
            admin("POST", "/setup", self.set_up, body=Setup, gives=view),
            active("GET", "/config", self.show, gives=view, refuses=(404,)),
            admin("PATCH", "/config", self.update, body=ConfigurationUpdate, gives=view, refuses=(404,)),
            active("GET", "/forwarding-instructions", self.instructions, gives=Instructions, refuses=(404,)),
        )

    async def set_up(self, exchange: Exchange) -> Response:
        """Set up telephony, or set it up anew, which ends its verification."""
        given: Setup = exchange.body
        try:
            number = normalise(given.organization_phone_number)
        except ValueError as misfit:
            raise BadRequest(str(misfit)) from None
        values = given.model_dump(exclude={"organization_phone_number"})
        if values["max_concurrent_calls"] is None:
            values["max_concurrent_calls"] = 5
        tenant_id = exchange.principal.tenant.id
        if Defect.TELEPHONY_TWO_ATTEMPTS not in self._defects:
            self._attempts.end(tenant_id)  # a code that went to the old number proves nothing of the new one
        return json_response(configuration_view(self._telephony.set_up(tenant_id, number, values)))

    async def show(self, exchange: Exchange) -> Response:
        """Show the telephony configuration."""
        return json_response(configuration_view(self._telephony.configuration(exchange.principal.tenant.id)))

    async def update(self, exchange: Exchange) -> Response:
        """Change the telephony configuration."""
        configuration = self._telephony.configuration(exchange.principal.tenant.id)
        if Defect.TELEPHONY_CONFIG_UPDATE in self._defects:
            raise DefectShown(Defect.TELEPHONY_CONFIG_UPDATE, "the change has fields that the configuration lacks")
        self._telephony.change(configuration, exchange.body.model_dump(exclude_none=True))
        return json_response(configuration_view(configuration))

    async def instructions(self, exchange: Exchange) -> Response:
        """Say how to forward calls."""
        configuration = self._telephony.configuration(exchange.principal.tenant.id)
        return json_response({"instructions": instructions(configuration)})
