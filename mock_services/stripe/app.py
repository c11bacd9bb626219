"""The Stripe stub as an application: `/v1/*` at the vendor's paths, and what the lab adds under `/__lab/`."""

from __future__ import annotations

import base64
import hmac
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from mock_services.core.durations import Milliseconds
from mock_services.core.limits import SECOND_S, Bucket, body_limit
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.pacing import wait_until_due
from mock_services.core.randomness import Randomness
from mock_services.core.service import Service
from mock_services.stripe.checkout import Completion
from mock_services.stripe.errors import (
    AuthenticationError,
    InvalidRequestError,
    PayloadTooLarge,
    RateLimited,
    StripeErrors,
    bracketed,
    unknown_url,
)
from mock_services.stripe.idempotency import Answer, IdempotencyKeys
from mock_services.stripe.models import Account, Cause, Page, Row
from mock_services.stripe.objects import listing
from mock_services.stripe.params import fit
from mock_services.stripe.protocol import FormError, decode_form, is_version, since
from mock_services.stripe.routes import Resources, Route, routes
from mock_services.stripe.settings import StripeSettings
from mock_services.stripe.shapes import Expansion, shape, shape_event
from mock_services.stripe.webhooks import Courier

MOST_IGNORED_NAMES = 200
PAYMENTS = frozenset({"POST /v1/checkout/sessions", "POST /v1/subscriptions"})
"""What begins a payment, and is reckoned with whoever asked for it."""


def build(settings: StripeSettings | None = None, clock: Callable[[], float] = time.time) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    return Stripe(settings or StripeSettings(), clock).service


@dataclass(slots=True)
class Call:
    """What is known of a request once its caller is: `claimed` is its idempotency key while it is being carried out."""

    request_id: str
    version: str
    given: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    claimed: bool = False
    executed: bool = False
    replayed: Answer | None = None


