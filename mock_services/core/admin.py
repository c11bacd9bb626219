"""The lab's own door to a double, under `/__lab/`: health, journal, metrics, reckoning, faults, reset, what it adds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from mock_services.core.faults.door import Door
from mock_services.core.faults.injector import Injector
from mock_services.core.journal import Journal
from mock_services.core.operations import Exchange, Operation, ServiceError, json_response
from mock_services.core.own_process import OwnProcess
from mock_services.core.reckoning import Reckoning
from mock_services.core.router import Router

JOURNAL_LIMIT = 1000


class _NoSuchAdminPath(ServiceError):
    status = 404


class _BadAdminRequest(ServiceError):
    status = 400


class Watched(Protocol):
    """What the door shows of a double."""

    name: str
    journal: Journal
    reckoning: Reckoning
    injector: Injector
    process: OwnProcess
    in_flight: int


class Admin:
    """Serves `/__lab/*` beside the service's own paths: never journalled, never limited, never faulted."""

    def __init__(
        self,
        service: Watched,
        operations: Iterable[Operation],
        reset: Sequence[Callable[[], None]],
        gauges: Callable[[], dict[str, Any]],
        members: Mapping[str, Injector],
    ) -> None:
        self._service = service
        self._hooks = tuple(reset)
        self._gauges = gauges
        self._started = time.monotonic()
        self._router: Router[Operation] = Router()
        own = (
            Operation(method="GET", path="/__lab/health", handler=self._health, summary="Say that it runs"),
            Operation(
                method="GET", path="/__lab/journal", handler=self._journal, summary="Find requests that were served"
            ),
            Operation(method="GET", path="/__lab/metrics", handler=self._metrics, summary="Give counts and gauges"),
            Operation(
                method="GET", path="/__lab/reckoning", handler=self._reckoning, summary="Say what was done for a run"
            ),
            Operation(
                method="POST", path="/__lab/reset", handler=self._do_reset, summary="Put the state back to its start"
            ),
        )
        door = Door(members or {service.name: service.injector})
        self.operations = (*own, *door.operations(), *operations)
        for operation in self.operations:
            self._router.add(operation.method, operation.path, operation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request under `/__lab/`."""
        exchange = Exchange(Request(scope, receive))
        try:
            operation, exchange.path, allowed = self._router.find(scope["method"], scope["path"])
            if operation is None:
                methods = f"; it takes {', '.join(allowed)}" if allowed else ""
                raise _NoSuchAdminPath(f"{self._service.name} has no {scope['method']} {scope['path']}{methods}")
            if operation.authenticate is not None:
                exchange.principal = await operation.authenticate(exchange)
            response = await operation.handler(exchange)
        except ServiceError as refusal:
            response = refusal.response()
        await response(scope, receive, send)

    async def _health(self, exchange: Exchange) -> Any:
        return json_response({"service": self._service.name, "status": "ok", "uptime_s": self._uptime()})

    async def _journal(self, exchange: Exchange) -> Any:
        query = exchange.request.query_params
        given = query.get("limit", "100")
        if not given.isdecimal() or len(given) > 4 or not 1 <= int(given) <= JOURNAL_LIMIT:
            raise _BadAdminRequest(f"limit is {given[:40]!r}; it takes a whole number from 1 to {JOURNAL_LIMIT}")
        journal = self._service.journal
        entries = journal.find(
            run_id=query.get("run_id", ""),
            path=query.get("path", ""),
            contains=query.get("contains", ""),
            limit=int(given),
        )
        bounds = {"dropped": journal.dropped, "runs_dropped": journal.runs_dropped}
        return json_response({"entries": entries, "totals": journal.totals(), **bounds})

    def metrics(self) -> dict[str, Any]:
        """Give what `/__lab/metrics` answers."""
        return {
            "service": self._service.name,
            "uptime_s": self._uptime(),
            "in_flight": self._service.in_flight,
            "requests": self._service.journal.totals(),
            "faults": self._service.injector.gauges(),
            **self._service.process.gauges(),
            **self._gauges(),
        }

    def reset(self) -> None:
        """Put the service back to its start, as `/__lab/reset` does."""
        self._service.journal.clear()
        self._service.injector.reset()
        self._service.reckoning.clear()
        for hook in self._hooks:
            hook()

    async def _metrics(self, exchange: Exchange) -> Any:
        return json_response(self.metrics())

    async def _reckoning(self, exchange: Exchange) -> Any:
        """Answer `GET /__lab/reckoning?run_id=`: what was done for a run, or, without one, for no run that is known."""
        run_id = exchange.request.query_params.get("run_id", "")
        requests = self._service.journal.totals_of(run_id)
        return json_response({**self._service.reckoning.facts(run_id), "requests": requests})

    async def _do_reset(self, exchange: Exchange) -> Any:
        self.reset()
        return json_response({"service": self._service.name, "status": "reset"})

    def _uptime(self) -> float:
        return round(time.monotonic() - self._started, 3)
