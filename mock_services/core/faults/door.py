"""`/__lab/faults`: what is put upon the services of a process is shown, replaced, begun anew and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from mock_services.core.faults.injector import Injector
from mock_services.core.faults.rules import Conditions, read_conditions
from mock_services.core.limits import body_limit
from mock_services.core.operations import Exchange, Operation, ServiceError, json_response

PATH = "/__lab/faults"
MAX_BYTES = 1 << 20


class _BadConditions(ServiceError):
    status = 400


class _TooLong(ServiceError):
    status = 413


class Door:
    """The operations on the conditions of one service, or of several that share a process."""

    def __init__(self, injectors: Mapping[str, Injector]) -> None:
        self._injectors = injectors

    def operations(self) -> list[Operation]:
        """List them."""
        return [
            Operation(method="GET", path=PATH, handler=self._get, summary="Show what is set, in force and hit"),
            Operation(method="PUT", path=PATH, handler=self._put, summary="Replace faults, latency and limits"),
            Operation(method="DELETE", path=PATH, handler=self._delete, summary="Take all of them away"),
            Operation(method="POST", path=f"{PATH}/begin", handler=self._begin, summary="Begin the schedule anew"),
        ]

    async def _get(self, exchange: Exchange) -> Response:
        return json_response(self._shown())

    async def _put(self, exchange: Exchange) -> Response:
        """Replace the conditions of every service here; rules for services elsewhere are named in the answer."""
        await body_limit(MAX_BYTES, lambda: _TooLong(f"the schedule is longer than {MAX_BYTES} bytes"))(exchange)
        toml = "toml" in exchange.request.headers.get("content-type", "")
        try:
            conditions = read_conditions(await exchange.request.body(), toml=toml)
        except ValueError as wrong:
            raise _BadConditions(str(wrong)) from None
        for injector in self._injectors.values():
            injector.put(conditions)
        elsewhere = [fault.name for fault in conditions.faults if fault.service not in (None, *self._injectors)]
        return json_response({**self._shown(), "elsewhere": elsewhere})

    async def _delete(self, exchange: Exchange) -> Response:
        for injector in self._injectors.values():
            injector.put(Conditions())
        return json_response(self._shown())

    async def _begin(self, exchange: Exchange) -> Response:
        for injector in self._injectors.values():
            injector.begin()
        return json_response(self._shown())

    def _shown(self) -> dict[str, Any]:
        return {"services": {name: injector.shown() for name, injector in self._injectors.items()}}
