"""The SendGrid stub as an application: `POST /v3/mail/send` at the vendor's path, and the mails for the lab to read."""

from __future__ import annotations

import hmac
import math
import time
from typing import Any

import orjson
from starlette.responses import Response

from mock_services.core.durations import Milliseconds
from mock_services.core.limits import SECOND_S, Bucket, body_limit
from mock_services.core.operations import Exchange, Operation, json_response
from mock_services.core.pacing import wait_until_due
from mock_services.core.randomness import Randomness
from mock_services.core.service import Service
from mock_services.sendgrid.errors import (
    BadRequest,
    InvalidMail,
    PayloadTooLarge,
    SendGridError,
    SendGridErrors,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)
from mock_services.sendgrid.models import Mailbox
from mock_services.sendgrid.protocol import check, sandboxed
from mock_services.sendgrid.settings import SendGridSettings

MOST_SHOWN = 1_000


def build(settings: SendGridSettings | None = None) -> Service:
    """Make the stub; without `settings` they come from the environment."""
    return SendGrid(settings or SendGridSettings()).service


class SendGrid:
    """Joins the mailbox to the handler chain."""

    def __init__(self, settings: SendGridSettings) -> None:
        self.settings = settings
        self.mailbox = Mailbox(settings.max_messages, settings.max_kept_mib << 20, settings.seed)
        self.lateness_ms = Milliseconds()
        self.refused = 0
        self._key = settings.api_key.encode()
        self._bucket = Bucket(settings.requests_per_second, SECOND_S)
        self._random = Randomness(settings.seed)
        self.service = Service(
            "sendgrid",
            [
                Operation(
                    method="POST",
                    path="/v3/mail/send",
                    handler=self._send,
                    summary="Send a mail",
                    authenticate=self._authenticate,
                    responses={202: None},
                ),
                Operation(
                    method="GET",
                    path="/v3/scopes",
                    handler=self._scopes,
                    summary="List what the key may do",
                    authenticate=self._authenticate,
                ),
            ],
            SendGridErrors(),
            before=[body_limit(settings.max_body_mib << 20, lambda: PayloadTooLarge(settings.max_body_mib))],
            after_authentication=[self._limit, self._take_time],
            admin_operations=[
                Operation(
                    method="GET", path="/__lab/messages", handler=self._messages, summary="Find mails that were taken"
                )
            ],
            reset=[self.reset],
            gauges=self.gauges,
        )

    def reset(self) -> None:
        """Forget every mail and count."""
        self.mailbox.clear()
        self.lateness_ms = Milliseconds()
        self.refused = 0
        self._bucket = Bucket(self.settings.requests_per_second, SECOND_S)
        self._random = Randomness(self.settings.seed)

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`."""
        box = self.mailbox
        return {
            "sendgrid": {
                **box.totals(),
                "requests_accepted": box.requests,
                "sandboxed": box.sandboxed,
                "refused": self.refused,
                "kept": len(box),
                "kept_bytes": box.bytes,
                "dropped": box.dropped,
                "latency_ms": str(self.settings.latency_ms),
                "requests_per_second": self.settings.requests_per_second,
                "lateness_ms": self.lateness_ms.summary(),
                "seed": self.settings.seed,
            }
        }

    async def _authenticate(self, exchange: Exchange) -> None:
        scheme, _, key = exchange.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode("utf-8", "replace"), self._key):
            self.refused += 1
            raise Unauthorized

    async def _limit(self, exchange: Exchange) -> None:
        now = time.monotonic()
        if self._bucket.wait_s(1, now) > 0:
            self.refused += 1
            raise TooManyRequests(self.settings.requests_per_second, math.ceil(time.time()) + 1)
        self._bucket.use(1, now)

    async def _take_time(self, exchange: Exchange) -> None:
        delay_s = self.settings.latency_ms.draw_s(self._random.stream("sendgrid latency"))
        await wait_until_due(exchange, delay_s, self.lateness_ms)

    async def _send(self, exchange: Exchange) -> Response:
        if exchange.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType
        exchange.raw_body = await exchange.request.body()
        try:
            mail = orjson.loads(exchange.raw_body.decode())  # strict: no NaN, no half of a surrogate pair
        except (ValueError, RecursionError) as unreadable:
            self.refused += 1
            broken = isinstance(unreadable, UnicodeDecodeError)
            raise BadRequest("Invalid UTF8 in request." if broken else "Bad Request") from None
        faults = check(mail, int(time.time()))
        if faults:
            self.refused += 1
            raise InvalidMail(faults)
        if sandboxed(mail):
            self.mailbox.sandbox()
            return Response(status_code=200)
        run_id = exchange.run_id
        message_id = self.mailbox.accept(mail, run_id, time.time())
        exchange.note = message_id
        self._reckon(mail, run_id, message_id)
        return Response(status_code=202, headers={"x-message-id": message_id})

    def _reckon(self, mail: dict[str, Any], run_id: str, message_id: str) -> None:
        reckoning = self.service.reckoning
        reckoning.note(run_id, "mail", message_id)
        for personalization in mail["personalizations"]:
            for recipient in personalization["to"]:
                reckoning.note(run_id, "mail to", recipient["email"].lower())

    async def _scopes(self, exchange: Exchange) -> Response:
        return json_response({"scopes": ["mail.send"]})

    async def _messages(self, exchange: Exchange) -> Response:
        """Answer `GET /__lab/messages?to=&contains=&run_id=&limit=`: mails that were taken, newest first."""
        query = exchange.request.query_params
        limit = query.get("limit", "100")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_SHOWN:
            raise SendGridError(f"limit is {limit!r}; it takes a whole number from 1 to {MOST_SHOWN}", "limit")
        run_id = query.get("run_id", "")
        found = self.mailbox.find(query.get("to", ""), query.get("contains", ""), run_id, int(limit))
        return json_response(
            {"messages": found, "totals": self.mailbox.totals(run_id), "dropped": self.mailbox.dropped}
        )
