"""What every call has at hand: the account's credentials, signed webhooks, the pacer, voices, and a journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from mock_services.core.faults.injector import Loss, Post
from mock_services.core.operations import RUN_HEADER
from mock_services.core.randomness import Randomness
from mock_services.core.reckoning import Reckoning, webhook_identity, webhook_kind
from mock_services.twilio.http import Answer, HttpClient, HttpStatusError, Params, WebhookError
from mock_services.twilio.pacer import Pacer
from mock_services.twilio.protocol.audio import Voice
from mock_services.twilio.protocol.signature import sign
from mock_services.twilio.protocol.urls import path_of


@dataclass(frozen=True, slots=True)
class Network:
    """The telephone network as a call sees it. `speech_rate`: characters a second that `<Say>` speaks.

    `signs_opened`: a stream's upgrade is signed over the URL that is really opened, not over the TwiML's.
    """

    account_sid: str
    auth_token: str
    http: HttpClient
    pacer: Pacer
    voice: Voice
    randomness: Randomness
    stream_map: Mapping[str, str]
    signs_opened: bool
    speech_rate: float
    record: Callable[[str, str, str, int, float, str, str, bytes], None]  # `core.Journal.add`
    fault: Callable[[str, str, str, bytes], Post]  # `core.faults.Injector.webhook`
    opened: Callable[[str, str, str, bytes], Loss | None]  # `core.faults.Injector.opened`
    reckoning: Reckoning = field(default_factory=Reckoning)

    def sign_upgrade(self, url: str, opened: str) -> str:
        """Sign the upgrade request of a media socket: the TwiML has `url`, and `opened` is where it really is."""
        return sign(self.auth_token, opened if self.signs_opened else url)

    async def call_webhook(
        self, kind: str, method: str, url: str, fields: Params, run_id: str, cookies: dict[str, str]
    ) -> Answer:
        """Send one webhook and journal it under `kind`; raise `WebhookError` where it fails.

        A fault may have it leave later, or more than once: then the first one's answer counts, and it is reckoned as
        one. It names its run in a header that no target needs to know, and that is not signed.
        """
        webhook = _Webhook(f"{method} {{{kind}}}", method, url, fields, run_id, urlencode(fields).encode("ascii"))
        path, certain = path_of(url), True
        try:
            with self.reckoning.under_way(run_id):
                return await self._post(webhook, cookies, self.fault(webhook.name, path, run_id, webhook.body))
        except asyncio.CancelledError:
            certain = False  # one that a caller's hanging up cuts off may have arrived or not
            raise
        finally:
            self.reckoning.note(run_id, webhook_kind(path), webhook_identity(dict(fields)), certain=certain)

    async def _post(self, webhook: _Webhook, cookies: dict[str, str], post: Post) -> Answer:
        if post.delay_s:
            await asyncio.sleep(post.delay_s)
        if post.times == 1:
            return await self._send(webhook, cookies, post.note)
        sent = (self._send(webhook, cookies, post.note) for _ in range(post.times))
        answer, *_ = await asyncio.gather(*sent, return_exceptions=True)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _send(self, webhook: _Webhook, cookies: dict[str, str], fault: str) -> Answer:
        name, method, url, fields, run_id, body = webhook
        started = time.monotonic()
        status, note = 0, fault
        headers = {"X-Home-Region": "us1"} | ({RUN_HEADER: run_id} if run_id else {})
        try:
            answer = await self.http.fetch(method, url, fields, headers, cookies)
            status = answer.status
        except WebhookError as failure:
            note = f"{fault}; {failure}" if fault else str(failure)
            if isinstance(failure, HttpStatusError) and failure.answer is not None:
                status = failure.answer.status
            raise
        finally:
            ms = (time.monotonic() - started) * 1000
            self.record("webhook", name, path_of(url), status, ms, run_id, note, body)
        return answer


class _Webhook(NamedTuple):
    """One webhook, by the name that it is journalled under."""

    name: str
    method: str
    url: str
    fields: Params
    run_id: str
    body: bytes
