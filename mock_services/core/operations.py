"""What a double offers: an operation is one method on one path, an exchange is one request to it and its answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, get_args

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from mock_services.core.faults.schedule import Hit

RUN_HEADER = "x-lab-run-id"
"""Names the run that a request belongs to."""

_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def json_bytes(content: Any) -> bytes:
    """Write JSON. UUIDs, dates (UTC with `Z`) and dataclasses are encoded by orjson; `TypeError` for what cannot be."""
    return orjson.dumps(content, option=_JSON_OPTIONS)


def json_text(content: Any) -> str:
    """Write JSON as a socket's text message."""
    return json_bytes(content).decode()


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(json_bytes(content), status, headers, "application/json")


def phrase(status: int) -> str:
    """Give the words that HTTP has for a status (RFC 9110), or its class's where it has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return HTTPStatus(status // 100 * 100).phrase


class ServiceError(Exception):
    """An answer that a service gives by refusing: each service derives one class per error of its vendor."""

    status: int = 500
    headers: Mapping[str, str] | None = None

    def body(self) -> Any:
        """Give the JSON body of the refusal."""
        return {"detail": str(self)}

    def response(self) -> Response:
        """Render the refusal."""
        return json_response(self.body(), self.status, self.headers)


class InvalidRequest(Exception):
    """A request whose path, query or body does not fit its operation; the service renders it in its own words.

    `errors` holds pydantic's error dicts, `loc` prefixed with `path`, `query` or `body`. They name the `input` and the
    bounds (`ctx`) too, for vendors whose wording does; neither is sure to be JSON.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(errors)} invalid values")
        self.errors = errors


_RUN_HEADER = RUN_HEADER.encode()


def run_of(scope: Scope) -> str:
    """Give the run that a request names, or nothing. It is read on every request, so no object is made for it."""
    for name, value in scope["headers"]:
        if name == _RUN_HEADER:
            run_id: str = value.decode("latin-1")
            return run_id
    return ""


Handler = Callable[["Exchange"], Awaitable[Response]]
Authenticate = Callable[["Exchange"], Awaitable[Any]]
Link = Callable[["Exchange"], Awaitable[Response | None]]
"""A link of the chain: it answers and so ends the chain, or passes the exchange on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path template, such as `GET /api/crm/contacts/{id}`.

    `path_params`, `query` and `body` are pydantic models that the request must fit; `form` says that the body is a
    form rather than JSON, and a field of the type `forms.File` that it is a multipart one. A body of a type such as
    `dict | None` may be absent.
    `authenticate` returns the caller or raises a `ServiceError`; None means open to all.
    `responses` maps each documented status to a model, or to None where the body has no fixed shape.
    `extension` marks what the lab adds to the service that it stands in for: `x-lab-extension` in the document.
    """

    method: str
    path: str
    handler: Handler
    summary: str = ""
    tag: str = ""
    authenticate: Authenticate | None = None
    path_params: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    body: Any = None
    form: bool = False
    responses: Mapping[int, Any] = field(default_factory=lambda: {200: None})
    extension: bool = False

    @property
    def name(self) -> str:
        """Give the bounded name under which requests to this operation are counted."""
        return f"{self.method} {self.path}"

    @property
    def reads_input(self) -> bool:
        """Say whether anything of a request has to fit."""
        return self.path_params is not None or self.query is not None or self.body is not None

    @property
    def needs_body(self) -> bool:
        """Say whether a request without a body is refused."""
        return self.body is not None and type(None) not in get_args(self.body)


class Exchange:
    """One request on its way through the chain: what is known of it so far, and what the journal will keep.

    `hit` is a fault that is to come over its answer.
    """

    __slots__ = (
        "body",
        "hit",
        "name",
        "note",
        "operation",
        "path",
        "principal",
        "query",
        "raw_body",
        "request",
        "started",
    )

    def __init__(self, request: Request) -> None:
        self.request = request
        self.started = time.perf_counter()
        self.operation: Operation | None = None
        self.name = "unknown"
        self.path: Any = {}
        self.query: Any = None
        self.body: Any = None
        self.raw_body = b""
        self.principal: Any = None
        self.note: str = ""
        self.hit: Hit | None = None

    @property
    def run_id(self) -> str:
        """Give the id of the load run that the request belongs to; "" where it names none."""
        return run_of(self.request.scope)
