"""Telephony, as administrators see it: `/api/admin/telephony/*`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import ADMINS, SUPER_ADMIN, Access
from mock_services.backend.admin.schemas import ConfigurationPath
from mock_services.backend.routes import Area
from mock_services.backend.telephony.schemas import ConfigurationView, configuration_view
from mock_services.backend.telephony.state import Telephony
from mock_services.backend.usage.reports import seen_tenant
from mock_services.core.operations import Exchange, Operation, json_response


class AdminTelephony:
    """The telephony endpoints of administrators."""

    def __init__(self, telephony: Telephony, access: Access) -> None:
        self._telephony = telephony
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("admin", "/api/admin/telephony")
        admin, root = area.by(self._access.one_of(ADMINS)), area.by(self._access.one_of(SUPER_ADMIN))
        return (
            admin("GET", "/configs", self.list, gives=list[ConfigurationView]),
            *(
                root(
                    "POST",
                    f"/{name}/{{config_id}}",
                    handler,
                    path_params=ConfigurationPath,
                    gives=ConfigurationView,
                    refuses=(404,),
                )
                for name, handler in (("manual-verify", self.verify), ("manual-unverify", self.unverify))
            ),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List telephony configurations: the own organisation's, or to a super administrator all."""
        tenant_id = seen_tenant(exchange.principal, None)
        found = [each for each in self._telephony.configurations() if tenant_id in (None, each.tenant_id)]
        return json_response([configuration_view(each) for each in found])

    async def verify(self, exchange: Exchange) -> Response:
        """Take a configuration's number as verified, without a code."""
        return self._set(exchange, verified=True)

    async def unverify(self, exchange: Exchange) -> Response:
        """Take a configuration's number as not verified."""
        return self._set(exchange, verified=False)

    def _set(self, exchange: Exchange, *, verified: bool) -> Response:
        configuration = self._telephony.configuration_with_id(exchange.path.config_id)
        self._telephony.change(configuration, {"verified": verified})
        return json_response(configuration_view(configuration))
