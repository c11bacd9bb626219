"""A double as an ASGI application: every request passes one chain of links, read from top to bottom."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any, Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from uvicorn.protocols.utils import ClientDisconnected

from mock_services.core.admin import Admin
from mock_services.core.disconnects import is_disconnect, to_whoever_is_there, until_gone
from mock_services.core.faults.inflict import Doomed
from mock_services.core.faults.injector import Injector
from mock_services.core.faults.schedule import Subject, named
from mock_services.core.faults.settings import ChainSettings
from mock_services.core.forms import FormError, read_form
from mock_services.core.journal import Journal
from mock_services.core.operations import (
    Exchange,
    InvalidRequest,
    Link,
    Operation,
    ServiceError,
    run_of,
)
from mock_services.core.own_process import OwnProcess
from mock_services.core.reckoning import Reckoning
from mock_services.core.router import Router

log = logging.getLogger(__name__)

SocketHandler = Callable[[WebSocket], Awaitable[None]]
TOLD_WITHIN_S = 1.0  # after a write to a closed connection the server tells that the client has gone


class StartRefused(Exception):
    """Why a service cannot start, in one sentence, for a lifespan to raise: it is said without a traceback."""


class ErrorRenderer(Protocol):
    """How a service words what the chain itself refuses."""

    def not_found(self, exchange: Exchange) -> Response:
        """Answer a path that the service does not have."""

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        """Answer a method that the path does not have."""

    def invalid(self, exchange: Exchange, errors: list[dict[str, Any]]) -> Response:
        """Answer a request that does not fit its operation (`InvalidRequest.errors`)."""

    def unhandled(self, exchange: Exchange) -> Response:
        """Answer when a handler raised something it should not have; the traceback is in the log."""

    def failing(self, status: int) -> Response:
        """Answer with a status that a limit (429) or a fault (any from 400 on) gives, as the service words it."""


@asynccontextmanager
async def _no_lifespan() -> AsyncIterator[None]:
    yield


class Service:
    """One double: its operations and sockets, its error wording, and the chain that requests pass.

    The chain is `before` (links that see even unknown paths: a size limit, a vendor's own rate limit), then identify,
    authenticate, the injector's links (limits, faults, latency), `after_authentication` (what the vendor has of its
    own), validate, handle; then `decorate` (response headers), what a fault does to the answer, and the journal.
    A link returns a response to end the chain, or None to pass the exchange on. Each operation's chain holds only the
    links that it needs and that are on.
    A socket's handler refuses a handshake by raising a `ServiceError` before it accepts.
    `reset` hooks put the service's state back to its start; `gauges` gives numbers for `/__lab/metrics`; `reckoning` is
    what `/__lab/reckoning` shows.
    `members` are the services whose conditions this one's admin API sets too, where several share a process.
    """

    def __init__(
        self,
        name: str,
        operations: Iterable[Operation],
        errors: ErrorRenderer,
        *,
        sockets: Iterable[tuple[str, SocketHandler]] = (),
        before: Sequence[Link] = (),
        after_authentication: Sequence[Link] = (),
        decorate: Sequence[Callable[[Exchange, Response], None]] = (),
        admin_operations: Iterable[Operation] = (),
        admin_sockets: Iterable[tuple[str, SocketHandler]] = (),
        lifespan: Callable[[], AbstractAsyncContextManager[None]] = _no_lifespan,
        reset: Sequence[Callable[[], None]] = (),
        gauges: Callable[[], dict[str, Any]] = dict,
        members: Sequence[Service] = (),
        reckoning: Reckoning | None = None,
    ) -> None:
        settings = ChainSettings()
        self.name = name
        self.operations = tuple(operations)
        self.sockets = tuple(sockets)
        self.admin_sockets = tuple(admin_sockets)
        self.errors = errors
        self.journal = Journal()
        self.reckoning = reckoning or Reckoning()
        self.lifespan = lifespan
        self.process = OwnProcess()
        self.in_flight = 0
        self._decorate = tuple(decorate)
        self._before = tuple(before)
        self._after_authentication = tuple(after_authentication)
        self._router: Router[_Route] = Router()
        self._routes = [_Route(operation) for operation in self.operations]
        for route in self._routes:
            self._router.add(route.operation.method, route.operation.path, route)
        self._sockets: Router[tuple[str, SocketHandler]] = Router()
        for path, handler in (*self.sockets, *self.admin_sockets):
            self._sockets.add("WS", path, (path, handler))
        self._bodies = {o.name: TypeAdapter(o.body).validate_python for o in self.operations if o.body is not None}
        self.injector = Injector(name, settings.seed, errors.failing)
        self.injector.changed = self._chain
        self.injector.put(settings.conditions)
        self.admin = Admin(self, admin_operations, reset, gauges, {each.name: each.injector for each in members})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            if scope["path"].startswith("/__lab/"):
                await self.admin(scope, receive, send)
            else:
                await self._serve_http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
        else:
            await _serve_lifespan(self._lifespan, receive, send)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        """The whole process's, of which this service is the only one or speaks for all."""
        async with self.process.watched(), self.lifespan():
            yield

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(Request(scope, receive))
        self.in_flight += 1
        try:
            response = await self._answer(exchange)
            for decorate in self._decorate:
                decorate(exchange, response)
            if exchange.hit is not None:
                response = self.injector.spoil(exchange, response)
            await response(scope, receive, send)
        except ClientDisconnect:
            response = Response(status_code=499)
            exchange.note = "the client went away before it had sent its request"
        except RuntimeError as error:
            if not is_disconnect(error):
                raise
            with suppress(TimeoutError):  # uvicorn never tells the first of several pipelined requests
                async with asyncio.timeout(TOLD_WITHIN_S):
                    await until_gone(receive)
            response = Response(status_code=499)
            exchange.note = "the client went away while it was being answered"
        finally:
            self.in_flight -= 1
        self.journal.add(
            "http",
            exchange.name,
            scope["path"],
            response.status_code,
            (time.perf_counter() - exchange.started) * 1000,
            run_of(scope),
            exchange.note,
            exchange.raw_body,
        )

    def _chain(self) -> None:
        """Make the chain of each operation anew: what is off costs nothing."""
        for route in self._routes:
            operation = route.operation
            route.links = (
                *((self._authenticate,) if operation.authenticate is not None else ()),
                *self.injector.links,
                *self._after_authentication,
                *((self._validate,) if operation.reads_input else ()),
                operation.handler,
            )

    async def _answer(self, exchange: Exchange) -> Response:
        try:
            for link in self._before:
                response = await link(exchange)
                if response is not None:
                    return response
            for link in self._identify(exchange):
                response = await link(exchange)
                if response is not None:
                    return response
        except ServiceError as refusal:
            exchange.note = exchange.note or str(refusal)
            return refusal.response()
        except InvalidRequest as invalid:
            return self.errors.invalid(exchange, invalid.errors)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("%s: %s failed", self.name, exchange.name)
            return self.errors.unhandled(exchange)
        raise AssertionError("the handler at the end of the chain always answers")

    def _identify(self, exchange: Exchange) -> tuple[Link, ...]:
        """Find the operation; give the rest of the chain, which for a path or method that is none is a refusal."""
        scope = exchange.request.scope
        route, path, allowed = self._router.find(scope["method"], scope["path"])
        if route is None:
            return (partial(self._refuse, allowed),)
        exchange.operation = route.operation
        exchange.name = route.name
        exchange.path = path
        return route.links

    async def _refuse(self, allowed: tuple[str, ...], exchange: Exchange) -> Response:
        if allowed:
            return self.errors.method_not_allowed(exchange, allowed)
        return self.errors.not_found(exchange)

    async def _authenticate(self, exchange: Exchange) -> None:
        assert exchange.operation is not None
        assert exchange.operation.authenticate is not None
        exchange.principal = await exchange.operation.authenticate(exchange)

    async def _validate(self, exchange: Exchange) -> Response | None:
        operation = exchange.operation
        assert operation is not None
        errors: list[dict[str, Any]] = []
        if operation.path_params is not None:
            exchange.path = _fit(operation.path_params.model_validate, exchange.path, "path", errors)
        if operation.query is not None:
            given = query_values(exchange.request, operation.query)
            exchange.query = _fit(operation.query.model_validate, given, "query", errors)
        if operation.body is not None:
            await self._read_body(exchange, operation, errors)
        if errors:
            raise InvalidRequest(errors)
        return None

    async def _read_body(self, exchange: Exchange, operation: Operation, errors: list[dict[str, Any]]) -> None:
        exchange.raw_body = await exchange.request.body()
        if operation.form:
            try:
                content: Any = read_form(exchange.request.headers.get("content-type", ""), exchange.raw_body)
            except FormError as broken:
                errors.append({"loc": ("body",), "type": "form_invalid", "msg": f"Form decode error: {broken}"})
                return
        elif not exchange.raw_body:
            if operation.needs_body:
                errors.append({"loc": ("body",), "type": "missing", "msg": "Field required"})
            return
        else:
            try:
                content = json.loads(exchange.raw_body)
            except (ValueError, RecursionError) as unreadable:
                errors.append({"loc": ("body",), "type": "json_invalid", "msg": f"JSON decode error: {unreadable}"})
                return
        exchange.body = _fit(self._bodies[operation.name], content, "body", errors)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        found, path, _ = self._sockets.find("WS", scope["path"])
        if found is None:
            await WebSocket(scope, receive, send).close(1000)  # before accepting: the handshake is answered with 403
            self.journal.add("socket", "WS unknown", scope["path"], 403, 0.0, "", "", b"")
            return
        template, handler = found
        scope["path_params"] = path
        run_id, started = run_of(scope), time.perf_counter()
        self.in_flight += 1
        status, notes = 101, list[str]()
        own = template.startswith("/__lab/")
        self.injector.streams += not own
        doomed = None
        send = to_whoever_is_there(send)
        if self.injector.on and not own:
            doomed = Doomed(scope, receive, send)
            receive, send = doomed.receive, doomed.send
        websocket = WebSocket(scope, receive, send)
        try:
            if doomed is not None:
                subject = Subject("socket", f"WS {template}", scope["path"], run_id, named(scope))
                await self.injector.admit(subject, doomed, notes.append)
            await handler(websocket)
            _check_answered(websocket)
        except (WebSocketDisconnect, ClientDisconnected):
            if not notes:
                status = 499
                notes.append("the client went away while it was being answered")
        except ServiceError as refusal:  # raised before accepting: the handshake is answered with this response
            status = refusal.status
            notes.append(str(refusal))
            await websocket.send_denial_response(refusal.response())
        except Exception:
            status = 500
            log.exception("%s: WS %s failed", self.name, template)
            raise
        finally:
            if doomed is not None:
                doomed.end()
            self.injector.streams -= not own
            self.in_flight -= 1
            ms = (time.perf_counter() - started) * 1000
            self.journal.add("socket", f"WS {template}", scope["path"], status, ms, run_id, "; ".join(notes), b"")


