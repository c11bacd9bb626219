"""An organisation's telephony: `/api/telephony/setup`, `/config` and `/forwarding-instructions`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ORGANIZATION_ADMINS, Access
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
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

    def __init__(self, telephony: Telephony, access: Access) -> None:
        self._telephony = telephony
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("telephony", "/api/telephony")
        active, admin = self._access.active, self._access.one_of(ORGANIZATION_ADMINS)
        view = ConfigurationView
        return (
            area("POST", "/setup", self.set_up, authenticate=admin, body=Setup, gives=view, refuses=(400,)),
            area("GET", "/config", self.show, authenticate=active, gives=view, refuses=(400, 404)),
            area(
                "PATCH",
                "/config",
                self.update,
                authenticate=admin,
                body=ConfigurationUpdate,
                gives=view,
                refuses=(400, 404),
            ),
            area(
                "GET",
                "/forwarding-instructions",
                self.instructions,
                authenticate=active,
                gives=Instructions,
                refuses=(400, 404),
            ),
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
        return json_response(configuration_view(self._telephony.set_up(exchange.principal.tenant.id, number, values)))

    async def show(self, exchange: Exchange) -> Response:
        """Show the telephony configuration."""
        return json_response(configuration_view(self._telephony.configuration(exchange.principal.tenant.id)))

    async def update(self, exchange: Exchange) -> Response:
        """Change the telephony configuration. The platform itself answers every such request with 500."""
        configuration = self._telephony.configuration(exchange.principal.tenant.id)
        self._telephony.change(configuration, exchange.body.model_dump(exclude_none=True))
        return json_response(configuration_view(configuration))

    async def instructions(self, exchange: Exchange) -> Response:
        """Say how to forward calls."""
        configuration = self._telephony.configuration(exchange.principal.tenant.id)
        return json_response({"instructions": instructions(configuration)})