class Stripe:
    """Joins the account to the handler chain."""

    def __init__(self, settings: StripeSettings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.account = Account(settings, clock)
        self.resources = Resources(self.account)
        self.keys = IdempotencyKeys(settings.max_idempotency_keys)
        self.courier = Courier(settings, lambda event, endpoint: shape_event(event, self._version_of(endpoint)))
        self.lateness_ms = Milliseconds()
        self.ignored: Counter[str] = Counter()
        self._key = settings.secret_key.encode()
        self._random = Randomness(settings.seed)
        self._bucket = Bucket(settings.requests_per_second, SECOND_S)
        self.account.listeners.append(
            lambda event: self.courier.post(event, self.resources.endpoints.listening(event["type"]))
        )
        self.resources.begin()
        self.service = Service(
            "stripe",
            [self._operation(route) for route in routes(self.resources)],
            StripeErrors(),
            before=[body_limit(settings.max_body_bytes, self._too_large)],
            after_authentication=[self._limit, self._read, self._claim, self._take_time],
            decorate=[self._finish],
            admin_operations=[
                Operation(
                    method="POST",
                    path="/__lab/checkout/{id}/complete",
                    handler=self._complete_checkout,
                    summary="Do what a customer does on a session's page",
                ),
                Operation(
                    method="GET", path="/__lab/webhooks", handler=self._webhooks, summary="Count webhooks by their fate"
                ),
            ],
            lifespan=self.courier.running,
            reset=[self.reset],
            gauges=self.gauges,
            reckoning=self.courier.reckoning,
        )
        self.courier.fault = self.service.injector.webhook

    def reset(self) -> None:
        """Put the account back to its start; what was still to be sent is not sent."""
        for endpoint in self.account.tables.endpoints.rows.values():
            endpoint["status"] = "disabled"
        self.courier.clear()
        self.keys.clear()
        self.ignored.clear()
        self.lateness_ms = Milliseconds()
        self._random = Randomness(self.settings.seed)
        self._bucket = Bucket(self.settings.requests_per_second, SECOND_S)
        self.account.clear()
        self.resources.begin()

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`."""
        account, outbox = self.account, self.courier.outbox
        numbers = {
            "objects": {name: len(table) for name, table in account.tables.all().items()},
            "max_objects": self.settings.max_objects,
            "created": account.created,
            "events": {"emitted": account.emitted, "kept": len(account.events)},
            "paid": account.paid,
            "idempotency": {"keys": len(self.keys), "replayed": self.keys.replayed},
            "ignored_parameters": dict(self.ignored),
            "webhooks": {
                **outbox.counts,
                "waiting": len(outbox),
                "in_flight": self.courier.in_flight,
                "answer_ms": self.courier.answer_ms.summary(),
            },
            "latency_ms": str(self.settings.latency_ms),
            "requests_per_second": self.settings.requests_per_second,
            "lateness_ms": self.lateness_ms.summary(),
            "seed": self.settings.seed,
        }
        return {"stripe": numbers}

    # Links of the chain

    async def _authenticate(self, exchange: Exchange) -> Call:
        """Check the key, as Bearer or as the user name of Basic, and the API version."""
        headers = exchange.request.headers
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        key = credentials.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key, validate=True).decode().partition(":")[0]
            except ValueError:
                key = ""
        if scheme.lower() not in ("bearer", "basic") or not key:
            raise AuthenticationError.missing()
        if not hmac.compare_digest(key.encode("utf-8", "replace"), self._key):
            raise AuthenticationError.invalid(key)
        version = headers.get("stripe-version") or self.settings.api_version
        if not is_version(version):
            raise InvalidRequestError(f"Invalid Stripe API version: {version[:100]}")
        return Call(self._new_request_id(), version)

    async def _limit(self, exchange: Exchange) -> None:
        now = time.monotonic()
        if self._bucket.wait_s(1, now) > 0:
            raise RateLimited
        self._bucket.use(1, now)

    async def _read(self, exchange: Exchange) -> None:
        """Decode the parameters: of GET and DELETE those in the URL too, in brackets like a form's."""
        call: Call = exchange.principal
        exchange.raw_body = await exchange.request.body()
        query = exchange.request.scope["query_string"].decode("latin-1")
        try:
            call.given = decode_form(exchange.raw_body.decode("utf-8", "replace"))
            if query:
                call.given = decode_form(query) | call.given
        except FormError as wrong:
            raise InvalidRequestError(str(wrong), wrong.param or None) from None

    async def _claim(self, exchange: Exchange) -> Response | None:
        """Give the kept answer of a repeated POST; else hold its key until it is answered."""
        call: Call = exchange.principal
        key = exchange.request.headers.get("idempotency-key")
        if key is None or exchange.request.method != "POST":
            return None
        call.key = key
        call.replayed = self.keys.claim(key, exchange.request.scope["path"], exchange.raw_body)
        if call.replayed is None:
            call.claimed = True
            return None
        exchange.note = f"replayed: {call.replayed.request_id}"
        return Response(call.replayed.body, call.replayed.status, media_type="application/json")

    async def _take_time(self, exchange: Exchange) -> None:
        delay_s = self.settings.latency_ms.draw_s(self._random.stream("stripe latency"))
        await wait_until_due(exchange, delay_s, self.lateness_ms)

    def _finish(self, exchange: Exchange, response: Response) -> None:
        """Keep the answer under its idempotency key, and add Stripe's headers."""
        call: Call | None = exchange.principal
        headers = response.headers
        headers["request-id"] = call.request_id if call is not None else self._new_request_id()
        headers["stripe-version"] = call.version if call is not None else self.settings.api_version
        if call is None or call.key is None:
            return
        headers["idempotency-key"] = call.key
        headers["original-request"] = call.request_id
        if call.replayed is not None:
            headers["original-request"] = call.replayed.request_id
            headers["idempotent-replayed"] = "true"
        elif call.claimed and call.executed:
            self.keys.keep(call.key, Answer(response.status_code, bytes(response.body), call.request_id))
        elif call.claimed:
            self.keys.release(call.key)

    # Handlers

    def _operation(self, route: Route) -> Operation:
        method, _, path = route.name.partition(" ")

        async def handle(exchange: Exchange) -> Response:
            return self._carry_out(route, exchange)

        return Operation(
            method=method, path=path, handler=handle, summary=route.summary, authenticate=self._authenticate
        )

    def _carry_out(self, route: Route, exchange: Exchange) -> Response:
        """Run one operation, all at once: nothing else sees the account in between."""
        call: Call = exchange.principal
        if route.until is not None and since(call.version, route.until):
            raise unknown_url(exchange.request.method, exchange.request.scope["path"])
        params = fit(route.params, call.given)
        self._note_ignored(route, call.given)
        call.executed = True
        run_id = exchange.run_id
        self.account.cause = Cause(call.request_id, call.key, run_id)
        result = route.run(*exchange.path.values(), params)
        shown = self._render(result, call.version, params.expand)
        if exchange.name in PAYMENTS:
            self.service.reckoning.note(run_id, "payment", shown["id"])
        return json_response(shown)

    def _render(self, result: Row | Page, version: str, expand: list[str]) -> Row:
        if isinstance(result, Page):
            rows = [self._shape(row, version) for row in result.rows]
            shaped = listing(result.path, rows, result.has_more)
        else:
            shaped = self._shape(result, version)
        Expansion(self.account, version).expand(shaped, expand)
        return shaped

    def _shape(self, row: Row, version: str) -> Row:
        if row["object"] == "event":  # an event keeps the version in which it happened
            return shape_event(row, self.settings.api_version)
        shaped: Row = shape(row, version)
        return shaped

    def _note_ignored(self, route: Route, given: dict[str, Any]) -> None:
        for name in route.params.unused:
            if name in given and (name in self.ignored or len(self.ignored) < MOST_IGNORED_NAMES):
                self.ignored[name] += 1

    async def _complete_checkout(self, exchange: Exchange) -> Response:
        """Answer `POST /__lab/checkout/{id}/complete`: what a customer's browser does. It needs no key, as there."""
        await body_limit(self.settings.max_body_bytes, self._too_large)(exchange)
        content = await exchange.request.body()
        try:
            entered = TypeAdapter(Completion).validate_json(content or b"{}")
        except ValidationError as misfit:
            fault = misfit.errors(include_url=False)[0]
            raise InvalidRequestError(f"{bracketed(fault['loc'])}: {fault['msg']}", bracketed(fault["loc"])) from None
        self.account.cause = Cause(run_id=exchange.run_id)
        row = self.resources.checkout.complete(exchange.path["id"], entered)
        return json_response(shape(row, self.settings.api_version))

    async def _webhooks(self, exchange: Exchange) -> Response:
        """Answer `GET /__lab/webhooks?run_id=`: counts, and the newest deliveries that came to an end."""
        outbox = self.courier.outbox
        run_id = exchange.request.query_params.get("run_id", "")
        counts = outbox.by_run.get(run_id, Counter()) if run_id else outbox.counts
        deliveries = [each for each in reversed(outbox.newest) if not run_id or each["run_id"] == run_id]
        return json_response({"totals": dict(counts), "waiting": len(outbox), "deliveries": deliveries})

    def _version_of(self, endpoint: Row) -> str:
        version: str = endpoint["api_version"] or self.settings.api_version
        return version

    def _new_request_id(self) -> str:
        return self.account.new_id("req", 14)

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"A request's body can be at most {self.settings.max_body_bytes} bytes long.")