class _Route:
    """An operation as it is found, with the links of its chain."""

    __slots__ = ("links", "name", "operation")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.name = operation.name
        self.links: tuple[Link, ...] = ()


def _check_answered(websocket: WebSocket) -> None:
    if websocket.application_state is WebSocketState.CONNECTING:
        raise RuntimeError("the handler returned without accepting or refusing the handshake")


def query_values(request: Request, model: type[BaseModel]) -> dict[str, Any]:
    """Read the query parameters that `model` has; one that may stand several times comes as a list."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        given = request.query_params.getlist(key)
        if given:
            repeated = getattr(field.annotation, "__origin__", None) is list
            values[key] = given if repeated else given[-1]
    return values


def _fit(validate: Callable[[Any], Any], value: Any, where: str, errors: list[dict[str, Any]]) -> Any:
    try:
        return validate(value)
    except ValidationError as misfit:
        errors.extend({**error, "loc": (where, *error["loc"])} for error in misfit.errors(include_url=False))
        return None


async def _serve_lifespan(
    lifespan: Callable[[], AbstractAsyncContextManager[None]], receive: Receive, send: Send
) -> None:
    await receive()
    try:
        async with lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except StartRefused as refusal:
        await send({"type": "lifespan.startup.failed", "message": str(refusal)})
        return
    except Exception as failure:
        log.exception("a service could not start or stop")
        await send({"type": "lifespan.startup.failed", "message": str(failure)})
        return
    await send({"type": "lifespan.shutdown.complete"})
