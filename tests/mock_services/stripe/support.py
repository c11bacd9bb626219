"""What the tests of the Stripe stub share: its key, its settings without delays, and a target for webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from stripe import StripeClient, StripeError

from mock_services.stripe.settings import LAB_KEY
from tests.support.waiting import wait_until

AT_ONCE = {"STRIPE_LATENCY_MS": "0", "STRIPE_REQUESTS_PER_SECOND": "0"}
ACACIA = "2025-02-24.acacia"
BEARER = {"Authorization": f"Bearer {LAB_KEY}"}


def client(address: str, key: str = LAB_KEY, **options: Any) -> Any:
    """Give Stripe's own client, pointed at the stub; it repeats nothing by itself."""
    options.setdefault("max_network_retries", 0)
    return StripeClient(key, base_addresses={"api": f"http://{address}"}, **options)


def error_of(refusal: StripeError) -> dict[str, Any]:
    """Give the `error` that came with a refusal."""
    body: Any = refusal.json_body
    error: dict[str, Any] = body["error"]
    return error


def post(address: str, path: str, form: str = "", **headers: str) -> httpx.Response:
    """Send a form as it stands, as an old SDK or curl does."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"http://{address}{path}", content=form, headers=BEARER | kind | given)


def complete(address: str, session_id: str, **entered: str) -> httpx.Response:
    """Do what a customer does on the page of a checkout session."""
    return httpx.post(f"http://{address}/__lab/checkout/{session_id}/complete", json=entered)


def customer(sdk: Any, card: str = "pm_card_visa") -> str:
    """Make a customer who pays with a test card."""
    made = sdk.v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    return str(made.id)


def subscribe(sdk: Any, to: str = "price_lab_basic", **more: Any) -> Any:
    """Subscribe a customer, a new one if none is given, to a price."""
    more.setdefault("customer", customer(sdk))
    return sdk.v1.subscriptions.create({"items": [{"price": to}], **more})


@dataclass
class Received:
    """One webhook as it came."""

    body: bytes
    signature: str
    headers: dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass
class Target:
    """A server that webhooks are sent to; `statuses` are its first answers, after which it answers 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def types(self) -> list[str]:
        return [each.event["type"] for each in self.received]

    def wait_for(self, number: int) -> list[Received]:
        wait_until(lambda: len(self.received) >= number, f"{number} webhooks (of which came {self.types()})")
        return self.received


@contextmanager
def target(*statuses: int) -> Iterator[Target]:
    """Serve a `Target` on a port of its own."""
    told = Target(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.received.append(Received(body, headers["stripe-signature"], headers))
            self.send_response(told.statuses.pop(0) if told.statuses else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        told.url = f"http://127.0.0.1:{server.server_port}/api/billing/webhook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
