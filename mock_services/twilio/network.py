"""What every call has at hand: the account's credentials, signed webhooks, the pacer, voices, and a journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from mock_services.core.randomness import Randomness
from mock_services.twilio.http import Answer, HttpClient, HttpStatusError, Params, WebhookError
from mock_services.twilio.pacer import Pacer
from mock_services.twilio.protocol.audio import Voice
from mock_services.twilio.protocol.signature import sign


@dataclass(frozen=True, slots=True)
class Network:
    """The telephone network as a call sees it. `speech_rate`: characters a second that `<Say>` speaks."""

    account_sid: str
    auth_token: str
    http: HttpClient
    pacer: Pacer
    voice: Voice
    randomness: Randomness
    stream_map: Mapping[str, str]
    speech_rate: float
    record: Callable[[str, str, str, int, float, str, str, bytes], None]  # `core.Journal.add`

    def sign_upgrade(self, url: str) -> str:
        """Sign the upgrade request of a media socket."""
        return sign(self.auth_token, url)

    async def call_webhook(
        self, kind: str, method: str, url: str, fields: Params, run_id: str, cookies: dict[str, str]
    ) -> Answer:
        """Send one webhook and journal it under `kind`; raise `WebhookError` where it fails."""
        started = time.monotonic()
        status, note = 0, ""
        try:
            answer = await self.http.fetch(method, url, fields, {"X-Home-Region": "us1"}, cookies)
            status = answer.status
        except WebhookError as failure:
            note = str(failure)
            if isinstance(failure, HttpStatusError) and failure.answer is not None:
                status = failure.answer.status
            raise
        finally:
            ms = (time.monotonic() - started) * 1000
            body = urlencode(fields).encode("ascii")
            self.record("webhook", f"{method} {{{kind}}}", urlsplit(url).path, status, ms, run_id, note, body)
        return answer
